"""A recorded log of requests: how it is taken, and how it is judged again.

A log is what GET /_emulator/log answers: {"state": the objects before the first request by collection, "requests":
each with what had changed before it}. An "owned" list may be added by hand, to have ownership judged as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.collection import Record
from reconciler.emulator.journal import Entry
from reconciler.emulator.metadefender.invariants import Broken, Checker
from reconciler.emulator.metadefender.shown import without_secrets
from reconciler.emulator.metadefender.state import COLLECTIONS, State

Changes = dict[str, dict[str, Record | None]]


class Recorder:
    """Notes beside each request what changed before it came. `state` must be the live one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._start: dict[str, list[Record]] = {}
        self.begin()

    def begin(self) -> None:
        """Start over from the objects as they are now."""
        self.changes()
        self._start = {name: list(self._state.collection(name)) for name in COLLECTIONS}

    def changes(self) -> Changes:
        """What changed since the last call."""
        drained = {name: self._state.collection(name).drain() for name in COLLECTIONS}
        return {name: changed for name, changed in drained.items() if changed}

    def log(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """The log of these requests, without secrets."""
        start = {name: [without_secrets(record) for record in records] for name, records in self._start.items()}
        return {"state": start, "requests": [{**one, "before": _shown(one["before"])} for one in entries]}


def check(log: Mapping[str, Any]) -> list[Broken]:
    """The rules that a log's requests broke, oldest first; ValueError if it isn't a log."""
    try:
        return _check(log)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"this isn't the log of such an emulator: {type(error).__name__}: {error}") from error


def _check(log: Mapping[str, Any]) -> list[Broken]:
    state = State()
    for name in COLLECTIONS:
        for record in log["state"][name]:
            state.collection(name).add(record)
    checker = Checker(state, log.get("owned"))
    broken: list[Broken] = []
    for shown in log["requests"]:
        _apply(state, shown["before"])
        fields = {name: value for name, value in shown.items() if name != "operationId"}
        broken += checker.judge(Entry(operation=shown["operationId"], **fields))
    return broken


def _apply(state: State, changes: Mapping[str, Mapping[str, Record | None]]) -> None:
    for name, changed in changes.items():
        collection = state.collection(name)
        for identity, record in changed.items():
            if record is not None:
                collection.add(record)
            elif collection.get(identity) is not None:
                collection.remove(identity)


def _shown(changes: Changes) -> Changes:
    return {
        name: {identity: record and without_secrets(record) for identity, record in changed.items()}
        for name, changed in changes.items()
    }
