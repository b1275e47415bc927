"""What the HTTP side is told once: who may ask what, and how much."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct, field

from reconciler.config.daemon import PlanLimits
from reconciler.secret import Secret

SMALL_BODY = 64 * 1024
"""Bytes that a request may have, a plan's and a webhook's apart."""

HOOK_BODY = 25 * 1024**2
"""Bytes that a webhook may have: what GitHub sends at most."""

BODY_SECONDS = 30.0
"""How long a client may take to send its request's body."""

SHORTEST_TOKEN = 16
"""Characters that a token has at least: wrong tokens are answered more slowly, but guesses are never stopped."""

PING = 15.0
"""Seconds of silence after which a stream of events says that it still lives."""

STREAMS = 128
"""How many clients may listen to events at once."""


class Role(StrEnum):
    """What a caller may do; each role may do what the ones before it may."""

    READ = "read"
    PLAN = "plan"
    OPERATE = "operate"

    def covers(self, other: Role) -> bool:
        """Whether this role may do what takes ``other``."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Token(Struct, frozen=True):
    """A bearer token: ``name`` is what history calls its bearer."""

    name: str
    role: Role
    secret: Secret


class WebSettings(Struct, frozen=True):
    """``metrics`` takes an ``Accept`` header and gives the text and its content type; it may block for a moment.

    ``loopback``: the listen address is a loopback address, so that reading needs no token where none is configured;
    then ``hosts`` are the names, beside ``localhost``, that the server may be called by. ``secure``: browsers reach
    the pages over HTTPS. ``hooks_per_minute`` bounds how often webhooks wake the daemon. Times are in seconds.
    """

    metrics: Callable[[str], tuple[bytes, str]]
    tokens: tuple[Token, ...] = ()
    loopback: bool = False
    hosts: frozenset[str] = frozenset()
    webhook: Secret | None = None
    plans: PlanLimits = field(default_factory=PlanLimits)
    secure: bool = False
    hooks_per_minute: int = 120
    body_seconds: float = BODY_SECONDS
    ping: float = PING
    streams: int = STREAMS
