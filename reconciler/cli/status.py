"""``reconciler status``: what is ours, what is open, what the last pass did, and how the target is."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import click

from reconciler.cli.history import as_json, line, when
from reconciler.cli.options import output_option, takes_where
from reconciler.cli.run import finish, the_target
from reconciler.errors import ReconcilerError
from reconciler.opening import client_for, open_store
from reconciler.settings import Target, Where


@click.command("status")
@takes_where
@output_option("text", "json")
@click.option("--offline", is_flag=True, help="Show what is remembered only; ask the target nothing.")
def command(where: Where, output: str, offline: bool) -> int:
    """Show where the target stands. Exits 3 when the outcome of an earlier write is unknown."""
    status = finish(_status(the_target(where), offline))
    click.echo(json.dumps(status, indent=2) if output == "json" else _text(status))
    return 3 if status["open"] else 0


async def _status(target: Target, offline: bool) -> dict[str, Any]:
    return {
        "target": target.name,
        "url": target.url,
        **await _remembered(target),
        "health": {} if offline else await _health(target),
    }


async def _remembered(target: Target) -> dict[str, Any]:
    store = open_store(target, writes=False)
    if store is None:
        return {"lineage": None, "owned": {}, "spent": 0, "open": [], "last": None}
    try:
        memory = store.memory(time.time())
        last = store.history(1)
        return {
            "lineage": store.lineage,
            "owned": dict(sorted(Counter(one.kind for one in memory.owned.values()).items())),
            "spent": memory.spent,
            "open": [
                {
                    "entry": one.entry,
                    "operation": one.operation,
                    "objects": [f"{kind}/{identity[-1]}" for kind, identity in one.objects],
                    "since": when(one.at),
                    "reason": one.reason,
                }
                for one in memory.open
            ],
            "last": {**as_json(last[0]), "line": line(last[0])} if last else None,
        }
    finally:
        await store.close()


async def _health(target: Target) -> dict[str, str]:
    """What the target says of itself, name by name; a failure is an answer too."""
    found: dict[str, str] = {}
    try:
        async with client_for(target, read_only=True) as client:
            for name, flow in target.system.health().items():
                found[name] = await client.run(flow())
    except ReconcilerError as error:
        found["error"] = error.message
    return found


def _text(status: dict[str, Any]) -> str:
    owned = ", ".join(f"{count} {kind}" for kind, count in status["owned"].items()) or "nothing"
    lines = [f"Target  {status['target']}, {status['url']}", f"Ours    {owned}"]
    lines.append(f"Last    {status['last']['line'] if status['last'] else 'no pass yet'}")
    lines.append(f"Budget  {status['spent']} destructive in the last 24 hours")
    lines += [f"Health  {name}: {text}" for name, text in status["health"].items()]
    for one in status["open"]:
        objects = ", ".join(one["objects"])
        lines.append(f"Open    {one['operation']} of {objects} since {one['since']}: its outcome is unknown")
    return "\n".join(lines)
