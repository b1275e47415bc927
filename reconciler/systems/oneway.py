"""Kinds that are told once and can't be read back: what was acknowledged is remembered, and never sent again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from reconciler.model import Item, LiveObject
from reconciler.steps import Action
from reconciler.systems.base import Kind, Result, Verb, Work
from reconciler.systems.view import View


class Meaning(StrEnum):
    """What an answer means for what was asked."""

    SETTLED = "settled"
    INPUT = "wrong input"
    CREDENTIALS = "credentials"
    MISSING = "not there"
    AGAIN = "try again"


def result_of(meaning: Meaning, text: str) -> Result:
    """The result that an answer stands for; ``text`` says in words what is wrong."""
    if meaning is Meaning.SETTLED:
        return Result.done()
    if meaning is Meaning.AGAIN:
        return Result.unclear(text)
    return Result.refused(f"{meaning}: {text}")


class OneWayKind(Kind):
    """Its live side is the memory of what was acknowledged. Unanswered requests are sent once more, in a later pass."""

    reads = ()
    deletable = False
    one_way = True
    second_tries = 1
    daily_only = True

    def live(self, view: View) -> Iterable[LiveObject]:
        """What was acknowledged is as wanted, whatever its document says today: nothing about it can change."""
        wanted: Mapping[Any, Item] = {item.identity: item for item in view.items(self.name)}
        return [
            LiveObject(
                self.name, one.identity, one.name, None, wanted[one.identity].fields if one.identity in wanted else {}
            )
            for one in view.memory.owned.values()
            if one.kind == self.name
        ]

    def can_find(self, view: View) -> bool:
        return False

    def happened(self, verb: Verb, work: Work, view: View) -> bool | None:
        return None

    def repeatable(self, verb: Verb, view: View) -> bool:
        return False

    def destructive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        return action is Action.CREATE

    def exports(self, live: LiveObject, view: View) -> None:
        return None
