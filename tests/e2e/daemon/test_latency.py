"""How long it takes from a saved file, or from a push, to the first write, as the Control Center sees it.

The figures are for a machine that has nothing else to do: p95 under a second for a file, debouncing included, and
under two for a push with its webhook. What is asserted leaves room for tests beside this one; what was measured is
printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.e2e.daemon.kit import eventually, running
from tests.e2e.daemon.test_git import Repository, environment, flags, hook
from tests.e2e.kit import Desk, document

SAVED, PUSHED = 1.0, 2.0
ROOM = 3.0


def measured(desk: Desk, change: Callable[[int], float], times: int) -> list[float]:
    """Seconds from each change, which tells when it was made (Unix seconds), to the first write that comes of it."""
    taken = []
    for number in range(1, times + 1):
        before = desk.center.last()
        begun = change(number)
        eventually(lambda before=before: desk.center.writes(before), pause=0.01)  # type: ignore[misc]
        first = next(one for one in desk.center.requests(before) if one["operationId"] == "putSessionCookie")
        taken.append(first["time"] - begun)
        time.sleep(0.05 * (number % 5))  # the next one comes at any moment of what follows
    return taken


def p95(taken: list[float], what: str) -> float:
    found = quantiles(taken, n=20)[-1]
    sys.stderr.write(f"\n{what} to first write: median {median(taken):.2f} s, p95 {found:.2f} s\n")
    return found


@pytest.mark.ci
def test_from_a_saved_file_to_the_first_write(desk: Desk):
    desk.write(cookie(0))
    with running(desk, interval="1h") as daemon:
        daemon.becomes("converged")

        def save(number: int) -> float:
            desk.write(cookie(number))
            return time.time()

        taken = measured(desk, save, 50)
    assert p95(taken, "saved") < SAVED * ROOM


@pytest.mark.ci
def test_from_a_push_to_the_first_write(desk: Desk, tmp_path: Path):
    repository = Repository(tmp_path)
    repository.push(cookie(0))
    with running(desk, *flags(repository), interval="1h", env=environment(desk)) as daemon:
        daemon.becomes("converged")

        def push(number: int) -> float:
            repository.push(cookie(number))
            pushed = time.time()
            assert hook(daemon).status_code == 202
            return pushed

        taken = measured(desk, push, 20)
    assert p95(taken, "pushed") < PUSHED * ROOM


def cookie(number: int) -> str:
    return document("SessionCookie", "console", samesite=("Strict", "Lax")[number % 2])
