"""Objects that fail again and again have a slower pace of their own, so that the rest of their target keeps its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from reconciler.daemon.pace import QUARANTINE_LONGEST, quarantine_seconds
from reconciler.model import Key
from reconciler.steps import Report, Status, Step
from reconciler.store import Store
from reconciler.store.records import Quarantine


def quarantined(known: Iterable[Quarantine], now: float) -> Mapping[Key, str]:
    """Why each object that is to be left alone at ``now`` (Unix seconds) is."""
    # A time further away than any that we give was written before the clock was set.
    return {one.key: _why(one) for one in known if now < one.until <= now + QUARANTINE_LONGEST}


def _why(one: Quarantine) -> str:
    again = datetime.fromtimestamp(one.until, UTC)
    return f"failed {one.failures} times in a row ({one.error}); tried again at {again:%Y-%m-%d %H:%M} UTC"


async def remember_failures(store: Store, before: Iterable[Quarantine], report: Report, now: float) -> None:
    """Count the failures of each object in a row, those ``before`` among them; what went well is forgotten."""
    known = {one.key: one for one in before}
    steps = {step.id: step for step in report.plan.steps}
    for id, outcome in report.outcomes.items():
        for key in _keys(steps[id]):
            if outcome.status is Status.FAILED:
                failures = 1 + (known[key].failures if key in known else 0)
                until = now + quarantine_seconds(failures)
                step = steps[id]
                await store.quarantine(Quarantine(*key, step.name, failures, until, outcome.error or "no reason given"))
            elif outcome.status is Status.DONE and key in known:
                await store.unquarantine(key)


def _keys(step: Step) -> Iterator[Key]:
    for target in step.targets:
        thing = target.item or target.live
        if thing is not None:
            yield thing.key
