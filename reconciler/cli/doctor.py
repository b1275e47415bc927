"""``reconciler doctor``: what the server at hand does where its reference is silent. Sends GETs only."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import Any

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.options import output_option, takes_where
from reconciler.errors import ReconcilerError
from reconciler.opening import opened
from reconciler.orders import whole_view
from reconciler.reconcile import Case
from reconciler.settings import Target, Where
from reconciler.systems.view import NotOffered, Unreadable, View
from reconciler.wire import Flow, Request, Response


@click.command("doctor")
@takes_where
@output_option("text", "json")
def command(where: Where, output: str) -> int:
    """Look at the server: what can be read, and which of our assumptions it shows to be true."""
    found = finish(_examine(the_target(where)))
    click.echo(json.dumps(found, indent=2) if output == "json" else _text(found))
    return 1 if any(one["answer"] == "unreadable" for one in found["collections"]) else 0


async def _examine(target: Target) -> dict[str, Any]:
    async with opened(target) as case:
        ready = await _preflight(case)
        view = await whole_view(case)
        return {
            "url": target.url,
            "collections": [_collection(view, name) for name in view.system.collections],
            "assumptions": [
                {
                    "id": one.id,
                    "question": one.question,
                    "server": ready if one.id == "readyz" else one.look(view),
                    "handled": list(one.answers),
                    "if_wrong": one.if_wrong,
                }
                for one in view.system.assumptions
            ],
        }


async def _preflight(case: Case) -> str | None:
    request = case.system.preflight()
    if request is None:
        return None
    try:
        response = await case.client.run(_only(request))
    except ReconcilerError:
        return "no clear answer"
    return "present" if response.status == 200 else "absent"


def _only(request: Request) -> Flow[Response]:
    return (yield request)


def _collection(view: View, name: str) -> dict[str, str]:
    found = view.collections[name]
    if isinstance(found, Unreadable):
        return {"name": name, "answer": "unreadable", "detail": found.reason}
    if isinstance(found, NotOffered):
        return {"name": name, "answer": "not offered", "detail": found.reason}
    count = len(found)
    detail = "settings" if name in _settings(view) else f"{count} entr{'y' if count == 1 else 'ies'}"
    return {"name": name, "answer": "readable", "detail": detail}


def _settings(view: View) -> set[str]:
    """The collections that hold one thing's fields, and not a list of things."""
    kinds = view.system.kinds.values()
    listed, single = ({name for kind in kinds if kind.singleton is one for name in kind.reads} for one in (False, True))
    return single - listed


def _text(found: dict[str, Any]) -> str:
    lines = [f"Doctor for {found['url']}", "", "What can be read:"]
    width = max((len(one["name"]) for one in found["collections"]), default=0)
    lines += [f"  {one['name']:<{width}}  {one['answer']} ({one['detail']})" for one in found["collections"]]
    told = [one for one in found["assumptions"] if one["server"]]
    silent = [one["id"] for one in found["assumptions"] if not one["server"]]
    lines += ["", "What the reference leaves open, and this server shows:"]
    width = max((len(one["id"]) for one in told), default=0)
    lines += [f"  {one['id']:<{width}}  {one['server']:<12}  {one['question']}" for one in told]
    lines += ["", "What only writes, faults or time would show (each answer is handled):"]
    lines += wrap(", ".join(silent), 88, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)
