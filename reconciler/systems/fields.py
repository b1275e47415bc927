"""Field types that several kinds share, strict about what they take and silent about what they were given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.secret import SecretRef

NAME_PATTERN = r"[a-z0-9][a-z0-9-]*"
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
HOUR = _UNITS["h"]


def _secret(value: Any) -> SecretRef:
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, dict) or set(value) != {"secret"} or not isinstance(value["secret"], str):
        raise PydanticCustomError("secret", "a secret is named, never given: write {secret: its-name}")
    return _named(value["secret"])


@lru_cache(maxsize=1000)  # thousands of documents name the same few secrets, and share what stands for them
def _named(name: str) -> SecretRef:
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > 200:
        raise PydanticCustomError("secret", "a secret's name has lower-case letters, digits and hyphens only")
    return SecretRef(name)


SecretField = Annotated[
    SecretRef,
    PlainValidator(_secret),
    WithJsonSchema(
        {
            "type": "object",
            "description": "The name of a secret; its value never stands in the desired state.",
            "properties": {"secret": {"type": "string", "pattern": f"^{NAME_PATTERN}$"}},
            "required": ["secret"],
            "additionalProperties": False,
        }
    ),
]


def duration(value: Any, unit: int, name: str) -> int:
    """A whole number of units, or a text such as ``12h``, as units (each ``unit`` milliseconds long)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError(
            "duration", "give a whole number of {name}, or a text such as 30m, 12h, 7d", {"name": name}
        )
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h|d|w)", value)
    if not match or int(match[1]) * _UNITS[match[2]] % unit:
        raise PydanticCustomError(
            "duration", "give a whole number of {name}, or a text such as 30m, 12h, 7d", {"name": name}
        )
    return int(match[1]) * _UNITS[match[2]] // unit


def _schema(description: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d|w)$"},
            ],
            "description": description,
        }
    )


Hours = Annotated[
    int,
    Field(ge=0, le=10_000_000),
    BeforeValidator(lambda value: duration(value, HOUR, "hours")),
    _schema("Hours, or a text such as 12h, 7d; 0 switches it off."),
]

Milliseconds = Annotated[
    int,
    Field(ge=0, le=10**12),
    BeforeValidator(lambda value: duration(value, 1, "milliseconds")),
    _schema("Milliseconds, or a text such as 30m, 12h."),
]

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._:\[\]-]+$")]
Text = Annotated[str, Field(max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A nested map as fields of their own (``ui_settings/refresh_rate``), so that each can be left unmanaged.

    Names are escaped as in a JSON pointer.
    """
    return {f"{prefix}/{_escaped(name)}": values[name] for name in sorted(values)}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The opposite of :func:`flat`, for a request's body or a document."""
    body: dict[str, Any] = {}
    for name, value in fields.items():
        place = body
        *parents, leaf = (part.replace("~1", "/").replace("~0", "~") for part in name.split("/"))
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return body
