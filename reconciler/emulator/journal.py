"""The record of every request and of every broken rule: what tests judge a client by."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

LIMIT = 200_000


@dataclass(slots=True)
class Entry:
    """One request. `time` is in seconds since 1970; `status` is None until it is answered, `fault` what was done to
    it, `body` of a write without secrets, and `user` the name of the one who sent it."""

    n: int
    time: float
    method: str
    path: str
    operation: str | None
    status: int | None = None
    user: str | None = None
    body: Any = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry as control requests show it."""
        shown = asdict(self)
        return {"operationId": shown.pop("operation"), **shown}


class Journal:
    """Requests since the start (the newest 200,000), their counts, and the rules that they broke."""

    def __init__(self) -> None:
        self._number = 0
        self._entries: deque[Entry] = deque(maxlen=LIMIT)
        self._operations: Counter[str] = Counter()
        self._methods: Counter[str] = Counter()
        self._violations: deque[dict[str, Any]] = deque(maxlen=LIMIT)

    def begin(self, method: str, path: str, operation: str | None) -> Entry:
        """Note a request that has arrived; who handles it fills the rest in."""
        self._number += 1
        entry = Entry(self._number, time.time(), method, path, operation)
        self._entries.append(entry)
        self._operations[operation or "unknown"] += 1
        self._methods[method] += 1
        return entry

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests with a number above `since`, oldest first."""
        return [entry.as_json() for entry in self._entries if entry.n > since]

    def counts(self) -> dict[str, Any]:
        """How many requests there were, by operation and by method."""
        total = sum(self._methods.values())
        return {"total": total, "operations": dict(self._operations), "methods": dict(self._methods)}

    def clear(self) -> None:
        """Forget requests and counts; numbers go on."""
        self._entries.clear()
        self._operations.clear()
        self._methods.clear()

    def violate(self, number: int, rule: str, detail: str) -> None:
        """Note that the request with this number broke a rule."""
        self._violations.append({"n": number, "rule": rule, "detail": detail})

    def violations(self) -> list[dict[str, Any]]:
        """The broken rules as {n, rule, detail}; n is the number of the request."""
        return list(self._violations)

    def clear_violations(self) -> None:
        """Forget the broken rules."""
        self._violations.clear()
