"""``reconciler suspend``: nothing is written to a target until it is resumed, or the time is up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.holds import suspension_json, suspension_text
from reconciler.cli.options import by_option, for_option, lock_option, refuse_beside_server, takes_place, whoever
from reconciler.cli.orders import ordering
from reconciler.errors import InputError
from reconciler.settings import Target, Where
from reconciler.store.records import Suspension

if TYPE_CHECKING:
    from reconciler.remote import Server

LONGEST = 500


@click.command("suspend")
@click.option("--reason", required=True, help="Why, as others are told.")
@for_option("Resume by itself after this time, such as 2h.")
@by_option
@lock_option
@takes_place
def command(
    reason: str, seconds: float | None, by: str | None, lock_timeout: float, where: Where, server: Server | None
) -> int:
    """Write nothing to a target until it is resumed; it is looked at all the same."""
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= LONGEST:
        raise InputError(f"--reason takes 1 to {LONGEST} characters", remedy="say why in a sentence")
    if server is not None:
        refuse_beside_server(**{"--by": by, "--lock-timeout": lock_timeout})
        name, found = finish(_there(server, where.target, reason, seconds))
    else:
        target = the_target(where)
        now = time.time()
        suspension = Suspension(whoever(by), reason, now, now + seconds if seconds is not None else None)
        finish(_here(target, suspension, lock_timeout))
        name, found = target.name, suspension_json(suspension) or {}
    click.echo(f"Suspended {name} {suspension_text(found)}")
    return 0


async def _here(target: Target, suspension: Suspension, lock_timeout: float) -> None:
    async with ordering(target, lock_timeout) as store:
        await store.suspend(suspension)


async def _there(
    server: Server, names: tuple[str, ...], reason: str, seconds: float | None
) -> tuple[str, dict[str, Any]]:
    from reconciler.remote import connected

    async with connected(server) as remote:
        name = await remote.only(names)
        found = (await remote.suspend(name, reason, seconds)).get("suspension")
    given = {"owner": "us", "reason": reason, "since": "now", "until": None}
    return name, found if isinstance(found, dict) else given
