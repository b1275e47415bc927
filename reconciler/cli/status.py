"""``reconciler status``: what is ours, what is open, what holds it back, what the last pass did, how the target is."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.history import as_json, line
from reconciler.cli.holds import (
    approval_json,
    holds_lines,
    quarantine_json,
    quarantine_text,
    suspension_json,
    when,
)
from reconciler.cli.options import output_option, refuse_beside_server, takes_place
from reconciler.errors import ReconcilerError
from reconciler.opening import client_for, open_store
from reconciler.settings import Target, Where

if TYPE_CHECKING:
    from reconciler.remote import Server


@click.command("status")
@takes_place
@output_option("text", "json")
@click.option("--offline", is_flag=True, help="Show what is remembered only; ask the target nothing.")
def command(where: Where, server: Server | None, output: str, offline: bool) -> int:
    """Show where the target stands. Exits 3 when the outcome of an earlier write is unknown."""
    if server is not None:
        refuse_beside_server(**{"--offline": offline})
        return _of_daemon(server, where.target, output)
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


NOTHING: Mapping[str, Any] = {
    "lineage": None,
    "owned": {},
    "spent": 0,
    "open": [],
    "last": None,
    "suspension": None,
    "approvals": [],
    "quarantined": [],
}
"""What is remembered where there is no state yet."""


async def _remembered(target: Target) -> Mapping[str, Any]:
    store = open_store(target, writes=False)
    if store is None:
        return NOTHING
    try:
        now = time.time()
        memory = store.memory(now)
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
            "suspension": suspension_json(store.suspension(now)),
            "approvals": list(map(approval_json, store.approvals(now))),
            "quarantined": list(map(quarantine_json, store.quarantines())),
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
    lines += holds_lines(status)
    lines += [f"Waits   {quarantine_text(one)}" for one in status["quarantined"]]
    lines += [f"Health  {name}: {text}" for name, text in status["health"].items()]
    for one in status["open"]:
        objects = ", ".join(one["objects"])
        lines.append(
            f"Open    #{one['entry']} {one['operation']} of {objects} since {one['since']}: its outcome is unknown"
        )
    return "\n".join(lines)


def _of_daemon(server: Server, names: tuple[str, ...], output: str) -> int:
    from reconciler.cli.daemon_status import fetched, is_open, status_text

    found = finish(fetched(server, names))
    click.echo(json.dumps(found, indent=2) if output == "json" else status_text(found))
    return 3 if any(map(is_open, found["items"])) else 0
