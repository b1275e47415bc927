"""The real store under a world: slow, and the measure for the one in memory.

Its writer thread is left out, as virtual time knows no threads: what is submitted is committed at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from reconciler.errors import LeaseLost
from reconciler.memory import Memory
from reconciler.secret import Keyring
from reconciler.store import Store
from reconciler.store.writer import _Job

Point = Callable[[str], Awaitable[None]]
WRITES = frozenset(
    {
        "begin_pass", "end_pass", "open_entry", "close_entry", "settle", "own", "disown", "disown_unfinished",
        "remember_ids", "remember_sent",
    }
)  # fmt: skip


class RealStore:
    """A store on SQLite with the same points as ``MemoryStore``."""

    def __init__(self, store: Store, point: Point) -> None:
        self._store = store
        self._point = point
        self.lost = False
        writer = store._access[0].writer if store._access else None
        assert writer is not None

        def submit(work: Callable[[Any], Any]) -> Future[Any]:
            answer: Future[Any] = Future()
            answer.set_running_or_notify_cancel()
            writer._serve([_Job(work, answer)])
            return answer

        writer.submit = submit  # type: ignore[method-assign]

    def fence(self) -> None:
        """Raises LeaseLost once the lease is lost."""
        if self.lost:
            raise LeaseLost("the lease is lost")

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name not in WRITES:
            return real

        async def write(*given: Any, **named: Any) -> Any:
            await self._point(f"{name}: before the commit")
            self.fence()
            found = await real(*given, **named)
            await self._point(f"{name}: after the commit")
            return found

        return write


def open_state(path: Path, keyring: Keyring, point: Point) -> RealStore:
    """Open the state at ``path`` for one process."""
    return RealStore(Store.open(f"sqlite:///{path}", *_WHERE, keyring, writable=True), point)


def remembered(path: Path, keyring: Keyring, now: float) -> Memory:
    """What the state holds, read without writing."""
    store = Store.open(f"sqlite:///{path}", *_WHERE, keyring, writable=False)
    try:
        return store.memory(now)
    finally:
        store._leave()


_WHERE = ("default", "http://127.0.0.1:8892")
