"""Passes that meet one fault each, told line by line: what was sent, how each step ended and in which words, what the
journal says of each write, and what is remembered.

``golden/*.txt`` hold what they told last. After a change that is meant, look at the difference and write them anew::

    .venv/bin/python -m tests.execute.scenes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from reconciler.execute import Event
from reconciler.policy import Policy
from reconciler.reconcile import carry_out
from reconciler.steps import Outcome
from tests.machine import world as machine
from tests.machine.schedules import INSTANCE, READ, TYPES, add, change
from tests.machine.wire import Fault
from tests.machine.world import Ended, World
from tests.systems.kit import deployment, doc, role, service, user, worker

GOLDEN = Path(__file__).parent / "golden"
ALLOWED = Policy(prune=True, allow=frozenset({"replace"}))


def accounts() -> World:
    """A role and who holds it, a replacement, a deletion, a setting that nobody shows, two workers in one call."""
    documents = [
        role("r1", READ), user("alice", "r1"), user("bob", email="n@b.c"), doc("Cleanup", "c", {"auditlog": 24}),
        worker("w1"), worker("w2"),
    ]  # fmt: skip
    live = [add("users", name="bob", email="old@b.c"), add("users", name="carol")]
    return World(documents, live=live, ours=[("User", "bob"), ("User", "carol")], policy=ALLOWED)


def machines() -> World:
    """An upgrade of what runs, a deploy on a new worker, an instance and its worker that go."""
    documents = [worker("w1"), worker("w2"), deployment("cores", "w1", "w2", version="5.16.0")]
    live = [
        *(add("installers", name=f"ometascan-5.1{n}.0-1-x64.msi", checksum=f"{n}" * 64, size=1) for n in (5, 6)),
        *(add("services", type=type, display_name=type, host=type, port=1000, user="u") for type in TYPES),
        *(add("workers", display_name=name, host=name, port=8893) for name in ("w1", "w3")),
        *(change("workers", {"display_name": name}, status="Deployed", instance=INSTANCE) for name in ("w1", "w3")),
    ]
    ours = [("Worker", "w1"), ("Worker", "w3"), ("Deployment", "w1"), ("Deployment", "w3")]
    return World(documents, live=live, ours=ours, policy=ALLOWED)


def unlisted() -> World:
    """Roles can't be looked up; a service with a password."""
    caching = service("caching", "caching", "caching.internal", 6379, password={"secret": "pw"}, user="u")
    return World([role("r1", READ), user("alice", "r1"), caching], settings={"role_list": "404"}, policy=ALLOWED)


FAULTS = (
    ("lost-request", 1), ("lost-reply", 9), ("unreachable", 9), ("500", 9), ("html", 1), ("some-failed", 1),
    ("silent", 1),
)  # fmt: skip
EACH = 5
"""Of so many points at which a pass may be killed, one is: to be killed at all of them is others' business."""

SCENES: Mapping[str, tuple[Callable[[], World], tuple[str, ...]]] = {
    "accounts": (accounts, ("createRole", "createUser", "deleteUser", "connectWorkers", "putAuditlogCleanup")),
    "machines": (machines, ("deployWorkers", "upgradeWorkers", "undeployWorkers", "disconnectWorkers")),
    "unlisted": (unlisted, ("createRole", "connectService")),
}


def told(scene: str) -> Iterator[str]:
    """What a scene tells: all of it without a fault; then the lines that are new (+) or missing (-) with each fault,
    and when it is killed at some points and begun again."""
    make, operations = SCENES[scene]
    usual = list(_one(make))
    yield from usual
    for operation in operations:
        for kind, times in FAULTS:
            yield f"== {kind} {operation} x{times}"
            yield from _other(usual, _one(make, Fault(kind, operation, times=times)))
    for number in range(1, len(make().pass_().points) + 1, EACH):
        world = make()
        yield f"== killed at {number}, {world.pass_(crash=number).points[-1]}"
        yield from _other(usual, _tell(world, world.pass_(), []))


def _other(usual: list[str], found: Iterator[str]) -> Iterator[str]:
    lines = list(found)
    yield from (f"- {line}" for line in usual if line not in lines and not line.startswith(("told", "sent")))
    yield from (f"+ {line}" for line in lines if line not in usual)


def _one(make: Callable[[], World], *faults: Fault) -> Iterator[str]:
    world = make()
    events: list[Event] = []
    machine.carry_out = partial(carry_out, tell=events.append)  # type: ignore[attr-defined]
    try:
        ended = world.pass_(faults=faults)
    finally:
        machine.carry_out = carry_out  # type: ignore[attr-defined]
    yield from _tell(world, ended, events)


def _tell(world: World, ended: Ended, events: list[Event]) -> Iterator[str]:
    yield ended.report.verdict if ended.report else ended.status
    yield f"sent {', '.join(ended.writes)}"
    for id, outcome in sorted(ended.report.outcomes.items()) if ended.report else ():
        yield f"step {id}: {_outcome(outcome)}"
    for event in events:
        yield f"told {event.happening} {event.move} {event.text}".rstrip()
    for line in world.book.lines.values():
        entry = line.entry
        what = f"{entry.operation} {entry.method} {_stable(entry.path)} {entry.action} {' '.join(entry.names)}"
        yield f"entry of pass {entry.pass_id}: {what}: {line.status} {line.charged} {line.reason}".rstrip()
    for key, thing in sorted(world.book.owned.items()):
        id = "id" if thing.id else "no id"
        yield f"ours {thing.kind}/{thing.name} {key[1]} {id} {thing.document} {thing.adopted}"
    for key, sent in sorted(world.book.sent.items()):
        yield f"remembered {key[0]} {key[1]}: {', '.join(sorted(sent))}"
    for number, key, fields in world.book.unfinished:
        what = "made" if world.book.lines[number].entry.action == "create" else "unfinished"
        yield f"{what} {key[0]} {key[1]}: {', '.join(sorted(fields))}"


def _outcome(outcome: Outcome) -> str:
    return f"{outcome.status} after {outcome.attempts}, {outcome.error}"


def _stable(path: str) -> str:
    """Ids of workers are made up."""
    return "/".join("ID" if len(part) == 32 else part for part in path.split("/"))


def main() -> None:
    """Write down what the scenes tell."""
    GOLDEN.mkdir(exist_ok=True)
    for scene in SCENES:
        (GOLDEN / f"{scene}.txt").write_text("".join(f"{line}\n" for line in told(scene)))


if __name__ == "__main__":
    main()
