"""The recording's own form. Whoever reads one trusts nothing in it: a fork may have written it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_BYTES = 32 * 1024 * 1024
FORMAT: Literal[1] = 1

Line = Annotated[str, Field(max_length=1000)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
Time = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s@]+$")]


class Part(BaseModel):
    """Strict types, no unknown field, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Answer(Part):
    """What a collection's request was answered: a body, that there is none (404, 405), or why it couldn't be read."""

    status: Literal[200, 404, 405] | None = None
    body: Any = None
    unreadable: Line | None = None


class OwnedThing(Part):
    """An object of ours; see :class:`reconciler.memory.Owned`."""

    kind: Name
    identity: list[Line]
    id: Line | None
    name: Line
    document: Line
    keep: bool
    adopted: bool


class SentField(Part):
    """A field that the recording doesn't show: it can't be read back and was sent, or it may be a secret."""

    kind: Name
    identity: list[Line]
    path: Name


class Recording(Part):
    """One target's live state. ``user`` is the name that was logged in as; ``spent`` the day's destructive steps."""

    apiVersion: Literal["reconciler/v1"] = "reconciler/v1"  # noqa: N815 - the document's own name
    kind: Literal["Recording"] = "Recording"
    format: Literal[1] = FORMAT
    target: Name
    system: Name
    url: Url
    at: Time
    user: Line | None
    collections: dict[Name, Answer]
    owned: list[OwnedThing]
    sent: list[SentField]
    spent: Annotated[int, Field(ge=0)]
