"""``reconciler resume``: a suspended target is written to again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.holds import suspension_json, suspension_text
from reconciler.cli.options import lock_option, refuse_beside_server, takes_place
from reconciler.cli.orders import ordering
from reconciler.settings import Target, Where

if TYPE_CHECKING:
    from reconciler.remote import Server


@click.command("resume")
@lock_option
@takes_place
def command(lock_timeout: float, where: Where, server: Server | None) -> int:
    """End a target's suspension."""
    if server is not None:
        refuse_beside_server(**{"--lock-timeout": lock_timeout})
        name, found = finish(_there(server, where.target))
    else:
        target = the_target(where)
        name, found = target.name, finish(_here(target, lock_timeout))
    click.echo(f"Resumed {name}, suspended {suspension_text(found)}" if found else f"{name} wasn't suspended.")
    return 0


async def _here(target: Target, lock_timeout: float) -> dict[str, Any] | None:
    async with ordering(target, lock_timeout) as store:
        found = store.suspension(time.time())
        await store.resume()
        return suspension_json(found)


async def _there(server: Server, names: tuple[str, ...]) -> tuple[str, dict[str, Any] | None]:
    from reconciler.remote import connected

    async with connected(server) as remote:
        name = await remote.only(names)
        found = (await remote.target(name)).get("suspension")
        await remote.resume(name)
        return name, found
