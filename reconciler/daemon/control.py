"""What may be asked of the running daemon: the one contract between it and its HTTP side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from reconciler.daemon.events import Feed
from reconciler.daemon.state import SourceState, TargetState
from reconciler.model import SourceFile
from reconciler.steps import Plan
from reconciler.store.records import Ending, EntryRecord, PassRecord


class Control(Protocol):
    """The daemon as the web sees it. An unknown target raises UnknownTarget; all may raise ReconcilerError.

    ``by`` is who asks, as history shows it. Times are Unix seconds.
    """

    @property
    def feed(self) -> Feed: ...

    @property
    def source(self) -> SourceState: ...

    @property
    def targets(self) -> Mapping[str, TargetState]:
        """Every target, by name, in the configuration's order."""

    @property
    def ready(self) -> bool:
        """A tree is in force, and each target was looked at once, or is another replica's."""

    def healthy(self) -> str | None:
        """None while the loop turns; else what is stuck."""

    def wake(self, target: str | None = None, *, by: str = "") -> None:
        """Look at the source now, and where somebody (``by``) asks, at every target or at one, whatever was put off.

        Without ``by``, no target is asked anything unless its share of the tree is new.
        """

    async def plan(self, files: Sequence[SourceFile], targets: Sequence[str] = ()) -> list[Plan]:
        """The plan of another tree against the live side; writes nothing. ``targets`` empty: all that take some of it.

        Raises InvalidTree with each problem.
        """

    def history(self, target: str, limit: int = 100) -> list[PassRecord]:
        """The newest passes that did something, newest first. Blocks for a moment."""

    def entries(self, target: str) -> list[EntryRecord]:
        """The journal's entries that are open or unknown. Blocks for a moment."""

    async def suspend(self, target: str, *, by: str, reason: str, until: float | None) -> None:
        """Write nothing until ``until`` (None: until somebody resumes it)."""

    async def resume(self, target: str, *, by: str) -> None:
        """End a suspension; without one nothing happens."""

    async def approve(self, target: str | None, digest: str, *, by: str) -> str:
        """Let the plan with this digest do what a budget holds back; gives the target's name.

        Raises InputError when no pending plan has this digest.
        """

    async def adopt(self, target: str, kind: str, name: str, *, by: str, id: str | None = None) -> None:
        """Own a live object that a document declares. Raises InputError where there is none."""

    async def forget(self, target: str, kind: str, name: str, *, by: str) -> None:
        """Give ownership up without deleting. Raises InputError when it isn't ours."""

    async def resolve(self, target: str, entry: int, ending: Ending, *, by: str) -> None:
        """Say how a write ended of which nobody could tell (``done`` or ``not-done``). Raises InputError."""
