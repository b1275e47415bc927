"""What holds for every test: how hard hypothesis tries, and that nothing of the user's surroundings reaches a test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The two that judge a change are repeatable; the long one looks for what nobody has seen yet.
settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("quick")

HOMES = {
    "HOME": "",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}
SURROUNDINGS = ("RECONCILER_", "GIT_", "SSL_CERT_")  # ours, what a git hook sets, and other certificate stores

_count = itertools.count()


def _reaches_tests(variable: str) -> bool:
    return variable.startswith(SURROUNDINGS) or variable.lower().endswith("_proxy")


@pytest.fixture(scope="session", autouse=True)
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clean environment for the session, with a folder for the tests' homes."""
    folder = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as patch:
        for variable in filter(_reaches_tests, list(os.environ)):
            patch.delenv(variable)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for variable, path in HOMES.items():
            patch.setenv(variable, str(folder / path))
        yield folder


@pytest.fixture(autouse=True)
def home(homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test."""
    folder = homes / str(next(_count))
    folder.mkdir()
    for variable, path in HOMES.items():
        monkeypatch.setenv(variable, str(folder / path))
    return folder
