"""How an object itself is, beside its being as desired: a service may be connected to as wanted, and be down."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Health(StrEnum):
    """``MISSING``: it isn't there at all."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    MISSING = "missing"


class Condition(Struct, frozen=True):
    """``words``: the server's status word, or what is wrong; empty where there is nothing to say."""

    health: Health = Health.HEALTHY
    words: str = ""

    @property
    def unwell(self) -> bool:
        """Whether people should be told. What isn't known is no news: a server's words may be any."""
        return self.health in (Health.DEGRADED, Health.PROGRESSING)


HEALTHY = Condition()


def of_status(status: str, meaning: Mapping[str, Health], other: Health = Health.UNKNOWN) -> Condition:
    """What a status word says, in any case of letters; ``other``: what a word that isn't known stands for."""
    if not status:
        return Condition(Health.UNKNOWN, "the server shows no status")
    return Condition(meaning.get(status.lower(), other), status)
