"""``reconciler resolve``: say how a write ended of which neither an answer nor the live side tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.holds import consequence, entry_json, entry_text
from reconciler.cli.options import by_option, lock_option, refuse_beside_server, takes_place, whoever
from reconciler.cli.orders import writing
from reconciler.errors import InputError
from reconciler.opening import open_store
from reconciler.orders import resolve
from reconciler.settings import Target, Where

if TYPE_CHECKING:
    from reconciler.remote import Server
    from reconciler.store.records import Ending


@click.command("resolve")
@click.argument("entry", type=click.IntRange(min=1), required=False)
@click.option("--as", "ending", type=click.Choice(["done", "not-done"]), help="How it ended.")
@by_option
@lock_option
@takes_place
def command(
    entry: int | None,
    ending: Ending | None,
    by: str | None,
    lock_timeout: float,
    where: Where,
    server: Server | None,
) -> int:
    """List the writes whose outcome is unknown, or say how one of them ended. Asks and tells the target nothing."""
    if (entry is None) != (ending is None):
        raise InputError(
            "resolve takes an entry and how it ended", remedy="for example: reconciler resolve 3 --as done"
        )
    if server is not None:
        refuse_beside_server(**{"--by": by, "--lock-timeout": lock_timeout})
        told = finish(_there(server, where.target, entry, ending))
    elif entry is None or ending is None:
        told = finish(_listed(the_target(where)))
    else:
        told = finish(_here(the_target(where), entry, ending, whoever(by), lock_timeout))
    for line in told:
        click.echo(line)
    return 0


def _lines(found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return ["Nothing is open."]
    hint = f"Say how one ended: reconciler resolve {found[0]['id']} --as done, or --as not-done"
    return [*map(entry_text, found), hint]


def _told(one: dict[str, Any], ending: str) -> list[str]:
    action, objects = str(one["action"]), [str(name) for name in one["objects"]]
    head = f"#{one['id']} {one['operation']} of {', '.join(objects)}: {'done' if ending == 'done' else 'not done'}."
    return [head, consequence(action, ending, objects)]


def _the_one(found: list[dict[str, Any]], entry: int) -> dict[str, Any]:
    for one in found:
        if one["id"] == entry:
            return one
    numbers = ", ".join(str(one["id"]) for one in found) or "none"
    raise InputError(f"entry {entry} isn't open", remedy=f"open: {numbers}")


async def _listed(target: Target) -> list[str]:
    store = open_store(target, writes=False)
    if store is None:
        return _lines([])
    try:
        return _lines([entry_json(one) for one in store.entries(open_only=True)])
    finally:
        await store.close()


async def _here(target: Target, entry: int, ending: Ending, by: str, lock_timeout: float) -> list[str]:
    async with writing(target, lock_timeout) as store:
        return _told(entry_json(await resolve(store, target.system, entry, ending, by)), ending)


async def _there(server: Server, names: tuple[str, ...], entry: int | None, ending: Ending | None) -> list[str]:
    from reconciler.remote import connected

    async with connected(server) as remote:
        name = await remote.only(names)
        found = (await remote.target(name)).get("entries") or []
        if entry is None or ending is None:
            return _lines(found)
        one = _the_one(found, entry)
        await remote.resolve(name, entry, ending)
        return _told(one, ending)
