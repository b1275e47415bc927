"""Secrets: named in documents, held in a type that can't be shown, remembered only as keyed fingerprints."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

from msgspec import Struct

from reconciler.forms import Finder
from reconciler.mac import Mac
from reconciler.model import Identity

SHOWN = "(secret)"
SHOWN_CHANGED = "(secret, changed)"


class Secret:
    """A value that only :meth:`reveal` gives away: no text, no formatting, no JSON, no pickle."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself, for the one place that puts it into a request."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        return id(self)

    def __refuse(self, *_: object) -> NoReturn:
        raise TypeError("a secret is never turned into text, JSON or a pickle")

    __str__ = __format__ = __reduce__ = __reduce_ex__ = __getstate__ = __copy__ = __deepcopy__ = __refuse


class SecretRef(Struct, frozen=True, order=True):
    """``{secret: name}`` in a document: which secret is meant, never its value."""

    name: str


def secret_refs(value: Any) -> Iterator[SecretRef]:
    """Every secret that a (nested) field value names."""
    if isinstance(value, SecretRef):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from secret_refs(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from secret_refs(part)


def revealed(value: Any, values: Mapping[str, Secret]) -> Any:
    """The field value with each ``SecretRef`` replaced by what it names, as plain data for a request's body.

    Raises KeyError with the secret's name when a value is missing.
    """
    if isinstance(value, SecretRef):
        return values[value.name].reveal()
    if isinstance(value, Mapping):
        return {name: revealed(part, values) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [revealed(part, values) for part in value]
    return value


def hidden(text: str, values: Iterable[Secret]) -> str:
    """A text of somebody else's without any of these values, should it quote one that is longer than 3 characters.

    Looked for in each of its ``forms``, which takes some 50 µs a value: whoever has thousands keeps a ``Finder``.
    """
    return Finder(secret.reveal() for secret in values).covered(text, SHOWN)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that fingerprints are made with; the first one makes, all are recognised.

    A fingerprint is ``<key id>:<HMAC-SHA-256, hex>`` over target, kind, natural key, field and value.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    _ready: tuple[tuple[str, Mac], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ready", tuple((f"{self.key_id(key)}:", Mac(key)) for key in self.keys))

    @staticmethod
    def key_id(key: bytes) -> str:
        return sha256(b"reconciler key id\0" + key).hexdigest()[:12]

    def make(self, target: str, kind: str, identity: Identity, path: str, value: Any) -> str:
        """The fingerprint of a value, under the first key."""
        prefix, mac = self._ready[0]
        return prefix + mac.hexdigest(_field(target, kind, identity, path, value))

    def compare(self, known: str, target: str, kind: str, identity: Identity, path: str, value: Any) -> bool | None:
        """Whether ``known`` was made from ``value``; None when it was made with a key that isn't here."""
        for prefix, mac in self._ready:
            if known.startswith(prefix):
                return hmac.compare_digest(known, prefix + mac.hexdigest(_field(target, kind, identity, path, value)))
        return None

    def sign(self, *parts: str) -> str:
        """A seal over a row of the state, under the first key."""
        prefix, mac = self._ready[0]
        return prefix + mac.hexdigest(_row(*parts, end="]"))

    def verify(self, seal: str, *parts: str) -> bool:
        """Whether ``seal`` was made over these parts with one of our keys."""
        return self.verifier(*parts[:-1])(seal, parts[-1])

    def verifier(self, *first: str) -> Callable[[str, str], bool]:
        """``verify`` for many seals, whose parts differ in the last one only."""
        ready = [(self.key_id(key), Mac(key, _row(*first, end=", "))) for key in self.keys]

        def verify(seal: str, last: str) -> bool:
            for id, mac in ready:
                if seal.startswith(id):
                    return hmac.compare_digest(seal, f"{id}:{mac.hexdigest(f'{_text(last)}]'.encode())}")
            return False

        return verify


_CANONICAL = json.JSONEncoder(sort_keys=True)

# What JSON makes of a text, in a fifth of the time: a plan checks tens of thousands of rows.
_text = encode_basestring_ascii


def _field(target: str, kind: str, identity: Identity, path: str, value: Any) -> bytes:
    shown = _text(value) if value.__class__ is str else _CANONICAL.encode(value)
    of = ", ".join(map(_text, identity))
    return f'["field", {_text(target)}, {_text(kind)}, [{of}], {_text(path)}, {shown}]'.encode()


def _row(*parts: str, end: str) -> bytes:
    return f"[{', '.join(map(_text, ('row', *parts)))}{end}".encode()


class Seal(Struct, frozen=True):
    """What stands at the border where a server hands out keys in clear: they become fingerprints there.

    ``own_key`` is the key that we log in with, so that our own user can be told among the others.
    """

    target: str
    keyring: Keyring | None = None
    own_key: Secret | None = None

    def fingerprint(self, kind: str, identity: Identity, path: str, value: str) -> str | None:
        """The value's fingerprint, None without a key to make it with."""
        return self.keyring.make(self.target, kind, identity, path, value) if self.keyring else None

    def is_own(self, value: str) -> bool:
        """Whether the value is our own key."""
        return self.own_key is not None and hmac.compare_digest(self.own_key.reveal().encode(), value.encode())
