"""``reconciler adopt``: make what is there already ours, so that it may be deleted or replaced one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.export import whole_view
from reconciler.cli.options import lock_option, refuse_beside_server, takes_place
from reconciler.errors import InputError
from reconciler.execute.effects import owned_as
from reconciler.load.suggest import suggest
from reconciler.memory import Owned
from reconciler.model import Identity, LiveObject
from reconciler.opening import opened
from reconciler.reconcile import Case, look
from reconciler.settings import Target, Where, claims
from reconciler.store.records import Settlement
from reconciler.systems.view import View
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
        found: list[str] = []
        for kind in case.system.kinds.values():
            for item in view.items(kind.name) if view.trouble(kind) is None and not kind.singleton else ():
                live = view.pairs(kind.name).get(item.identity)
                if live is not None and not view.owns(live):
                    await _own(case, owned_as(item, live.id, live=live, adopted=True))
                    found.append(f"{kind.name}/{item.name}")
        return found


async def _one(target: Target, kind: str, name: str, id: str | None, lock_timeout: float) -> list[str]:
    if kind not in target.system.kinds:
        raise InputError(f"there is no kind {kind!r}.{suggest(kind, target.system.kinds)}")
    async with opened(target, writes=True, lock_timeout=lock_timeout) as case:
        view = await whole_view(case)
        live = _find(view, kind, name, id)
        await _own(case, Owned(kind, live.identity, live.id, live.name, document=name, adopted=True))
        return [f"{kind}/{live.name}" + (f" (id {live.id})" if live.id else "")]


def _find(view: View, kind: str, name: str, id: str | None) -> LiveObject:
    found = view.system.kinds[kind]
    trouble = view.trouble(found)
    if trouble is not None:
        raise InputError(f"{kind} couldn't be read ({trouble})")
    matches = [live for live in view.live(kind) if live.name == name and (id is None or live.id in (None, id))]
    if len(matches) == 1 and (matches[0].id or id is None):
        return matches[0]
    if found.one_way:
        return LiveObject(kind, _asked_for(view, kind, name), name, id, {})
    if id is not None and not found.can_find(view):
        return LiveObject(kind, (name,), name, id, {})
    if len(matches) > 1:
        ids = ", ".join(live.id or "?" for live in matches)
        raise InputError(f"there are {len(matches)} live objects {kind}/{name}", remedy=f"say which with --id ({ids})")
    raise InputError(f"there is no live {kind} named {name!r}.{suggest(name, [one.name for one in view.live(kind)])}")


def _asked_for(view: View, kind: str, name: str) -> Identity:
    """The natural key of what can't be looked up: that of an open question, by either name, else the name itself."""
    keys = [key for entry in view.memory.open for key in entry.objects if key[0] == kind]
    ends = (name.lower(), name.rpartition("/")[2].lower())
    return next((key[1] for key in keys if key[1][-1].lower() in ends), (name,))


async def _own(case: Case, owned: Owned) -> None:
    """Remember it as ours; an open question about it is answered thereby."""
    assert case.store is not None
    await case.store.own(owned)
    for entry in case.store.entries(open_only=True):
        if owned.key in entry.entry.objects:
            await case.store.settle(entry.id, Settlement("done", reason="adopted"), "adopt")
