"""A plan while it is being decided: steps, what holds them back, and what must come before what.

Rules are first-class: each has a name, cites where it comes from, and may add steps, hold steps back, or order them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.model import Item, Key, LiveObject
from reconciler.policy import Policy
from reconciler.steps import Action, Change, HeldBack, Step, Target, Unknown
from reconciler.systems.view import View

if TYPE_CHECKING:
    from reconciler.systems.base import Kind


class Rule:
    """Something that the managed system, or caution, demands of a plan."""

    name: ClassVar[str]
    source: ClassVar[str]

    def expand(self, draft: Draft) -> None:
        """Add or merge steps."""

    def hold(self, draft: Draft) -> None:
        """Hold steps back."""

    def order(self, draft: Draft) -> None:
        """Say what comes before what."""


class Edge(Struct, frozen=True, order=True):
    """``before`` ends before ``after`` begins; ``hard``: and if it fails, ``after`` isn't done."""

    before: str
    after: str
    hard: bool = True


class Draft(Struct):
    """The plan in the making. Rules change it through its methods only."""

    view: View
    policy: Policy
    steps: dict[str, Step] = field(default_factory=dict)
    blocked: dict[str, HeldBack] = field(default_factory=dict)
    held: dict[str, HeldBack] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    unknown: list[Unknown] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unchanged: dict[Key, Item] = field(default_factory=dict)
    vanished: dict[str, Key] = field(default_factory=dict)
    _by_key: dict[Key, str] = field(default_factory=dict)
    _by_live: dict[Key, tuple[str, Target]] = field(default_factory=dict)

    def add(self, step: Step) -> Step:
        """Take a step in; a name that is taken gets its natural key behind it."""
        if step.id in self.steps:
            shown = step.live or step.item
            suffix = ",".join(shown.identity) if shown else str(len(self.steps))
            step = replace(step, id=f"{step.id}@{suffix}", name=f"{step.name}@{suffix}")
        self.put(step)
        return step

    def put(self, step: Step) -> None:
        """Add a step, or put a changed one in its own place."""
        if step.id in self.steps:
            self._touch_no_more(self.steps[step.id])
        self.steps[step.id] = step
        for key in _touched(step):
            self._by_key[key] = step.id
        for target in step.targets:
            if target.live is not None:
                self._by_live[target.live.key] = (step.id, target)

    def drop(self, step: Step) -> None:
        """Take a step out again."""
        self._touch_no_more(self.steps.pop(step.id))
        self.blocked.pop(step.id, None)
        self.held.pop(step.id, None)

    def _touch_no_more(self, step: Step) -> None:
        for key in _touched(step):
            if self._by_key.get(key) == step.id:
                del self._by_key[key]
            if key in self._by_live and self._by_live[key][0] == step.id:
                del self._by_live[key]

    def of(self, kind: str, *actions: Action) -> list[Step]:
        """The steps of a kind, of these actions (none named: all)."""
        return [step for step in self.steps.values() if step.kind == kind and (not actions or step.action in actions)]

    def touching(self, key: Key) -> Step | None:
        """The step that touches the object with this natural key."""
        id = self._by_key.get(key)
        return self.steps[id] if id else None

    def target(self, step: Step, key: Key) -> Target | None:
        """What a step does to the live object with this natural key."""
        id, target = self._by_live.get(key, (None, None))
        return target if id == step.id else None

    def block(self, step: Step, rule: str, reason: str, remedy: str) -> None:
        """Hold a step back because of a rule; the first rule that does so is the one that is named.

        What the user holds back already isn't blocked as well: a wish is no problem.
        """
        if step.id in self.held:
            return
        self.blocked.setdefault(step.id, HeldBack(step, rule, reason, remedy))

    def hold(self, step: Step, rule: str, reason: str, remedy: str) -> None:
        """Hold a step back because the user wishes so."""
        self.held.setdefault(step.id, HeldBack(step, rule, reason, remedy))

    def is_free(self, step: Step) -> bool:
        """Whether nothing holds the step back."""
        return step.id not in self.blocked and step.id not in self.held

    def free(self) -> Iterator[Step]:
        """The steps that nothing holds back."""
        return (step for step in list(self.steps.values()) if self.is_free(step))

    def before(self, first: str, then: str, *, hard: bool = True) -> None:
        """Order two moves."""
        if first != then:
            self.edges.add(Edge(first, then, hard))


def _touched(step: Step) -> Iterator[Key]:
    return (one.key for target in step.targets for one in (target.item, target.live) if one is not None)


def down(step: Step) -> str | None:
    """The move in which the step's object goes away."""
    if not step.action.takes_down:
        return None
    return f"{step.id}#down" if step.action.two_phased else step.id


def up(step: Step) -> str | None:
    """The move in which the step's object comes to be as wanted."""
    if not step.action.brings_up:
        return None
    return f"{step.id}#up" if step.action.two_phased else step.id


def first(step: Step) -> str:
    """The step's first move."""
    return down(step) or step.id


def last(step: Step) -> str:
    """The step's last move."""
    return up(step) or step.id


def carried_over(kind: Kind, item: Item, live: LiveObject) -> Item:
    """The item with the fields that no document manages and that taking it down would otherwise lose."""
    kept = {name: value for name, value in live.fields.items() if kind.carries(name)}
    return replace(item, fields={**kept, **item.fields})


def make_step(
    view: View,
    action: Action,
    item: Item | None,
    live: LiveObject | None,
    *,
    changes: tuple[Change, ...] = (),
    changed: frozenset[str] = frozenset(),
    reason: str = "",
    group: str | None = None,
) -> Step:
    """A step on one object, with what its kind says about harm."""
    shown = item or live
    assert shown is not None
    kind = view.system.kinds[shown.kind]
    if action.two_phased and item is not None and live is not None:
        item = carried_over(kind, item, live)
    notes = (f"lost: {kind.lost}",) if kind.lost and action is Action.REPLACE else ()
    return Step(
        id=f"{action}/{shown.kind}/{shown.name}",
        action=action,
        kind=shown.kind,
        name=shown.name,
        targets=(Target(item, live),),
        changes=changes,
        reason=reason,
        destructive=kind.destructive(action, item, live, changed),
        disruptive=kind.disruptive(action, item, live, changed),
        group=group,
        notes=notes,
    )
