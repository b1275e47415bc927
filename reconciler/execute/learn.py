"""Ids that no reply has told are learnt by one list, after everything else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.execute.effects import owned_as
from reconciler.execute.look import Looker
from reconciler.memory import Owned
from reconciler.model import Item
from reconciler.plan.forecast import verb_of
from reconciler.steps import Outcome, Plan, Status
from reconciler.systems.base import Verb
from reconciler.systems.view import View

if TYPE_CHECKING:
    from reconciler.store import Store


async def learn(plan: Plan, ended: Mapping[str, Outcome], looker: Looker, store: Store) -> None:
    """Remember what was created under the natural key and the id that the live side shows."""
    made = [item for item in _made(plan, ended) if _unlearnt(item, looker.view)]
    if not made:
        return
    kinds = {item.kind for item in made}
    # A kind's objects and their ids are in what it reads first; how the rest is called was read before.
    names = {name for kind in kinds for name in looker.view.system.kinds[kind].reads[:1]}
    view = await looker.look(sorted(names), time.monotonic())
    learnt = [(owned, item.key) for item in made if (owned := _learnt(item, view)) is not None]
    if learnt:
        await store.own(*(owned for owned, _ in learnt))
    if former := {key for _, key in learnt} - {owned.key for owned, _ in learnt}:
        await store.disown(*former)


def _made(plan: Plan, ended: Mapping[str, Outcome]) -> list[Item]:
    steps = {step.id: step for step in plan.steps}
    return [
        step.item
        for move in plan.moves
        for step in [steps[move.step]]
        if step.item is not None
        and verb_of(move, step) is Verb.CREATE
        and move.id in ended
        and ended[move.id].status in (Status.DONE, Status.PROGRESSING)
    ]


def _unlearnt(item: Item, view: View) -> bool:
    owned = view.memory.owned.get(item.key)
    kind = view.system.kinds[item.kind]
    return owned is not None and (owned.id is None or not kind.stable) and not kind.singleton


def _learnt(item: Item, view: View) -> Owned | None:
    kind = view.system.kinds[item.kind]
    live = kind.match([item], view).get(item.identity) if view.trouble(kind) is None else None
    if live is None or live.id is None:
        return None
    return owned_as(item, live.id, live=live)
