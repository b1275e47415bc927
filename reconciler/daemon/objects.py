"""A target's objects one by one, as the status page lists them: what the plan says of each, and how it itself is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from reconciler.daemon.state import ObjectState, Sync
from reconciler.memory import Owned
from reconciler.model import Item, Key, LiveObject, Ref
from reconciler.steps import Action, Outcome, Plan, Report, Status, Step
from reconciler.systems.base import Kind
from reconciler.systems.health import HEALTHY, Condition, Health
from reconciler.systems.view import View


class _Said(Struct, frozen=True):
    """What the plan, or the report of its carrying out, says of an object; ``condition`` where it knows better."""

    sync: Sync
    words: str = ""
    condition: Condition | None = None
    gone: bool = False


SYNCED = _Said(Sync.SYNCED)
UNREAD = Condition(Health.UNKNOWN, "the live side couldn't be read")
UNSEEN = Condition(Health.UNKNOWN, "the server doesn't show it")
MISSING = Condition(Health.MISSING)
LEFT = "no document asks for it any more"


class _Told(Struct):
    """What was said, by natural key."""

    by_key: dict[Key, _Said] = field(default_factory=dict)

    def put(self, step: Step, said: _Said) -> None:
        for target in step.targets:
            for one in (target.item, target.live):
                if one is not None:
                    self.by_key[one.key] = said

    def of(self, item: Item | None, live: LiveObject | None) -> _Said | None:
        """What was said of an object, by its document's natural key or else by its own."""
        found = self.by_key.get(item.key) if item is not None else None
        return found or (self.by_key.get(live.key) if live is not None else None)


def objects_of(view: View, plan: Plan, report: Report | None = None) -> tuple[ObjectState, ...]:
    """Every declared object, and every one of ours that is there without a document, by kind and name.

    ``view`` is what ``plan`` was made from. A ``report`` on this very plan says how each step ended, and what is done
    is synced; of another one only failures count, of steps that are still to be done. What was acknowledged for
    good (as in the small systems) isn't listed without its document: nothing about it can change.
    """
    told = _told(plan, report)
    names = {owned.kind for owned in view.memory.owned.values()} | {ref.kind for ref in view.desired.resources}
    kinds = [view.system.kinds[name] for name in names if name in view.system.kinds]
    found = [one for kind in kinds for one in _of_kind(view, kind, told)]
    return tuple(sorted(found, key=lambda one: (one.kind, one.name)))


def _of_kind(view: View, kind: Kind, told: _Told) -> Iterator[ObjectState]:
    pairs = view.pairs(kind.name) if view.trouble(kind) is None else {}
    for item in view.items(kind.name):
        live = pairs.get(item.identity)
        said = told.of(item, live) or SYNCED
        yield _state(kind.name, item.name, said, said.condition or _condition(view, kind, live))
    if kind.one_way:
        return
    matched = {live.identity for live in pairs.values()}
    for owned in view.memory.owned.values():
        if owned.kind == kind.name and owned.identity not in matched:
            yield from _left(view, kind, owned, told)


def _left(view: View, kind: Kind, owned: Owned, told: _Told) -> Iterable[ObjectState]:
    """An object of ours without a document; nothing where it isn't there any more."""
    if view.trouble(kind) is not None:
        if not view.has(Ref(kind.name, owned.document)):
            yield _state(kind.name, owned.name, _Said(Sync.BLOCKED, "unreadable"), UNREAD)
        return
    live = view.live_index(kind.name).get(owned.identity)
    if live is None or (owned.id is not None and live.id is not None and owned.id != live.id):
        return
    said = told.of(None, live) or _Said(Sync.HELD, LEFT)
    if not said.gone:
        yield _state(kind.name, owned.name, said, said.condition or kind.condition(live))


def _state(kind: str, name: str, said: _Said, condition: Condition) -> ObjectState:
    return ObjectState(kind, name, said.sync, condition.health, said.words, condition.words)


def _condition(view: View, kind: Kind, live: LiveObject | None) -> Condition:
    if live is not None:
        return kind.condition(live)
    if view.trouble(kind) is not None:
        return UNREAD
    return MISSING if kind.can_find(view) else UNSEEN


def _told(plan: Plan, report: Report | None) -> _Told:
    told = _Told()
    outcomes = report.outcomes if report is not None else {}
    final = report is not None and report.plan is plan
    for step in plan.steps:
        told.put(step, _of_step(step, outcomes.get(step.id), final=final))
    for sync, many in ((Sync.BLOCKED, plan.blocked), (Sync.HELD, plan.held)):
        for back in many:
            told.put(back.step, _Said(sync, f"{back.rule}: {back.reason}"))
    return told


def _of_step(step: Step, outcome: Outcome | None, *, final: bool) -> _Said:
    """How a step stands; an outcome of an earlier plan's step only tells why it may still be pending."""
    if outcome is not None and outcome.status in (Status.FAILED, Status.UNKNOWN):
        return _Said(Sync.FAILED, outcome.error or "")
    if outcome is None or not final:
        return _Said(Sync.PENDING, step.reason)
    if outcome.status is Status.DONE:
        made = step.action.brings_up and step.action is not Action.UPDATE
        return _Said(Sync.SYNCED, condition=HEALTHY if made else None, gone=step.action is Action.DELETE)
    moving = Condition(Health.PROGRESSING, outcome.error or "") if outcome.status is Status.PROGRESSING else None
    return _Said(Sync.PENDING, outcome.error or "", moving)
