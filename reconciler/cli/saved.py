"""A plan that was saved and reviewed: which digest was agreed to for which target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.errors import InputError, PlanRefused
from reconciler.render.schema import load_plan

WRITE_ONE = "write one with plan --out FILE"


def saved_digests(path: str) -> dict[str, str]:
    """Target → digest. Raises InputError, PlanRefused."""
    try:
        with open(path, encoding="utf-8") as file:
            plan = load_plan(file.read())
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
        raise InputError(f"the plan {path} can't be read: {cause}", remedy=WRITE_ONE) from None
    except InputError as error:
        raise InputError(f"{path}: {error.message}", remedy=error.remedy or WRITE_ONE) from None
    plans = plan["items"] if plan.get("kind") == "PlanList" else [plan]
    return {str(one["target"]): _digest(path, one) for one in plans}


def agreed_digest(digests: Mapping[str, str], target: str, path: str) -> str:
    """The digest that was agreed to for a target. Raises InputError where the file holds no plan for it."""
    if target not in digests:
        names = ", ".join(digests)
        raise InputError(f"{path} holds no plan for the target {target}", remedy=f"it holds {names}; see --target")
    return digests[target]


def _digest(path: str, plan: Mapping[str, Any]) -> str:
    if not plan.get("lineage") or not plan.get("digest"):
        raise PlanRefused(
            f"the plan {path} was made without the state, so it can't be applied",
            remedy="make it where the state is (--state; `reconciler state init` makes one), and apply that one",
        )
    return str(plan["digest"])
