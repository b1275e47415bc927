"""Seals: an HMAC over each row that decides about destruction, so that damage only shrinks what we may do.

A seal covers the state's lineage and every column of its row but the number that the database gave it. Plain SQLite
doesn't notice a flipped bit in a page; a row whose seal doesn't hold is left out, and never sealed again as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reconciler.secret import Keyring
from reconciler.store.columns import CONTENT

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Table

    Row = Mapping[str, Any] | RowMapping
else:
    Row = Mapping


class Seals(Struct, frozen=True):
    """Makes and checks the seals of one target's rows."""

    keyring: Keyring
    target: str
    lineage: str

    def sealed(self, table: Table, values: Row) -> dict[str, Any]:
        """The row's values, completed with the target and the seal."""
        names = CONTENT[table.name]
        row = {**values, "target": self.target} if "target" in names else dict(values)
        content = _written([row.get(name) for name in names])
        return {**row, "seal": self.keyring.sign(self.target, self.lineage, table.name, content)}

    def hold(self, table: Table, row: Row) -> bool:
        """Whether a row is as it was written. Any content is looked at without raising."""
        return self.holds(table.name, row)

    def holds(self, table: str, row: Row) -> bool:
        """The same, of a row of the table of that name."""
        return self.checker(table)([row.get(name) for name in CONTENT[table]], row["seal"])

    def checker(self, table: str) -> Callable[[Iterable[Any], object], bool]:
        """The same, for many rows: of what a row holds in the order of ``CONTENT``, and its seal."""
        verify = self.keyring.verifier(self.target, self.lineage, table)

        def intact(content: Iterable[Any], seal: object) -> bool:
            if not isinstance(seal, str) or not seal.isascii():
                return False
            try:
                return verify(seal, _written(content))
            except (TypeError, ValueError):
                return False

        return intact

    def known(self, seal: object) -> bool:
        """Whether the seal names one of our keys (it may still be broken)."""
        ids = tuple(Keyring.key_id(key) for key in self.keyring.keys)
        return isinstance(seal, str) and seal.partition(":")[0] in ids


def _written(content: Iterable[Any]) -> str:
    # What JSON makes of the list. To have texts written one by one is quicker, and most values are texts.
    text = encode_basestring_ascii
    return f"[{', '.join([text(value) if value.__class__ is str else _shown(value) for value in content])}]"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is int or (value.__class__ is float and isfinite(value)):
        return repr(value)
    return json.dumps(value)


def renew(connection: Connection, seals: Seals) -> None:
    """Seal every intact row of the target under the first key, so that an older key can be retired."""
    from sqlalchemy import and_, select  # noqa: PLC0415 - whoever only reads needs none of it

    from reconciler.store.schema import SEALED  # noqa: PLC0415 - the same

    current = Keyring.key_id(seals.keyring.keys[0]) + ":"
    for table in SEALED:
        mine = table.c.target if "target" in table.c else table.c.name
        for row in connection.execute(select(table).where(mine == seals.target)).mappings().all():
            if str(row["seal"]).startswith(current) or not seals.hold(table, row):
                continue
            this = and_(*(column == row[column.name] for column in table.primary_key.columns))
            connection.execute(table.update().where(this).values(seal=seals.sealed(table, row)["seal"]))
