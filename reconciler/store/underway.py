"""Which writes of this process may still be on their way: a pass that dies of its own error leaves some behind."""

from __future__ import annotations

import time


class UnderWay:
    """The journal entries that were opened here and not closed since, and when anything was sent last.

    ``deadline``: how many seconds after it was begun a request can have an effect at most.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._entries: set[int] = set()
        self._departed = float("-inf")

    def opened(self, entry: int) -> None:
        """A write is about to be sent."""
        self._entries.add(entry)

    def departs(self) -> None:
        """A part of a write leaves now."""
        self._departed = time.monotonic()

    def closed(self, entry: int) -> None:
        """It is known, or settled, how the write has ended."""
        self._entries.discard(entry)

    def waited(self) -> None:
        """What has left can have no effect any more. An entry that nobody here closes must not count for ever: another
        has settled it, or a person will, or its close was cancelled when it was written already."""
        self._entries.clear()

    @property
    def settle_after(self) -> float:
        """When (``time.monotonic``) none of them can have an effect any more; 0.0: none is left. For between passes."""
        return self._departed + self._deadline if self._entries else 0.0
