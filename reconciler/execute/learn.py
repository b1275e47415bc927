"""Ids that no reply has told are learnt by one list, after everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.execute.effects import owned_as
from reconciler.execute.look import Looker
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
    # At once, so that they share commits.
    await asyncio.gather(*(_learn_one(item, view, store) for item in made))


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


async def _learn_one(item: Item, view: View, store: Store) -> None:
    kind = view.system.kinds[item.kind]
    live = kind.match([item], view).get(item.identity) if view.trouble(kind) is None else None
    if live is None or live.id is None:
        return
    await store.own(owned_as(item, live.id, live=live))
    if live.key != item.key:
        await store.disown(*item.key)
