"""Cleanup: how long four kinds of records are kept. Shortening a range deletes data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from reconciler.model import Item, LiveObject
from reconciler.secret import Seal
from reconciler.steps import Action
from reconciler.systems.base import Collection, Result, Spec, Verb, Work
from reconciler.systems.fields import Hours
from reconciler.systems.metadefender.settings import SettingKind, fetch_setting, lowers, number
from reconciler.systems.replies import accepted
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, json_body

RANGES = ("auditlog", "filestorage", "warehouse", "scanhistory")


class CleanupSpec(Spec):
    """Hours, or ``7d``; 0 keeps for ever."""

    auditlog: Hours | None = None
    filestorage: Hours | None = None
    warehouse: Hours | None = None
    scanhistory: Hours | None = None


def _fetch(range: str, seal: Seal) -> Flow[Any]:
    return fetch_setting(f"get{range.capitalize()}Cleanup", _path(range), PUBLIC)


def _path(range: str) -> str:
    return f"/admin/config/{range}/cleanup"


PUBLIC = frozenset({"cleanuprange"})
CLEANUPS = tuple(Collection(f"cleanup-{range}", partial(_fetch, range), PUBLIC) for range in RANGES)


class CleanupKind(SettingKind):
    name = "Cleanup"
    spec = CleanupSpec
    summary = "How long audit log, files, reports and scan history are kept."
    reads = tuple(collection.name for collection in CLEANUPS)
    identity = ("cleanup",)
    updatable = frozenset(RANGES)
    sends_unknown = True

    def shown(self, view: View) -> Mapping[str, Any]:
        shown: dict[str, Any] = {}
        for range in RANGES:
            found = number(view.collection(f"cleanup-{range}") or {}, "cleanuprange")
            if found:
                shown[range] = found["cleanuprange"]
        return shown

    def destructive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        before = live.fields if live else {}
        return item is not None and any(lowers(before.get(name), item.fields[name]) for name in changed)

    def update(self, work: Work, view: View) -> Flow[Result]:
        """``put…Cleanup``: PUT /admin/config/<range>/cleanup, one request for each range that differs."""
        for range in (name for name in RANGES if name in work.changed):
            operation = f"put{range.capitalize()}Cleanup"
            body = json_body({"cleanuprange": work.wanted[range]})
            request = Request(operation, "PUT", _path(range), body=body, write=True, covers=(range,))
            accepted(request, (yield request))
        return Result.done()

    def cost(self, verb: Verb, work: Work) -> Sequence[str]:
        return ("PUT",) * len(work.changed)

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        return dict(live.fields) or None
