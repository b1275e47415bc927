"""``reconciler observe --out FILE``: the live state as a file that may be published, for plans made elsewhere."""

from __future__ import annotations

import copy
import time

import click
from msgspec.structs import replace

from reconciler.cli.common import finish
from reconciler.cli.holds import when
from reconciler.cli.options import takes_where
from reconciler.cli.show import note, require_place, write_out
from reconciler.observe import observe
from reconciler.opening import opened
from reconciler.policy import Policy
from reconciler.reconcile import Case
from reconciler.recording import Recording, Tape, dumps, recorded
from reconciler.settings import Target, Where, targets
from reconciler.systems.view import View

STDOUT = "-"


@click.command("observe")
@takes_where
@click.option("--out", metavar="FILE", required=True, help="The file to write; - is standard output.")
def command(where: Where, out: str) -> int:
    """Record the live state, without any secret, for `plan --offline`."""
    if out != STDOUT:
        require_place(out)
    found = finish(_all(targets(where, Policy())))
    text = dumps(found).decode()
    if out == STDOUT:
        click.echo(text, nl=False)
    else:
        write_out(out, text)
    for one in found:
        for name, answer in one.collections.items():
            if answer.unreadable is not None:
                note(f"{one.target}: {name} couldn't be read ({answer.unreadable})")
    if out != STDOUT:
        shown = ", ".join(one.target for one in found)
        click.echo(f"Recorded the live state of {shown} to {out}.")
    return 1 if any(answer.unreadable is not None for one in found for answer in one.collections.values()) else 0


async def _all(chosen: list[Target]) -> list[Recording]:
    found = []
    for target in chosen:
        async with opened(target) as case:
            found.append(await record(case))
    return found


async def record(case: Case) -> Recording:
    """Read everything that the server shows, once, and put down what anybody may see of it."""
    now = time.time()
    memory = await case.memory()
    tapes = {name: Tape(collection) for name, collection in case.system.collections.items()}
    listened = copy.copy(case.system)
    listened.collections = {
        name: replace(collection, fetch=tapes[name].fetch) for name, collection in case.system.collections.items()
    }
    collections = await observe(case.client, listened, list(tapes), case.seal)
    view = View(
        case.system, case.target, case.desired, collections, memory, keyring=case.keyring, own_user=case.own_user
    )
    answers = {name: tapes[name].answer(result) for name, result in collections.items()}
    return recorded(view, answers, url=case.url, at=when(now))
