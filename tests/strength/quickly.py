"""A plugin for pytest: a failing example is enough. Where a test is asked whether it fails, nobody reads by what."""

from __future__ import annotations

from hypothesis import Phase, settings


def pytest_configure() -> None:
    """Leave the search for a smaller example out."""
    quick = settings.get_profile("quick")
    settings.register_profile("quick", quick, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("quick")
