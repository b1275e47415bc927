"""Session: how long logins last. Documented as write-only; a server may show it all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model import LiveObject, Path, Resource
from reconciler.steps import Action
from reconciler.systems.base import Collection, Result, Spec, Work
from reconciler.systems.draft import Draft, Rule, first, last
from reconciler.systems.fields import Milliseconds
from reconciler.systems.metadefender.settings import SettingKind, fetch_setting
from reconciler.systems.replies import accepted
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, json_body

PATH = "/admin/config/session"
TIMEOUTS = ("absoluteSessionTimeout", "sessionTimeout")
SWITCHES = ("allowCrossIpSessions", "allowDuplicateSession")


class SessionSpec(Spec):
    """Timeouts in milliseconds, or as ``30m``; an absolute timeout of 0 is none."""

    absoluteSessionTimeout: Milliseconds | None = None
    sessionTimeout: Milliseconds | None = None
    allowCrossIpSessions: bool | None = None
    allowDuplicateSession: bool | None = None


PUBLIC = frozenset(TIMEOUTS + SWITCHES)
SESSION = Collection("session", lambda seal: fetch_setting("getSession", PATH, PUBLIC), PUBLIC)


class SessionKind(SettingKind):
    name = "Session"
    spec = SessionSpec
    summary = "How long logins last, and from where."
    reads = ("session",)
    identity = ("session",)
    updatable = frozenset({*TIMEOUTS, *SWITCHES})
    sends_unknown = True

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        idle, absolute = resource.spec.sessionTimeout, resource.spec.absoluteSessionTimeout
        if idle is not None and idle < 60_000:
            yield ("sessionTimeout",), "sessionTimeout is at least 60000 ms (1m)"
        if absolute is not None and absolute != 0 and absolute < 300_000:
            yield ("absoluteSessionTimeout",), "absoluteSessionTimeout is 0 (none) or at least 300000 ms (5m)"

    def shown(self, view: View) -> Mapping[str, Any]:
        data = view.collection("session") or {}
        texts = {name: data[name] for name in SWITCHES if isinstance(data.get(name), bool)}
        return texts | {name: data[name] for name in TIMEOUTS if type(data.get(name)) is int}

    def update(self, work: Work, view: View) -> Flow[Result]:
        """``putSession``: PUT /admin/config/session, with what the server shows for the fields left out."""
        shown = work.live.fields if work.live else {}
        request = Request("putSession", "PUT", PATH, body=json_body({**shown, **work.wanted}), write=True)
        accepted(request, (yield request))
        return Result.done()

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        return dict(live.fields) or None


class SessionLast(Rule):
    """A changed session setting may end our own session, so it waits for everything else."""

    name = "session-last"
    source = "inferred: new limits may apply to sessions that are open"

    def order(self, draft: Draft) -> None:
        for step in draft.of("Session", Action.UPDATE):
            for other in draft.steps.values():
                if other.kind != "Session":
                    draft.before(last(other), first(step), hard=False)
