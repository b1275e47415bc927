"""Rules that spoil answers on purpose.

A rule counts the requests that it matches, lets the first `skip` pass and spoils the next `times`. Where several
rules would spoil one request, the oldest does; the others count it all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "status": (int,),
    "delay": (int, float),
    "drop_reply": (bool,),
    "drop_request": (bool,),
    "cut_body": (int,),
    "cut_request": (int,),
    "body": (str,),
    "expire_session": (bool,),
    "redirect": (str,),
    "trickle": (int, float),
}


@dataclass(slots=True)
class FaultRule:
    """Which requests are spoilt, and how: `fault` has exactly one key of KINDS and that one's extras.

    | fault | what happens |
    | --- | --- |
    | {"status": 503, "body"?, "headers"?} | this answer; the request isn't processed |
    | {"delay": seconds} | processed and answered, but later |
    | {"drop_reply": true} | processed, then the connection is closed without an answer |
    | {"drop_request": true} | the connection is closed; not processed |
    | {"cut_body": N} | processed; the connection is closed after N bytes of the body |
    | {"cut_request": N} | processed as if the request's body had ended after N bytes |
    | {"body": "<html>…", "content_type"?} | 200 with this body; not processed |
    | {"expire_session": true} | the request's session is ended, then it is processed |
    | {"redirect": "http://…"} | 307 to there; not processed |
    | {"trickle": seconds} | processed; one byte of the body at a time, so many seconds apart |

    `"processed": true` beside status, body or redirect has the request processed first.
    """

    operation: str | None
    method: str | None
    skip: int
    times: int
    fault: dict[str, Any]
    seen: int = 0
    fired: int = 0

    def matches(self, operation: str | None, method: str) -> bool:
        """Whether the rule is about such a request."""
        return self.operation in (None, operation) and self.method in (None, method)

    @property
    def ready(self) -> bool:
        """Whether it spoils the request that it has just counted."""
        return self.seen > self.skip and (self.times == 0 or self.fired < self.times)

    @property
    def kind(self) -> str:
        """Which of KINDS it is; a `status` may have a `body` of its own."""
        return next(kind for kind in KINDS if kind in self.fault)

    @property
    def tells_the_truth(self) -> bool:
        """Whether the client gets the system's own answer, and all of it."""
        return self.kind in ("delay", "trickle", "cut_request", "expire_session")


class FaultRules:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []

    def add(self, document: Mapping[str, Any]) -> FaultRule:
        """Put a rule in force; ValueError if it can't be understood."""
        unknown = set(document) - {"operation", "method", "skip", "times", "fault"}
        fault = document.get("fault")
        if unknown or not isinstance(fault, dict):
            raise ValueError(f"a fault rule has operation, method, skip, times and fault, not {sorted(unknown)}")
        rule = FaultRule(
            operation=document.get("operation"),
            method=document.get("method"),
            skip=_count(document, "skip", 0),
            times=_count(document, "times", 1),
            fault=_checked(fault),
        )
        self.rules.append(rule)
        return rule

    def take(self, operation: str | None, method: str) -> FaultRule | None:
        """Count a request and give the rule that spoils it, if any does."""
        chosen = None
        for rule in self.rules:
            if rule.matches(operation, method):
                rule.seen += 1
                if chosen is None and rule.ready:
                    chosen = rule
        if chosen is not None:
            chosen.fired += 1
        return chosen

    def clear(self) -> None:
        """Put every rule out of force."""
        self.rules.clear()


def _count(document: Mapping[str, Any], name: str, default: int) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} is a number of requests, not {value!r}")
    return value


def _checked(fault: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in KINDS if kind in fault]
    if kinds != ["status", "body"] and len(kinds) != 1:
        raise ValueError(f"a fault is one of {', '.join(KINDS)}, not {sorted(fault)}")
    for kind in kinds:
        if not isinstance(fault[kind], KINDS[kind]) or fault[kind] is False:
            raise ValueError(f"{kind} can't be {fault[kind]!r}")
    unknown = set(fault) - set(KINDS) - {"headers", "content_type", "processed"}
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    return fault
