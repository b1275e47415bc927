"""Text for values that the database has no type for: keys, lists of names, and the fields of an object to create.

Fields come back exactly as they were given: tuples, sets and named secrets are tagged, and a value that can't be
kept (a secret's own value above all) is refused instead of being turned into something else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.errors import StateError
from reconciler.model import Identity, Key
from reconciler.secret import SecretRef

_TAG = "$"
_TEXT = {str}


def dump(value: Any) -> str:
    """Canonical JSON: the same value always gives the same text. Raises StateError for what JSON can't hold."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise StateError(f"a value can't be kept in the state: {type(error).__name__}") from None


def kept(text: str) -> str:
    """A text of somebody else's as every database can keep it: PostgreSQL's know no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def dump_keys(keys: Iterable[Key]) -> str:
    """Keys as a list of ``[kind, [identity …]]``, in the order given."""
    return dump([[kind, list(identity)] for kind, identity in keys])


def load_identity(text: str) -> Identity:
    """Raises ValueError when the text is not what ``dump`` made of an identity."""
    return _strings(json.loads(text))


def load_names(text: str) -> tuple[str, ...]:
    """Raises ValueError when the text is not what ``dump`` made of a list of names."""
    return _strings(json.loads(text))


def load_keys(text: str) -> tuple[Key, ...]:
    """Raises ValueError when the text is not what ``dump_keys`` made."""
    try:
        return tuple((str(kind), _strings(identity)) for kind, identity in json.loads(text))
    except TypeError:
        raise ValueError("not a list of keys") from None


def dump_fields(fields: Mapping[str, Any]) -> str:
    """Raises StateError for a value that can't be given back as it was."""
    return dump({name: _tagged(value) for name, value in fields.items()})


def load_fields(text: str) -> dict[str, Any]:
    """What ``dump_fields`` was given; of an intact row only, since damage may raise anything."""
    return {name: _plain(value) for name, value in json.loads(text).items()}


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not {*map(type, value)} <= _TEXT:
        raise ValueError("not a list of texts")
    return tuple(value)


def _tagged(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, SecretRef):
        return {_TAG: "secret", "of": value.name}
    if isinstance(value, list):
        return [_tagged(part) for part in value]
    if isinstance(value, tuple):
        return {_TAG: "tuple", "of": [_tagged(part) for part in value]}
    if isinstance(value, set | frozenset):
        return {_TAG: "set", "of": sorted((_tagged(part) for part in value), key=dump)}
    if isinstance(value, Mapping):
        body = {name: _tagged(part) for name, part in value.items() if isinstance(name, str)}
        if len(body) == len(value):
            return {_TAG: "map", "of": body} if _TAG in body else body
    raise StateError(f"a value of type {type(value).__name__} can't be kept in the state")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if not isinstance(value, dict):
        return value
    tag, inner = value.get(_TAG), value.get("of")
    if tag == "secret":
        return SecretRef(str(inner))
    if tag == "tuple":
        return tuple(_plain(part) for part in inner or ())
    if tag == "set":
        return frozenset(_plain(part) for part in inner or ())
    body = inner if tag == "map" and isinstance(inner, dict) else value
    return {name: _plain(part) for name, part in body.items()}
