"""A plan document as a Plan again, for the renderings: everything that they show, and nothing that could be applied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.render.words import RECORDED
from reconciler.steps import Action, Change, HeldBack, Plan, Step, Unknown

_RECORDED = re.compile(re.escape(RECORDED).replace(re.escape("{}"), "([0-9TZ:-]{20})"))


def plan_of(document: Mapping[str, Any]) -> Plan:
    """A ``Plan`` document that fits the schema (see ``load_plan``); the address isn't in it, so it is empty."""
    warnings = list(document["warnings"])
    # Without a lineage, the first warning says why there is none, and the renderings say that themselves.
    why = warnings.pop(0) if document["lineage"] is None and warnings else ""
    recorded = _RECORDED.fullmatch(why)
    return Plan(
        target=document["target"],
        system="",
        url="",
        lineage=document["lineage"],
        revision=document["revision"],
        steps=tuple(map(_step, document["steps"])),
        moves=(),
        blocked=tuple(map(_held, document["blocked"])),
        held=tuple(map(_held, document["held"])),
        unknown=tuple(
            Unknown(one["kind"], one["name"], tuple(one["paths"]), one["reason"]) for one in document["unknown"]
        ),
        warnings=tuple(warnings),
        unchanged=document["summary"]["unchanged"],
        calls=document["calls"],
        digest=document["digest"],
        recorded=recorded[1] if recorded else None,
    )


def _step(document: Mapping[str, Any]) -> Step:
    return Step(
        id=document["id"],
        action=Action(document["action"]),
        kind=document["kind"],
        name=document["name"],
        targets=(),
        changes=tuple(Change(one["path"], one["before"], one["after"]) for one in document["changes"]),
        reason=document.get("reason", ""),
        destructive=document.get("destructive", False),
        disruptive=document.get("disruptive", False),
        after=tuple(document.get("after", ())),
        group=document.get("group"),
        notes=tuple(document.get("notes", ())),
    )


def _held(document: Mapping[str, Any]) -> HeldBack:
    # The reason of a step that is held back is the rule's, not its own.
    step = _step({name: document[name] for name in ("id", "action", "kind", "name", "changes")})
    return HeldBack(step, document["rule"], document["reason"], document["remedy"])
