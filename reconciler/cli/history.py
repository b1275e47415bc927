"""``reconciler history``: the passes so far, newest first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.holds import moment, when
from reconciler.cli.options import output_option, takes_place
from reconciler.cli.show import tame
from reconciler.errors import InputError
from reconciler.opening import open_store
from reconciler.settings import Target, Where
from reconciler.steps import Status
from reconciler.store.records import ORDERED, PassRecord, PassStart

if TYPE_CHECKING:
    from reconciler.remote import Server

NOT_DONE = tuple(status.value for status in Status if status is not Status.DONE)

MOST_AT_ONCE = 1000
"""As many passes does a daemon give."""


@click.command("history")
@takes_place
@output_option("text", "json")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
def command(where: Where, server: Server | None, output: str, limit: int) -> int:
    """Show the passes that have changed, or tried to change, the target."""
    if server is not None and limit > MOST_AT_ONCE:
        raise InputError(f"a server shows at most {MOST_AT_ONCE} passes", remedy=f"give --limit {MOST_AT_ONCE}")
    passes = finish(_there(server, where.target, limit) if server else _passes(the_target(where), limit))
    if output == "json":
        click.echo(json.dumps([as_json(one) for one in passes], indent=2))
        return 0
    if not passes:
        click.echo("No pass yet.")
    for one in passes:
        click.echo(line(one))
    return 0


async def _passes(target: Target, limit: int) -> list[PassRecord]:
    store = open_store(target, writes=False)
    if store is None:
        return []
    try:
        return store.history(limit)
    finally:
        await store.close()


async def _there(server: Server, names: tuple[str, ...], limit: int) -> list[PassRecord]:
    from reconciler.remote import connected

    async with connected(server) as remote:
        return [_record(one) for one in await remote.history(await remote.only(names), limit)]


def _record(one: Mapping[str, Any]) -> PassRecord:
    """A pass as a daemon tells of it."""
    start = PassStart(moment(one["at"]), str(one.get("mode")), one.get("revision"), one.get("digest"))
    ended = moment(one["ended"]) if one.get("ended") else None
    return PassRecord(one["id"], start, ended, one.get("verdict"), one["summary"], tuple(one["outcomes"]))


def line(one: PassRecord) -> str:
    """One pass on one line: what was planned, and what of it wasn't done; what somebody ordered is a line, too."""
    if one.verdict == ORDERED:
        words = "".join(str(outcome.get("step") or "") for outcome in one.outcomes)
        what = f"{one.start.mode}: {words}" if words else one.start.mode
        return f"#{one.id:<4} {when(one.start.at)}  {one.verdict:<12} {'':>9}  {tame(what)}"
    counts = ", ".join(f"{count} {name}" for name, count in one.summary.items() if count and name != "unchanged")
    ended = Counter(str(outcome.get("status")) for outcome in one.outcomes)
    counts += "".join(f"; {ended[status]} {status}" for status in NOT_DONE if ended[status])
    took = f"{one.ended - one.start.at:.1f} s" if one.ended is not None else "cut short"
    return f"#{one.id:<4} {when(one.start.at)}  {one.verdict or '-':<12} {took:>9}  {counts or 'nothing to do'}"


def as_json(one: PassRecord) -> dict[str, Any]:
    """One pass as JSON; times in RFC 3339."""
    return {
        "id": one.id,
        "started": when(one.start.at),
        "ended": when(one.ended) if one.ended is not None else None,
        "mode": one.start.mode,
        "outcome": one.verdict,
        "revision": one.start.revision,
        "digest": one.start.digest,
        "summary": dict(one.summary),
        "steps": [dict(outcome) for outcome in one.outcomes],
    }
