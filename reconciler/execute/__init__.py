"""Plan → one Outcome a step: each move as soon as what it waits for is done, a bounded number at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.execute.events import Event, Happening, Listener, nobody

if TYPE_CHECKING:
    from reconciler.execute.look import Looker
    from reconciler.execute.scheduler import Options, Scheduler

__all__ = ["Event", "Happening", "Listener", "Looker", "Options", "Scheduler", "nobody"]


def __getattr__(name: str) -> Any:
    """What a plan doesn't need is loaded when it is asked for."""
    if name == "Looker":
        from reconciler.execute import look  # noqa: PLC0415 - see above

        return look.Looker
    if name in ("Options", "Scheduler"):
        from reconciler.execute import scheduler  # noqa: PLC0415 - the same

        return getattr(scheduler, name)
    raise AttributeError(name)
