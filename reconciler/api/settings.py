"""What a client is told and what it tells: its limits, its counters, and the callables that it reports to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from msgspec import Struct, field

from reconciler.errors import LoginRefused, ReconcilerError
from reconciler.wire import Request, Response


class Limits(Struct, frozen=True):
    """How long and how much, for one client. Times are in seconds, sizes in bytes.

    ``request`` is the total deadline of one try, from asking for a connection to the last byte of the answer;
    ``upload`` takes its place where the body is a file. ``connect`` is the share of it for reaching the server.
    ``tries`` counts the first one; the pause before try n is random, up to ``backoff`` doubled n-2 times, never longer
    than ``patience``, which caps a Retry-After too. ``parallel`` is the number of requests in flight; the wait
    for a turn is outside the deadline. After ``failures`` connections in a row that couldn't be made, requests
    fail at once for ``cooldown`` seconds. ``logout`` is what closing may take.
    """

    request: float = 30.0
    connect: float = 10.0
    upload: float = 3600.0
    body: int = 64 * 1024 * 1024
    tries: int = 3
    backoff: float = 0.5
    patience: float = 30.0
    parallel: int = 4
    failures: int = 5
    cooldown: float = 15.0
    logout: float = 5.0


class Calls(Struct):
    """How many requests went out, by method: ``first`` sends, and ``extra`` ones (polls, retries, probes, re-logins).

    ``by_operation`` splits the first sends by operation, so that logins can be told from the rest.
    """

    first: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    by_operation: Counter[str] = field(default_factory=Counter)

    def count(self, request: Request, *, extra: bool) -> None:
        """Note one request that is about to be sent."""
        if extra:
            self.extra[request.method] += 1
        else:
            self.first[request.method] += 1
            self.by_operation[request.operation] += 1


class Journal(Protocol):
    """What is told of each write, right before and right after it."""

    async def before(self, request: Request) -> Any:
        """Make the entry durable and return its token. If this raises, the request isn't sent."""

    def departs(self, token: Any) -> None:
        """The request's turn has come. If this raises, it isn't sent, and ``after`` is told why."""

    async def after(self, token: Any, response: Response | None, error: ReconcilerError | None) -> None:
        """What came of it: an answer, or an error. Not called when the process was interrupted meanwhile."""


class Hooks(Struct, frozen=True):
    """Callables of the owner; the synchronous ones must not block, and but for ``fence`` not raise.

    ``guard`` runs before each login and raises LoginRefused when these credentials are known to be refused.
    ``on_login_refused`` learns of a refusal, once. ``on_call`` gets each try: the status or the error, and seconds.
    ``on_upload`` gets the bytes that were handed to the network so far, and the total. ``fence`` is asked right
    before each part of a write leaves (the head, the body, each piece of an upload), and raises LeaseLost when it
    must not: where that is the first part, the client raises LeaseLost and nothing was sent, else Unanswered. ``hide``
    takes secrets out of a server's words; the credentials of the request itself need not be known to it.
    """

    guard: Callable[[], Awaitable[None]] | None = None
    on_login_refused: Callable[[LoginRefused], Awaitable[None]] | None = None
    on_call: Callable[[Request, int | ReconcilerError, float], None] | None = None
    on_upload: Callable[[Request, int, int], None] | None = None
    fence: Callable[[], None] | None = None
    hide: Callable[[str], str] | None = None
