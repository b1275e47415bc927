"""``reconciler adopt``: make what is there already ours, so that it may be deleted or replaced one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.options import lock_option, refuse_beside_server, takes_place
from reconciler.errors import InputError
from reconciler.execute.effects import owned_as
from reconciler.memory import Owned
from reconciler.opening import opened
from reconciler.orders import adopt, own, require_kind
from reconciler.reconcile import look
from reconciler.settings import Target, Where, claims
from reconciler.trees import Loaded, load_tree

if TYPE_CHECKING:
    from reconciler.remote import Server


@click.command("adopt")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--id", "id", help="The id that the console shows, where the server doesn't list it.")
@click.option("--all", "path", type=click.Path(), metavar="PATH", help="Everything under PATH that is live already.")
@lock_option
@takes_place
def command(
    kind: str | None,
    name: str | None,
    id: str | None,
    path: str | None,
    lock_timeout: float,
    where: Where,
    server: Server | None,
) -> int:
    """Adopt one object by KIND and NAME, or all of a tree. Nothing is sent that changes anything."""
    if (path is None) == (kind is None or name is None):
        raise InputError("adopt takes KIND and NAME, or --all PATH", remedy="for example: reconciler adopt User alice")
    if server is not None:
        refuse_beside_server(**{"--all": path, "--lock-timeout": lock_timeout})
        adopted = finish(_there(server, where.target, kind or "", name or "", id))
    else:
        adopted = finish(_here(the_target(where), where, path, (kind or "", name or "", id), lock_timeout))
    for line in adopted:
        click.echo(f"Adopted {line}.")
    click.echo(f"{len(adopted)} object{'' if len(adopted) == 1 else 's'} adopted.")
    return 0


async def _here(
    target: Target, where: Where, path: str | None, one: tuple[str, str, str | None], lock_timeout: float
) -> list[str]:
    if path is not None:
        return await _all(target, load_tree(path, target, claims(where)), lock_timeout)
    return await _one(target, *one, lock_timeout)


async def _there(server: Server, names: tuple[str, ...], kind: str, name: str, id: str | None) -> list[str]:
    from reconciler.remote import connected

    async with connected(server) as remote:
        await remote.adopt(await remote.only(names), kind, name, id)
    return [f"{kind}/{name}" + (f" (id {id})" if id else "")]


async def _all(target: Target, loaded: Loaded, lock_timeout: float) -> list[str]:
    async with opened(target, loaded, writes=True, lock_timeout=lock_timeout) as case:
        view = await look(case)
        found: list[Owned] = []
        for kind in case.system.kinds.values():
            for item in view.items(kind.name) if view.trouble(kind) is None and not kind.singleton else ():
                live = view.pairs(kind.name).get(item.identity)
                if live is not None and not view.owns(live):
                    found.append(owned_as(item, live.id, live=live, adopted=True))
        await own(case, found)
        return [f"{owned.kind}/{owned.name}" for owned in found]


async def _one(target: Target, kind: str, name: str, id: str | None, lock_timeout: float) -> list[str]:
    require_kind(target.system, kind)
    async with opened(target, writes=True, lock_timeout=lock_timeout) as case:
        live = await adopt(case, kind, name, id)
        return [f"{kind}/{live.name}" + (f" (id {live.id})" if live.id else "")]
