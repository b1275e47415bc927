"""Field types that the parts of the configuration share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from reconciler.systems.fields import NAME_PATTERN, duration

SecretName = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", max_length=200)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
ModeName = Literal["enforce", "observe"]


def _seconds(value: Any) -> float:
    if isinstance(value, float):
        return value
    return float(duration(value, 1000, "seconds")) if not _in_milliseconds(value) else duration(value, 1, "ms") / 1000


def _in_milliseconds(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("ms")


Seconds = Annotated[
    float,
    Field(ge=0.05, le=31_622_400),
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0.05}, {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d|w)$"}],
            "description": "Seconds, or a text such as 90s, 15m, 2h.",
        }
    ),
]
