"""What becomes history besides the passes that did something: changed verdicts, and what people ordered."""

from __future__ import annotations

import time

from reconciler.daemon.passing import Passed
from reconciler.store import Store
from reconciler.store.records import ORDERED, PassRecord, PassStart

Outcomes = list[dict[str, str | None]]


async def record_change(store: Store, mode: str, passed: Passed) -> None:
    """Note a pass that did nothing and yet ended otherwise than the one before it. Raises StateError."""
    plan = passed.plan
    start = PassStart(time.time(), mode, passed.revision, plan.digest if plan else None)
    outcomes: Outcomes = [{"step": "", "status": "failed", "error": passed.error.message}] if passed.error else []
    number = await store.begin_pass(start)
    await store.end_pass(number, passed.verdict, plan.summary if plan else {}, outcomes)


async def record_order(store: Store, order: str, by: str, words: str) -> None:
    """Note what somebody has ordered, such as ``suspend``. Raises StateError."""
    outcomes: Outcomes = [{"step": words, "status": "done", "error": None}]
    await store.note_order(PassStart(time.time(), f"{order}, by {by}"), ORDERED, outcomes)


def newest_outcome(store: Store) -> PassRecord | None:
    """The newest pass that has ended, if one of the last 20 has; an order isn't one. Blocks. Raises StateError."""
    return next((one for one in store.history(20) if one.verdict not in (None, ORDERED)), None)
