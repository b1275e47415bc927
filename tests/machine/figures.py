"""How many schedules are played: a few hundred at every save, the figures in CI, ten times as many in a long run."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

PROFILES = {"quick": 0, "ci": 1, "long": 10}
LENGTH = 160
"""Bytes of a tape: more than a schedule takes."""


def times(quick: int, ci: int) -> int:
    """How many examples the profile in force asks for."""
    factor = PROFILES[settings.get_current_profile_name()]
    return ci * factor if factor else quick


def play_many(number: int, check: Callable[[bytes], None], examples: int) -> None:
    """Hold ``check`` to so many tapes; another ``number`` means other tapes. A failing one is shrunk."""
    # Each shard has a seed of its own: derived from the test alone, all would try the same tapes.
    found = given(st.binary(min_size=LENGTH, max_size=LENGTH))(check)
    quiet = list(HealthCheck)
    # To shrink a tape takes minutes and gigabytes, so that is left to whoever looks into it (with --long).
    phases = list(Phase) if settings.get_current_profile_name() == "long" else [Phase.explicit, Phase.generate]
    found = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=quiet, phases=phases)(
        found
    )
    if settings.get_current_profile_name() != "long":
        found = seed(number)(found)
    found()
