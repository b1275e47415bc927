"""What must still be true right before a write; where it isn't, the step stops and the next plan decides anew."""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.model import LiveObject
from reconciler.steps import Step
from reconciler.systems.base import Kind, Verb, Work
from reconciler.systems.view import View

CHANGED = "it was changed by somebody else since the plan was made: plan again"


class Ready(Exception):
    """Nothing needs to be sent: what the work would bring about is already so."""


class UnderWay(Exception):
    """Nothing needs to be sent: what the work would begin has begun, and only its end is waited for."""


class NotReady(Exception):
    """The work must not be done as planned; the text says why."""


def prepared(kind: Kind, verb: Verb, work: Work, step: Step, view: View) -> Work:
    """The work with what is live now. Raises Ready, UnderWay, NotReady."""
    trouble = view.trouble(kind)
    if trouble is not None:
        raise NotReady(f"the live side couldn't be read right before the write ({trouble})")
    fresh = _ready_to_create(kind, work, step, view) if verb is Verb.CREATE else _still_there(kind, verb, work, view)
    objection = kind.precondition(verb, fresh, view)
    if objection is not None:
        raise NotReady(objection)
    return fresh


def _ready_to_create(kind: Kind, work: Work, step: Step, view: View) -> Work:
    assert work.item is not None
    found = kind.match([work.item], view).get(work.item.identity)
    if found is not None and kind.can_find(view):
        if step.action.two_phased:
            raise NotReady("what was taken down is still, or again, there: plan again")
        raise NotReady("it has come to exist since the plan was made: plan again")
    return replace(work, live=None)


def _still_there(kind: Kind, verb: Verb, work: Work, view: View) -> Work:
    assert work.live is not None
    found = view.live_index(kind.name).get(work.live.identity)
    if found is None:
        if verb is Verb.DELETE:
            raise Ready
        raise NotReady("it is gone since the plan was made: plan again")
    if found.id != work.live.id:
        raise NotReady(f"another object has taken its place (id {found.id}, planned with {work.live.id}): plan again")
    if kind.under_way(verb, work, view):
        raise UnderWay
    if _differs(found, work.live):
        raise NotReady(CHANGED)
    return replace(work, live=found)


def _differs(now: LiveObject, then: LiveObject) -> bool:
    return any(now.fields.get(name) != value for name, value in then.fields.items())
