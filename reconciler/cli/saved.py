"""A plan that was saved and reviewed: what was agreed to for which target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.errors import InputError, PlanRefused
from reconciler.render.schema import load_plan

WRITE_ONE = "write one with plan --out FILE"


def saved_digests(path: str) -> dict[str, str]:
    """Target → digest. Raises InputError, PlanRefused."""
    return {target: str(plan["digest"]) for target, plan in saved_plans(path).items()}


def saved_plans(path: str) -> dict[str, Mapping[str, Any]]:
    """Target → plan document, each with a digest that can be agreed to. Raises InputError, PlanRefused."""
    try:
        with open(path, encoding="utf-8") as file:
            plan = load_plan(file.read())
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
        raise InputError(f"the plan {path} can't be read: {cause}", remedy=WRITE_ONE) from None
    except InputError as error:
        raise InputError(f"{path}: {error.message}", remedy=error.remedy or WRITE_ONE) from None
    plans = plan["items"] if plan.get("kind") == "PlanList" else [plan]
    return {str(one["target"]): _carriable(path, one) for one in plans}


def agreed_digest(digests: Mapping[str, str], target: str, path: str) -> str:
    """The digest that was agreed to for a target. Raises InputError where the file holds no plan for it."""
    _require(digests, target, path)
    return digests[target]


def agreed_plan(plans: Mapping[str, Mapping[str, Any]], target: str, path: str) -> Mapping[str, Any]:
    """The plan that is agreed to for a target. Raises InputError where the file holds none for it."""
    _require(plans, target, path)
    return plans[target]


def _require(found: Mapping[str, object], target: str, path: str) -> None:
    if target not in found:
        names = ", ".join(found)
        raise InputError(f"{path} holds no plan for the target {target}", remedy=f"it holds {names}; see --target")


def _carriable(path: str, plan: Mapping[str, Any]) -> Mapping[str, Any]:
    if not plan.get("lineage") or not plan.get("digest"):
        raise PlanRefused(
            f"the plan {path} was made without the state, so it can't be applied",
            remedy="make it where the state is (--state; `reconciler state init` makes one), and apply that one",
        )
    return plan
