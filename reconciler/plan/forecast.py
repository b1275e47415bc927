"""How many requests a plan will take, told before the first one is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.steps import Move, Step
from reconciler.systems.base import Verb, Work
from reconciler.systems.view import View

METHODS = ("GET", "POST", "PUT", "DELETE")


def verb_of(move: Move, step: Step) -> Verb:
    """What a move does to its objects."""
    if move.down:
        return Verb.DELETE
    return Verb(step.action.value) if step.action.value in ("update", "upgrade") else Verb.CREATE


def works_of(move: Move, step: Step) -> Iterator[Work]:
    """The objects of a move: each field that a step changes, by its top name."""
    for target in step.targets:
        item = None if move.down and not step.action.two_phased else target.item
        yield Work(move.id, item, target.live, step.changed)


def forecast(view: View, steps: tuple[Step, ...], moves: tuple[Move, ...]) -> dict[str, int]:
    """The writes and the first reads, by method; moves of one batch that stand at one depth count once."""
    calls: Counter[str] = Counter()
    calls["GET"] = len(view.collections)
    by_id = {step.id: step for step in steps}
    depth: dict[str, int] = {}
    seen: set[object] = set()
    for move in moves:
        depth[move.id] = max((depth[one] + 1 for one in move.hard | move.soft), default=0)
        calls.update(_methods(view, move, by_id[move.step], depth[move.id], seen))
    return {method: calls[method] for method in METHODS}


def _methods(view: View, move: Move, step: Step, depth: int, seen: set[object]) -> list[str]:
    kind = view.system.kinds[step.kind]
    verb = verb_of(move, step)
    work = next(works_of(move, step))
    batch = kind.batch(verb, work)
    if batch is not None:
        key = (step.kind, verb, depth, batch)
        if key in seen:
            return []
        seen.add(key)
    return list(kind.cost(verb, work))
