"""Seals: an HMAC over each row that decides about destruction, so that damage only shrinks what we may do.

A seal covers the state's lineage and every column of its row but the number that the database gave it. Plain SQLite
doesn't notice a flipped bit in a page; a row whose seal doesn't hold is left out, and never sealed again as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, and_, select

from reconciler.secret import Keyring
from reconciler.store.schema import SEALED

Row = Mapping[str, Any] | RowMapping

_CONTENT = {
    table.name: tuple(column.name for column in table.c if column.name not in ("id", "seal")) for table in SEALED
}
"""The columns that a seal covers, by the name of the table."""


@dataclass(frozen=True, slots=True)
class Seals:
    """Makes and checks the seals of one target's rows."""

    keyring: Keyring
    target: str
    lineage: str

    def sealed(self, table: Table, values: Row) -> dict[str, Any]:
        """The row's values, completed with the target and the seal."""
        row = {**values, "target": self.target} if "target" in table.c else dict(values)
        return {**row, "seal": self.keyring.sign(*self._parts(table, row))}

    def hold(self, table: Table, row: Row) -> bool:
        """Whether a row is as it was written. Any content is looked at without raising."""
        seal = row["seal"]
        if not isinstance(seal, str) or not seal.isascii():
            return False
        try:
            return self.keyring.verify(seal, *self._parts(table, row))
        except (TypeError, ValueError):
            return False

    def known(self, seal: object) -> bool:
        """Whether the seal names one of our keys (it may still be broken)."""
        ids = tuple(Keyring.key_id(key) for key in self.keyring.keys)
        return isinstance(seal, str) and seal.partition(":")[0] in ids

    def _parts(self, table: Table, row: Row) -> tuple[str, ...]:
        content = ", ".join([_shown(row.get(name)) for name in _CONTENT[table.name]])
        return (self.target, self.lineage, table.name, f"[{content}]")


def _shown(value: Any) -> str:
    # What JSON makes of it. To have texts and truths written one by one is quicker than a whole list.
    if value.__class__ is str:
        return encode_basestring_ascii(value)
    if value.__class__ is bool:
        return "true" if value else "false"
    return json.dumps(value)


def renew(connection: Connection, seals: Seals) -> None:
    """Seal every intact row of the target under the first key, so that an older key can be retired."""
    current = Keyring.key_id(seals.keyring.keys[0]) + ":"
    for table in SEALED:
        mine = table.c.target if "target" in table.c else table.c.name
        for row in connection.execute(select(table).where(mine == seals.target)).mappings().all():
            if str(row["seal"]).startswith(current) or not seals.hold(table, row):
                continue
            this = and_(*(column == row[column.name] for column in table.primary_key.columns))
            connection.execute(table.update().where(this).values(seal=seals.sealed(table, row)["seal"]))
