"""A plugin for pytest that collects the quick tests once and then, for each order, forks a process in which one safety
is off: does a test notice?

An order is the name of a safety, on a line of its own; the answer a line of JSON: the test that failed, or null. The
pipes are the descriptors that the environment names.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from tests.strength.safeties import safeties

ORDERS, ANSWERS = "STRENGTH_ORDERS", "STRENGTH_ANSWERS"
NOTICED = Path(__file__).parent / "noticed.json"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Carry out orders until they end."""
    known = safeties()
    noticed: dict[str, str] = json.loads(NOTICED.read_text()) if NOTICED.exists() else {}
    with os.fdopen(int(os.environ[ORDERS])) as orders, os.fdopen(int(os.environ[ANSWERS]), "w") as answers:
        for order in orders:
            name = order.rstrip("\n")
            safety = known.get(name)
            wanted = (noticed.get(name, ""), *safety.tests) if safety is not None else ("tests/plan/test_limits.py",)
            items = _first_things_first(session.items, wanted)
            found = _noticed(session, items, safety.off) if safety is not None else _forked(session, items, _nothing)
            answers.write(json.dumps(found) + "\n")
            answers.flush()
    return True


def _first_things_first(items: Sequence[pytest.Item], wanted: Sequence[str]) -> list[pytest.Item]:
    chosen = {one.nodeid: one for start in wanted if start for one in items if one.nodeid.startswith(start)}
    return list(chosen.values())


def _noticed(session: pytest.Session, items: Sequence[pytest.Item], off: Callable[[], None]) -> str | None:
    """The first test that fails because of the safety that is off, and not anyhow."""
    while items:
        found = _forked(session, items, off)
        if found is None or _forked(session, [one for one in items if one.nodeid == found], _nothing) is None:
            return found
        items = [one for one in items if one.nodeid != found]
    return None


def _nothing() -> None:
    """Everything stays on."""


def _forked(session: pytest.Session, items: Sequence[pytest.Item], off: Callable[[], None]) -> str | None:
    """The first test that fails in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            off()
            os.write(writer, (_first_failure(session, items) or "").encode())
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it was, the parent says that it was
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as answer:
        found = answer.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "it could not be switched off: see the traceback above"
    return found or None


def _first_failure(session: pytest.Session, items: Sequence[pytest.Item]) -> str | None:
    try:
        for number, item in enumerate(items):
            reports = runtestprotocol(item, nextitem=next(iter(items[number + 1 :]), None), log=False)
            if any(report.failed for report in reports):
                return item.nodeid
        return None
    finally:
        session._setupstate.teardown_exact(None)
