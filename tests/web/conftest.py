"""Servers: one of its own for each test, and one for a whole module whose tests change nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.web.serving import Served, serving


@pytest.fixture
def server() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What is logged, and shown nowhere."""
    with capture_logs() as found:
        yield found
