"""The product's own worker import file (a list of display_name, host, port, connection_key) as desired state."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError

from reconciler.systems.base import Spec
from reconciler.systems.fields import Host, Name, Port


class ImportedWorker(Spec):
    """One entry of the file; the key stands in it in clear, and goes no further than into a secret."""

    display_name: Name | None = None
    host: Host
    port: Port = 8893
    connection_key: Annotated[SecretStr, Field(strict=False)] | None = None


def entries_of(data: Any) -> list[tuple[int, Any]]:
    """The entries with their numbers: the file is a list, or holds one under ``workers``."""
    found = data.get("workers") if isinstance(data, dict) and set(data) == {"workers"} else data
    return list(enumerate(found)) if isinstance(found, list) else []


def read_entry(entry: Any) -> ImportedWorker | str:
    """An entry, or in one sentence what is wrong with it (never its values)."""
    try:
        return ImportedWorker.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        kind = "isn't a field of a worker" if first["type"] == "extra_forbidden" else "is missing or can't be used"
        return f"{where or 'the entry'} {kind}: an entry has display_name, host, port and connection_key"


def name_of(worker: ImportedWorker) -> str:
    """The document's name, which is the worker's display name."""
    return worker.display_name or f"{worker.host}:{worker.port}"
