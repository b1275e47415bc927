"""How old what was read may be when something is written by it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reconciler.execute.look import MAX_AGE, MOMENT, Looker
from reconciler.secret import Seal
from tests.systems.kit import TARGET, view

CLIENT: Any = None  # nothing is read here


@pytest.mark.parametrize(("age", "left"), [(0.0, MAX_AGE), (7.0, MAX_AGE - 7), (9.5, MOMENT), (60.0, MOMENT)])
def test_a_write_counts_from_the_oldest_read_that_it_rests_on(age: float, left: float):
    now = time.monotonic()
    looker = Looker(CLIENT, view(live={"listWorkers": []}), Seal(TARGET), now - age)
    assert looker.good_until(["workers"]) - now == pytest.approx(left, abs=0.2)


def test_what_rests_on_no_read_is_not_too_old():
    looker = Looker(CLIENT, view(), Seal(TARGET), 0.0)
    assert looker.good_until([]) > time.monotonic() + MOMENT
