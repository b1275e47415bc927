"""``reconciler history``: the passes so far, newest first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.options import output_option, takes_where
from reconciler.cli.run import finish, the_target
from reconciler.opening import open_store
from reconciler.settings import Target, Where
from reconciler.store.records import PassRecord


@click.command("history")
@takes_where
@output_option("text", "json")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
def command(where: Where, output: str, limit: int) -> int:
    """Show the passes that have changed, or tried to change, the target."""
    passes = finish(_passes(the_target(where), limit))
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


def line(one: PassRecord) -> str:
    """One pass on one line."""
    counts = ", ".join(f"{count} {name}" for name, count in one.summary.items() if count and name != "unchanged")
    took = f"{one.ended - one.start.at:.1f} s" if one.ended is not None else "cut short"
    return f"#{one.id:<4} {when(one.start.at)}  {one.verdict or '-':<12} {took:>9}  {counts or 'nothing to do'}"


def as_json(one: PassRecord) -> dict[str, Any]:
    """One pass as JSON; times in RFC 3339."""
    return {
        "id": one.id,
        "started": when(one.start.at),
        "ended": when(one.ended) if one.ended is not None else None,
        "outcome": one.verdict,
        "revision": one.start.revision,
        "digest": one.start.digest,
        "summary": dict(one.summary),
        "steps": [dict(outcome) for outcome in one.outcomes],
    }


def when(at: float) -> str:
    """A time in RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
