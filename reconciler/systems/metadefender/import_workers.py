"""The product's own worker import file (a list of display_name, host, port, connection_key) as desired state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError

from reconciler.model import Path
from reconciler.secret import Secret, SecretRef
from reconciler.systems.base import Imported, Importer, Spec
from reconciler.systems.fields import Host, Name, Port


class ImportedWorker(Spec):
    """One entry of the file; the key stands in it in clear, and goes no further than into a secret."""

    display_name: Name | None = None
    host: Host
    port: Port = 8893
    connection_key: Annotated[SecretStr, Field(strict=False)] | None = None


def read_workers(data: Any) -> Iterator[tuple[Path, Imported | str]]:
    """Each entry with its place: as a document, or in one sentence what is wrong with it (never its values)."""
    wrapped = isinstance(data, dict) and set(data) == {"workers"}
    found = data["workers"] if wrapped else data
    for number, entry in enumerate(found if isinstance(found, list) else ()):
        yield ("workers", number) if wrapped else (number,), _read(entry)


def _read(entry: Any) -> Imported | str:
    try:
        worker = ImportedWorker.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        kind = "isn't a field of a worker" if first["type"] == "extra_forbidden" else "is missing or can't be used"
        return f"{where or 'the entry'} {kind}: an entry has display_name, host, port and connection_key"
    name = worker.display_name or f"{worker.host}:{worker.port}"
    spec: dict[str, Any] = {"host": worker.host, "port": worker.port}
    if worker.connection_key is None:
        return Imported(name, spec)
    key = Secret(worker.connection_key.get_secret_value())
    return Imported(name, spec | {"connection_key": SecretRef("connection-key")}, {"connection-key": key})


IMPORT_WORKERS = Importer(
    command="import-workers",
    kind="Worker",
    summary="Turn the product's worker import file into desired state.",
    holds="a list of display_name, host, port and connection_key",
    read=read_workers,
)
