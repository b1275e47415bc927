"""Plan → one Outcome a step: each move as soon as what it waits for is done, a bounded number at once."""

from __future__ import annotations

from reconciler.execute.events import Event, Happening, Listener, nobody
from reconciler.execute.scheduler import Options, Scheduler

__all__ = ["Event", "Happening", "Listener", "Options", "Scheduler", "nobody"]
