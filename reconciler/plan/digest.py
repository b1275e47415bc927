"""One number for "the same plan": what will be done, to what, as it was when it was decided.

It stands for the plan at any time: what waits for a window, a suspension or a quarantine to end counts as if it were
free. So what was agreed to outside a window is what is done inside it, and a pass may do less than its digest stands
for, never more. An approval lets be done what a budget holds back; therefore such a step counts whole, like a free
one, and not just by its name.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from reconciler.policy import Policy
from reconciler.secret import SecretRef, revealed
from reconciler.steps import APPROVABLE, HeldBack, Step, Target
from reconciler.systems.view import View

FORMAT = 2


def digest(view: View, url: str, policy: Policy, steps: tuple[Step, ...], back: tuple[HeldBack, ...]) -> str:
    """``sha256:<hex>`` over format, URL, policy, steps with their live pre-images, and what is held back."""
    content = {
        "format": FORMAT,
        "url": url,
        "lineage": view.memory.lineage,
        "policy": _policy(policy),
        "steps": [_step(view, step) for step in steps],
        "back": [_back(view, one) for one in sorted(back, key=lambda one: one.step.id)],
    }
    return "sha256:" + hashlib.sha256(json.dumps(content, sort_keys=True, default=list).encode()).hexdigest()


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "prune": policy.prune,
        "allow": sorted(policy.allow),
        "numbers": [policy.deletions, policy.recreate, policy.destructive, policy.daily],
        "resend": policy.resend,
        "only": sorted(str(ref) for ref in policy.only),
    }


def _back(view: View, one: HeldBack) -> dict[str, Any]:
    what = _step(view, one.step) if one.rule in APPROVABLE else {"id": one.step.id}
    return {"rule": one.rule, **what}


def _step(view: View, step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "changes": [[change.path, change.before, change.after] for change in step.changes],
        "after": list(step.after),
        "targets": [_target(view, step, target) for target in step.targets],
    }


def _target(view: View, step: Step, target: Target) -> dict[str, Any]:
    item, live = target.item, target.live
    return {
        "wanted": item and [item.identity, {name: _value(view, step, name, item.fields[name]) for name in item.fields}],
        "live": live and [live.identity, live.id, dict(live.fields)],
    }


def _value(view: View, step: Step, name: str, value: Any) -> Any:
    """A wanted value; of a secret its keyed fingerprint, so that another secret is another plan."""
    if not isinstance(value, SecretRef):
        return value
    if value.name not in view.values or view.keyring is None or step.item is None:
        return ["secret", value.name]
    found = revealed(value, view.values)
    return ["secret", view.keyring.make(view.target, step.kind, step.item.identity, name, found)]
