"""Ends a process by SIGKILL at a chosen point around its k-th write, from within it and without its consent.

The points are those at which a process can die around a write; the code under test knows nothing of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.api.exchange import Exchange
from reconciler.api.factory import Pool
from reconciler.store import Store

POINTS = ("before-the-entry", "before-the-send", "after-the-commit", "after-the-reply", "after-the-close")
"""after-the-commit: the server has answered, and nobody has read of it more than that it came. after-the-reply: it is
read, and nothing is done about it yet."""

Method: TypeAlias = Callable[..., Awaitable[Any]]
_write: ContextVar[int] = ContextVar("write", default=0)


@dataclass
class Killer:
    """Kills this process at a point of write `number`, counted from 1 in the order of journal entries."""

    point: str
    number: int
    begun: int = 0
    writes: dict[int, int] = field(default_factory=dict)

    def reached(self, point: str, write: int) -> None:
        """The process came to a point."""
        if (point, write) == (self.point, self.number):
            os.kill(os.getpid(), signal.SIGKILL)

    def opening(self, original: Method) -> Method:
        """``Store.open_entry`` with a point before and one after it."""

        async def open_entry(store: Store, entry: Any) -> int:
            self.begun += 1
            write = self.begun
            self.reached("before-the-entry", write)
            found: int = await original(store, entry)
            self.writes[found] = write
            _write.set(write)
            self.reached("before-the-send", write)
            return found

        return open_entry

    def closing(self, original: Method) -> Method:
        """``Store.close_entry`` with a point after it."""

        async def close_entry(store: Store, entry: int, *args: Any, **more: Any) -> None:
            await original(store, entry, *args, **more)
            self.reached("after-the-close", self.writes[entry])

        return close_entry

    def sending(self, point: str, original: Method) -> Method:
        """What sends a request, ours or the library's, with a point after it if that is a write."""

        async def send(self_: Any, request: Any, *args: Any, **more: Any) -> Any:
            answer = await original(self_, request, *args, **more)
            if getattr(request, "write", request.method != "GET"):
                self.reached(point, _write.get())
            return answer

        return send


def arm(point: str, number: int) -> None:
    """Have this process killed at one of POINTS of a write."""
    killer = Killer(point, number)
    patches: list[tuple[type, str, Method]] = [
        (Store, "open_entry", killer.opening(Store.open_entry)),
        (Store, "close_entry", killer.closing(Store.close_entry)),
        (Pool, "send", killer.sending("after-the-commit", Pool.send)),
        (Exchange, "send", killer.sending("after-the-reply", Exchange.send)),
    ]
    for owner, name, patched in patches:
        setattr(owner, name, patched)
