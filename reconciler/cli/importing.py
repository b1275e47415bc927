"""Commands that systems bring along: what administrators keep today in the product's own files, as desired state."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.show import note
from reconciler.errors import InputError, InvalidTree
from reconciler.export import secret_of, to_yaml
from reconciler.load.plain import load_plain
from reconciler.model import Location, Problem, SourceFile
from reconciler.systems.base import Imported, Importer
from reconciler.systems.registry import systems


def import_command(importer: Importer) -> click.Command:
    """The command of one importer."""

    @click.command(importer.command, help=f"{importer.summary} Keys become names of secrets; FILE is {importer.holds}.")
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--secrets-dir", type=click.Path(path_type=Path), help="Write each key to a file here.")
    def command(file: Path, secrets_dir: Path | None) -> int:
        return _import(importer, file, secrets_dir)

    return command


def _import(importer: Importer, file: Path, secrets_dir: Path | None) -> int:
    found = _read(importer, file)
    system = next(one for one in systems().values() if importer in one.importers)
    text, secrets = to_yaml(system, system.kinds[importer.kind], [(one.name, one.spec) for one in found])
    if secrets_dir is not None:
        for one in found:
            _write_secrets(secrets_dir, one)
    elif secrets:
        count = f"{len(secrets)} secret{'' if len(secrets) == 1 else 's'}"
        note(f"{count} to fill in; --secrets-dir DIR writes them: {', '.join(secrets)}")
    click.echo(text, nl=False)
    return 0


def _read(importer: Importer, file: Path) -> list[Imported]:
    try:
        source = SourceFile(str(file), file.read_bytes())
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}", remedy="name the file to import") from None
    data, tree, problems = load_plain(source)
    if problems or tree is None:
        raise InvalidTree(problems, str(file))
    entries = list(importer.read(data))
    if not entries:
        raise InputError(f"{file} holds nothing to import", remedy=f"it is {importer.holds}")
    bad = [Problem(Location(str(file), *tree.mark(place)), one) for place, one in entries if isinstance(one, str)]
    if bad:
        raise InvalidTree(bad, str(file))
    found = [one for _, one in entries if isinstance(one, Imported)]
    _refuse_twins(file, found)
    return found


def _refuse_twins(file: Path, found: list[Imported]) -> None:
    """Two names that are the same, or that make the same name of a secret."""
    made = [secret_of(one.name, "") for one in found]
    for number, one in enumerate(found):
        if made[number] in made[:number]:
            remedy = "give each a name of its own"
            raise InputError(f"{file}: two entries are called {one.name!r}, or nearly so", remedy=remedy)


def _write_secrets(folder: Path, one: Imported) -> None:
    for field, secret in one.secrets.items():
        path = folder / secret_of(one.name, field)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secret.reveal())
        except FileExistsError:
            raise InputError(f"{path} is there already", remedy="name another folder: nothing is overwritten") from None
        except OSError as error:
            raise InputError(f"{path} can't be written: {error.strerror}", remedy="name another folder") from None
