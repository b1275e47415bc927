"""``reconciler approve``: agree to what a plan does beyond the budget, by its digest: to this plan and to no other."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.holds import when
from reconciler.cli.options import by_option, for_option, lock_option, refuse_beside_server, takes_place, whoever
from reconciler.cli.orders import ordering
from reconciler.cli.saved import agreed_plan, saved_plans
from reconciler.errors import InputError, PlanRefused
from reconciler.policy import Policy
from reconciler.settings import Target, Where, targets
from reconciler.store.records import Approval

if TYPE_CHECKING:
    from reconciler.remote import Server

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DAY = 86_400.0
Plans = Mapping[str, Mapping[str, Any]]


@click.command("approve")
@click.argument("digest", metavar="DIGEST|PLANFILE")
@for_option("How long it holds, such as 24h, which it is otherwise.")
@by_option
@lock_option
@takes_place
def command(
    digest: str, seconds: float | None, by: str | None, lock_timeout: float, where: Where, server: Server | None
) -> int:
    """Agree to a plan, given by its digest or as plan --out wrote it, so that a budget doesn't hold it back."""
    plans = None if DIGEST.fullmatch(digest) else _saved(digest)
    if server is not None:
        refuse_beside_server(**{"--for": seconds, "--by": by, "--lock-timeout": lock_timeout})
        told = finish(_there(server, where.target, digest, plans))
    else:
        now = time.time()
        holds = Approval("", whoever(by), now, now + (seconds or DAY))
        told = finish(_here(_agreed(where, digest, plans), holds, lock_timeout))
    for line in told:
        click.echo(line)
    return 0


def _saved(path: str) -> Plans:
    if not os.path.exists(path):
        raise InputError(
            f"{path!r} is neither a digest nor a file", remedy="a digest looks like sha256:… and ends a plan's text"
        )
    return saved_plans(path)


def _agreed(where: Where, text: str, plans: Plans | None) -> list[tuple[Target, str, Mapping[str, Any] | None]]:
    """Which plan is agreed to, target by target."""
    if plans is None:
        return [(the_target(where), text, None)]
    chosen = targets(where, Policy())
    meant = [target for target in chosen if target.name in plans or where.target] or chosen[:1]
    found = [(target, agreed_plan(plans, target.name, text)) for target in meant]
    return [(target, str(plan["digest"]), plan) for target, plan in found]


async def _here(
    agreed: list[tuple[Target, str, Mapping[str, Any] | None]], holds: Approval, lock_timeout: float
) -> list[str]:
    told: list[str] = []
    for target, digest, plan in agreed:
        async with ordering(target, lock_timeout) as store:
            if plan is not None and plan["lineage"] != store.lineage:
                raise PlanRefused(
                    f"the plan for {target.name} was made with another state",
                    remedy="make a plan with this one (--state), and approve that",
                )
            await store.approve(Approval(digest, holds.by, holds.at, holds.until))
        told.append(f"Approved for {target.name}, until {when(holds.until)}: {_described(digest, plan)}")
    return told


async def _there(server: Server, names: tuple[str, ...], text: str, plans: Plans | None) -> list[str]:
    from reconciler.remote import connected

    async with connected(server) as remote:
        if plans is None:
            if len(names) > 1:
                raise InputError("a digest is that of one target's plan", remedy="give --target once")
            name = await remote.approve(text, names[0] if names else None)
            return [f"Approved for {name}: {text}"]
        told: list[str] = []
        for name in names or plans:
            plan = agreed_plan(plans, name, text)
            await remote.approve(str(plan["digest"]), name)
            told.append(f"Approved for {name}: {_described(str(plan['digest']), plan)}")
        return told


def _described(digest: str, plan: Mapping[str, Any] | None) -> str:
    """What was agreed to: of a plan that is at hand, what it does, too."""
    if plan is None:
        return digest
    counts = [f"{number} to {action}" for action, number in plan["summary"].items() if number and action in ACTIONS]
    held = [f"{plan['summary'][word]} {word}" for word in ("blocked", "held") if plan["summary"].get(word)]
    return f"{digest} ({', '.join(counts + held) or 'nothing to do'})"


ACTIONS = ("create", "update", "replace", "delete", "upgrade", "redeploy")
