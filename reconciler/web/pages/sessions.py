"""Who is signed in with a browser: random ids in cookies, all that they stand for in this process's memory."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from reconciler.web.auth import Caller

LIFE = 12 * 3600.0
IDLE = 2 * 3600.0
"""Seconds that a session lasts at most, and without being used."""

MOST = 1000
"""How many sessions are kept; the one that was not used for longest gives way."""


class Said(Struct, frozen=True):
    """A message that is shown once, on the next page."""

    tone: Literal["good", "bad"]
    text: str


@dataclass(slots=True)
class Session:
    """One signed-in browser. ``csrf`` is in each of its forms. Times are of the monotonic clock."""

    caller: Caller
    started: float
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    said: deque[Said] = field(default_factory=lambda: deque(maxlen=5))

    def agrees(self, csrf: str) -> bool:
        """Whether a form is one of ours, shown in this session."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode("utf-8", "surrogateescape"))

    def heard(self) -> list[Said]:
        """What is to be said, once."""
        said = list(self.said)
        self.said.clear()
        return said


class Sessions:
    """Sessions by their ids' hashes, so that looking one up tells nothing by its time; for one event loop."""

    def __init__(self, *, most: int = MOST, life: float = LIFE, idle: float = IDLE) -> None:
        self._most, self._life, self._idle = most, life, idle
        self._known: OrderedDict[bytes, Session] = OrderedDict()

    def open(self, caller: Caller) -> str:
        """A new session's id, which nothing but the browser's cookie may hold."""
        id, now = secrets.token_urlsafe(32), time.monotonic()
        self._known[_hashed(id)] = Session(caller, now, now)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return id

    def find(self, id: str) -> Session | None:
        """The session with this id, if it is still good; that counts as using it."""
        key, now = _hashed(id), time.monotonic()
        session = self._known.get(key)
        if session is None:
            return None
        if now - session.started > self._life or now - session.used > self._idle:
            del self._known[key]
            return None
        session.used = now
        self._known.move_to_end(key)
        return session

    def close(self, id: str) -> None:
        """Forget the session."""
        self._known.pop(_hashed(id), None)

    def __len__(self) -> int:
        return len(self._known)


def _hashed(id: str) -> bytes:
    return sha256(id.encode("utf-8", "surrogateescape")).digest()
