"""The record of every request and of every broken rule: what tests judge a client by."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

LIMIT = 200_000


@dataclass(slots=True)
class Entry:
    """One request. `time` is in seconds since 1970; `status` is None until it is answered, `fault` what was done to
    it, `body` of a write without secrets, and `user` the name of the one who sent it. `before` is what had changed
    since the last request came, whoever did it, as {collection: {id: object or None}}: only logs for checks have it."""

    n: int
    time: float
    method: str
    path: str
    operation: str | None
    status: int | None = None
    user: str | None = None
    body: Any = None
    fault: str | None = None
    before: Any = None

    def as_json(self) -> dict[str, Any]:
        """The entry as control requests show it."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name not in ("operation", "before")}
        return {"operationId": self.operation, **shown}

    def as_record(self) -> dict[str, Any]:
        """The entry with what had changed before it."""
        return {**self.as_json(), "before": self.before or {}}


class Journal:
    """Requests since the start (the newest 200,000), their counts, and the rules that they broke."""

    def __init__(self) -> None:
        self._number = 0
        self._entries: deque[Entry] = deque(maxlen=LIMIT)
        self._operations: Counter[str] = Counter()
        self._methods: Counter[str] = Counter()
        self._violations: deque[dict[str, Any]] = deque(maxlen=LIMIT)
        self.cleared = 0

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

    def records(self) -> list[dict[str, Any]]:
        """All requests with what had changed before each; ValueError if there were too many to keep."""
        if sum(self._methods.values()) > len(self._entries):
            raise ValueError(f"the log has lost its beginning: it keeps {LIMIT} requests")
        return [entry.as_record() for entry in self._entries]

    def counts(self) -> dict[str, Any]:
        """How many requests there were, by operation and by method."""
        total = sum(self._methods.values())
        return {"total": total, "operations": dict(self._operations), "methods": dict(self._methods)}

    def clear(self) -> None:
        """Forget requests and counts; numbers go on."""
        self.cleared += 1
        self._entries.clear()
        self._operations.clear()
        self._methods.clear()

    def violate(self, number: int, rule: str, detail: str) -> None:
        """Note that the request with this number broke a rule."""
        self._violations.append({"n": number, "rule": rule, "detail": detail})

    def broke(self, number: int) -> bool:
        """Whether it is noted that the request with this number broke a rule."""
        return any(one["n"] == number for one in self._violations)

    def violations(self) -> list[dict[str, Any]]:
        """The broken rules as {n, rule, detail}; n is the number of the request."""
        return list(self._violations)

    def clear_violations(self) -> None:
        """Forget the broken rules."""
        self._violations.clear()
