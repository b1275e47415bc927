"""``reconciler export --out DIR``: the live state as desired state, to begin from."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.options import takes_where
from reconciler.cli.show import note
from reconciler.errors import InputError
from reconciler.export import to_yaml
from reconciler.opening import opened
from reconciler.orders import whole_view
from reconciler.settings import Where
from reconciler.systems.view import NotOffered, View


@click.command("export")
@takes_where
@click.option("--out", type=click.Path(file_okay=False), required=True, help="A folder that doesn't exist or is empty.")
def command(where: Where, out: str) -> int:
    """Write what is live as one file a kind; secrets come out as names to fill in."""
    target = the_target(where)
    folder = _empty(out)

    async def run() -> View:
        async with opened(target) as case:
            return await whole_view(case)

    view = finish(run())
    documents = 0
    for kind in view.system.kinds.values():
        trouble = view.trouble(kind)
        if trouble is not None:
            note(f"{kind.name}: left out, it couldn't be read ({trouble})")
            continue
        found = kind.export(view)
        if found:
            text, names = to_yaml(view.system, kind, found)
            (folder / f"{kind.name.lower()}.yaml").write_text(text, encoding="utf-8")
            documents += len(found)
            for name in names:
                note(f"secret to fill in: {name}")
    for name, one in view.collections.items():
        if isinstance(one, NotOffered):
            note(f"{name}: left out, the server doesn't show it ({one.reason})")
    click.echo(f"Exported {documents} document{'' if documents == 1 else 's'} to {out}.")
    return 0


def _empty(out: str) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{out} isn't empty", remedy="export to a new folder: nothing is ever overwritten")
    except OSError as error:
        raise InputError(f"{out} can't be used: {error.strerror}", remedy="name another folder") from None
    return folder
