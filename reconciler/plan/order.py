"""From edges to an order: the moves of the free steps, sorted so that each comes after all that it waits for."""

from __future__ import annotations

from collections import defaultdict
from graphlib import TopologicalSorter

from msgspec.structs import replace

from reconciler.plan.cascade import step_of
from reconciler.steps import Action, Move, Step
from reconciler.systems.draft import Draft, down, up

RANK = {Action.CREATE: 0, Action.UPDATE: 1, Action.UPGRADE: 2, Action.REPLACE: 3, Action.REDEPLOY: 4, Action.DELETE: 5}


def ordered(draft: Draft) -> tuple[tuple[Step, ...], tuple[Move, ...]]:
    """The free steps and their moves, both in a valid and repeatable order. Raises graphlib.CycleError."""
    free = {step.id: step for step in draft.free()}
    moves = {move.id: move for step in free.values() for move in _moves(step)}
    hard: dict[str, set[str]] = defaultdict(set)
    soft: dict[str, set[str]] = defaultdict(set)
    for edge in draft.edges:
        if edge.before in moves and edge.after in moves:
            (hard if edge.hard else soft)[edge.after].add(edge.before)
    _prepare_first(moves, hard, soft)
    full = [replace(move, hard=move.hard | hard[id], soft=frozenset(soft[id] - hard[id])) for id, move in moves.items()]
    sequence = _sorted(full, free)
    steps = _steps_in_order(sequence, free)
    return steps, tuple(sequence)


def _prepare_first(moves: dict[str, Move], hard: dict[str, set[str]], soft: dict[str, set[str]]) -> None:
    """What a thing needs to come up again is there before it is taken down, unless that itself waits for a removal."""
    pairs = [(below, move.id) for move in moves.values() if not move.down for below in move.hard]
    if not pairs:
        return
    waits = {id: hard[id] | soft[id] | moves[id].hard for id in moves}
    late: set[str] = set()
    for id in TopologicalSorter(waits).static_order():
        if moves[id].down or not late.isdisjoint(waits[id]):
            late.add(id)
    for below, above in pairs:
        hard[below] |= hard[above] - late


def _moves(step: Step) -> list[Move]:
    if not step.action.two_phased:
        return [Move(step.id, step.id, down=step.action.takes_down)]
    below, above = down(step), up(step)
    assert below is not None
    assert above is not None
    return [Move(below, step.id, down=True), Move(above, step.id, down=False, hard=frozenset({below}))]


def _sorted(moves: list[Move], free: dict[str, Step]) -> list[Move]:
    """Topological order; among moves that are ready together: by action, kind and name."""
    by_id = {move.id: move for move in moves}
    sorter = TopologicalSorter({move.id: move.hard | move.soft for move in moves})
    sorter.prepare()
    sequence: list[Move] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda id: _place(free[step_of(id)], id))
        sequence += [by_id[id] for id in ready]
        sorter.done(*ready)
    return sequence


def _place(step: Step, move: str) -> tuple[int, str, str, str]:
    return (RANK[step.action], step.kind, step.name, move)


def _steps_in_order(sequence: list[Move], free: dict[str, Step]) -> tuple[Step, ...]:
    after: dict[str, set[str]] = defaultdict(set)
    for move in sequence:
        after[move.step] |= {one for one in move.hard | move.soft if step_of(one) != move.step}
    seen = dict.fromkeys(move.step for move in sequence)
    return tuple(replace(free[id], after=tuple(sorted(after[id]))) for id in seen)
