"""``reconciler import-workers FILE``: what administrators keep today, as desired state."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.show import note
from reconciler.errors import InputError, InvalidTree
from reconciler.export import secret_of, to_yaml
from reconciler.load.plain import load_plain
from reconciler.model import Location, Problem, SourceFile
from reconciler.secret import SecretRef
from reconciler.systems.metadefender.import_workers import ImportedWorker, entries_of, name_of, read_entry
from reconciler.systems.registry import default_system


@click.command("import-workers")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--secrets-dir", type=click.Path(path_type=Path), help="Write each connection key to a file here.")
def command(file: Path, secrets_dir: Path | None) -> int:
    """Turn the worker import FILE into Worker documents, on standard output; keys become names of secrets."""
    workers = _read(file)
    system = default_system()
    named = [(name_of(one), {"host": one.host, "port": one.port} | _key(one)) for one in workers]
    text, secrets = to_yaml(system, system.kinds["Worker"], named)
    if secrets_dir is not None:
        for one in workers:
            _write_key(secrets_dir, one)
    elif secrets:
        note(f"{len(secrets)} secrets to fill in; --secrets-dir DIR writes them: {', '.join(secrets)}")
    click.echo(text, nl=False)
    return 0


def _key(one: ImportedWorker) -> dict[str, SecretRef]:
    return {"connection_key": SecretRef("connection-key")} if one.connection_key is not None else {}


def _read(file: Path) -> list[ImportedWorker]:
    try:
        source = SourceFile(str(file), file.read_bytes())
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}") from None
    data, tree, problems = load_plain(source)
    if problems:
        raise InvalidTree(problems)
    entries = entries_of(data)
    if not entries or tree is None:
        raise InputError(f"{file} holds no workers", remedy="it is a list of display_name, host, port, connection_key")
    found = [(number, read_entry(entry)) for number, entry in entries]
    prefix: tuple[str, ...] = ("workers",) if isinstance(data, dict) else ()
    bad = [
        Problem(Location(str(file), *tree.mark((*prefix, number))), one)
        for number, one in found
        if isinstance(one, str)
    ]
    if bad:
        raise InvalidTree(bad)
    workers = [one for _, one in found if isinstance(one, ImportedWorker)]
    _refuse_twins(file, workers)
    return workers


def _refuse_twins(file: Path, workers: list[ImportedWorker]) -> None:
    names = [name_of(one) for one in workers]
    secrets = [secret_of(name, "connection-key") for name in names]
    for number, name in enumerate(names):
        if name in names[:number] or secrets[number] in secrets[:number]:
            raise InputError(
                f"{file}: two workers are called {name!r}, or nearly so", remedy="give each a name of its own"
            )


def _write_key(folder: Path, one: ImportedWorker) -> None:
    if one.connection_key is None:
        return
    path = folder / secret_of(name_of(one), "connection-key")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(one.connection_key.get_secret_value())
    except FileExistsError:
        raise InputError(f"{path} is there already", remedy="name another folder: nothing is overwritten") from None
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from None
