"""Every operation of the API, once: its route, its role, its models and its statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.web import actions, document, hooks, models, plans, probes, reads, streaming
from reconciler.web.operations import Operation
from reconciler.web.settings import HOOK_BODY, Role

API = "/api/v1"
TARGET = f"{API}/targets/{{name}}"


def _json(model: Any, status: int = 200) -> Mapping[int, Mapping[str, Any]]:
    return {status: {"application/json": model}}


_PROBE = {**_json(models.Probe), **_json(models.Probe, 503)}
_TEXT = {200: {"text/plain": None, "application/openmetrics-text": None}}
_STREAM = {200: {streaming.MEDIA_TYPE: None, "application/json": models.EventsAnswer}}

PROBES = (
    Operation(
        method="GET",
        path="/healthz",
        id="isAlive",
        summary="Whether the process works; where it doesn't, a restart helps.",
        handler=probes.healthz,
        answers=_PROBE,
    ),
    Operation(
        method="GET",
        path="/readyz",
        id="isReady",
        summary="Whether a tree is in force and each target was looked at once.",
        handler=probes.readyz,
        answers=_PROBE,
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="getMetrics",
        summary="Figures for Prometheus.",
        handler=probes.metrics,
        role=Role.READ,
        answers=_TEXT,
    ),
)

READS = (
    Operation(
        method="GET",
        path=f"{API}/openapi.json",
        id="getDocument",
        summary="This document.",
        handler=document.serve,
        answers=_json(dict[str, Any]),
    ),
    Operation(
        method="GET",
        path=f"{API}/targets",
        id="listTargets",
        summary="The source, and every target at a glance.",
        handler=reads.targets,
        role=Role.READ,
        answers=_json(models.TargetsAnswer),
    ),
    Operation(
        method="GET",
        path=TARGET,
        id="getTarget",
        summary="One target with its objects, and the writes of it that aren't settled.",
        handler=reads.target,
        role=Role.READ,
        answers=_json(models.TargetAnswer),
    ),
    Operation(
        method="GET",
        path=f"{API}/plan",
        id="getPlans",
        summary="What is still to be done, blocked or held.",
        handler=reads.pending,
        role=Role.READ,
        query=models.PlanQuery,
        answers=_json(models.PlansAnswer),
        statuses=(404,),
    ),
    Operation(
        method="GET",
        path=f"{API}/history",
        id="getHistory",
        summary="A target's newest passes that did something, newest first.",
        handler=reads.history,
        role=Role.READ,
        query=models.HistoryQuery,
        answers=_json(models.HistoryAnswer),
        statuses=(404,),
    ),
    Operation(
        method="GET",
        path=f"{API}/events",
        id="getEvents",
        summary="Events as they happen (server-sent events), or the recent ones as JSON.",
        handler=streaming.recent_or_live,
        role=Role.READ,
        query=models.EventsQuery,
        headers={"Last-Event-ID": "The newest event that the client has seen."},
        answers=_STREAM,
    ),
)

PLANNING = (
    Operation(
        method="POST",
        path=f"{API}/plan",
        id="makePlans",
        summary="The plan of another tree against the live side. Writes nothing.",
        handler=plans.make,
        role=Role.PLAN,
        body=models.PlanBody,
        gate=plans.gate,
        limit=lambda settings: settings.plans.bytes,
        answers=_json(models.PlansAnswer),
        statuses=(404, 409, 429, 502, 504),
    ),
)


def _action(path: str, id: str, summary: str, handler: Any, **more: Any) -> Operation:
    """An operation that changes something."""
    given = {"answers": _json(models.Done), "statuses": (404, 409, 422, 502, 504), **more}
    return Operation(method="POST", path=path, id=id, summary=summary, handler=handler, role=Role.OPERATE, **given)


_ACCEPTED = {"answers": _json(models.Accepted, 202), "statuses": ()}
_TARGET = {"answers": _json(models.TargetAnswer)}

ACTIONS = (
    _action(f"{API}/reconcile", "reconcile", "Look again at everything now.", actions.reconcile, **_ACCEPTED),
    _action(f"{TARGET}/reconcile", "reconcileTarget", "Look again now.", actions.reconcile_one, **_ACCEPTED),
    _action(
        f"{TARGET}/suspend",
        "suspend",
        "Write nothing for a while.",
        actions.suspend,
        body=models.SuspendBody,
        **_TARGET,
    ),
    _action(f"{TARGET}/resume", "resume", "End a suspension.", actions.resume, **_TARGET),
    _action(
        f"{API}/approvals",
        "approve",
        "Let a pending plan do what a budget holds back.",
        actions.approve,
        body=models.ApprovalBody,
        answers=_json(models.ApprovedAnswer, 201),
    ),
    _action(
        f"{TARGET}/adopt", "adopt", "Own a live object that a document declares.", actions.adopt, body=models.AdoptBody
    ),
    _action(
        f"{TARGET}/forget", "forget", "Give ownership up without deleting.", actions.forget, body=models.ForgetBody
    ),
    _action(
        f"{TARGET}/resolve",
        "resolve",
        "Say how a write ended of which nobody could tell.",
        actions.resolve,
        body=models.ResolveBody,
    ),
)

HOOKS = (
    Operation(
        method="POST",
        path="/hooks/git",
        id="gitHook",
        summary="A git server's webhook (GitHub, GitLab, Gitea); it wakes the daemon and does nothing else.",
        handler=hooks.git,
        schemes=("github", "gitea", "gitlab"),
        limit=lambda _: HOOK_BODY,
        answers=_json(models.Accepted, 202),
        statuses=(400, 401, 404, 408, 413),
    ),
)

OPERATIONS = (*PROBES, *READS, *PLANNING, *ACTIONS, *HOOKS)
