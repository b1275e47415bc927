"""The quick tests notice when any one safety is switched off: so none of them can be broken without a word.

The safeties are found in the code (see ``safeties``). Each is off in a process of its own, in which the tests that
concern it run until one fails; that one passes with the safety on.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.strength.asking import Ask, asking
from tests.strength.safeties import safeties

pytestmark = pytest.mark.ci


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with asking(tmp_path_factory.mktemp("strength")) as ask:
        yield ask


@pytest.mark.parametrize("name", safeties())
def test_a_safety_that_is_switched_off_is_noticed(name: str, ask: Ask) -> None:
    assert ask(name) is not None


def test_nothing_is_noticed_where_nothing_is_off(ask: Ask) -> None:
    assert ask("nothing") is None
