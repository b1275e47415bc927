"""What a system that can't be read back remembers of each object that it was told to reject, kept in a file.

A record has the `id`, a `status`, how many `times` a client sent it (0: a human did it), whether the client got to
read an answer that settles it (`acknowledged`), and what else was sent the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from reconciler.emulator.collection import Collection, Record, checked_edit
from reconciler.emulator.files import write_whole

FORMAT = 1
NAME = "rejections"


class Ledger:
    """The rejections that the system of this name took, in `path` if there is one."""

    def __init__(self, system: str, path: Path | None = None) -> None:
        self._format = f"{system}/{FORMAT}"
        self._path = path
        self._records = Collection("id", lambda _: ())
        self._saved = -1
        if path is not None and path.exists():
            self._load(path)

    def get(self, identity: str) -> Record | None:
        """What is known of the object with this id."""
        return self._records.get(identity)

    def note(self, identity: str, status: str, **fields: Any) -> Record:
        """Count that a client has sent this object; status and fields count the first time only."""
        record = self._records.get(identity) or _record({"id": identity, "status": status, **fields})
        return self._records.add({**record, "times": record["times"] + 1})

    def acknowledge(self, identities: Iterable[str]) -> None:
        """Note that the client knows of these objects that they are settled."""
        for identity in identities:
            if identity in self._records.ids():
                self._records.change(identity, acknowledged=True)

    def edit(self, order: Mapping[str, Any]) -> int:
        """Carry out {"collection": "rejections", "match", "set" or "delete"}, or {"collection", "add": {"id", …}}."""
        checked_edit(order)
        if order["collection"] != NAME:
            raise KeyError(order["collection"])
        if "add" in order:
            self._records.add(_record(order["add"]))
            return 1
        found = self._records.matching(order.get("match", {}))
        for identity in found:
            if "delete" in order:
                self._records.remove(identity)
            else:
                self._records.change(identity, **order["set"])
        return len(found)

    def as_json(self) -> dict[str, Any]:
        """Every record, oldest first."""
        return {NAME: list(self._records)}

    def save(self) -> None:
        """Put everything into the file, if there is one and something changed."""
        if self._path is not None and self._saved != self._records.version:
            write_whole(self._path, orjson.dumps({"format": self._format, **self.as_json()}))
        self._saved = self._records.version

    def _load(self, path: Path) -> None:
        content = orjson.loads(path.read_bytes())
        if not isinstance(content, dict) or content.get("format") != self._format:
            raise ValueError(f"{path} isn't the state of such an emulator of this version")
        for record in content[NAME]:
            self._records.add(record)


def _record(fields: Mapping[str, Any]) -> Record:
    return {"id": fields["id"], "status": "rejected", "times": 0, "acknowledged": False, **fields}
