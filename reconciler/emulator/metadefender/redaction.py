"""What the log of requests hides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECRETS = frozenset({"password", "old_password", "new_password", "connection_key", "api_key", "apikey"})


def redacted(value: object, within_storage: bool = False) -> Any:
    """`value` with "***" for each secret: values under a key of SECRETS, and any value in a storage's config."""
    if isinstance(value, Mapping):
        return {key: _redacted_entry(str(key), entry, within_storage) for key, entry in value.items()}
    if isinstance(value, list):
        return [redacted(entry, within_storage) for entry in value]
    return value


def _redacted_entry(key: str, entry: object, within_storage: bool) -> Any:
    if key in SECRETS or (within_storage and key == "config"):
        return "***"
    return redacted(entry, within_storage=key == "storage")
