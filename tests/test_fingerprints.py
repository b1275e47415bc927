"""Fingerprints and seals lie in databases for years: however they are made, the same content gives the same bytes."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.mac import Mac
from reconciler.secret import Keyring

KEY, OLD = b"k" * 32, b"o" * 7
RING = Keyring((KEY, OLD))
TEXTS = st.text(st.characters())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def plainly(key: bytes, *parts: Any) -> str:
    """As it was defined: the key's id, and a MAC over canonical JSON."""
    made = hmac.new(key, json.dumps(parts, sort_keys=True).encode(), sha256).hexdigest()
    return f"{sha256(b'reconciler key id' + bytes(1) + key).hexdigest()[:12]}:{made}"


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3), TEXTS, VALUES)
def test_a_fingerprint_is_a_mac_over_canonical_json(target: str, kind: str, names: list[str], path: str, value: Any):
    identity = tuple(names)
    assert RING.make(target, kind, identity, path, value) == plainly(KEY, "field", target, kind, names, path, value)
    old = plainly(OLD, "field", target, kind, names, path, value)
    assert RING.compare(old, target, kind, identity, path, value) is True
    assert RING.compare(old, target, kind, identity, path + "x", value) is False
    assert Keyring((KEY,)).compare(old, target, kind, identity, path, value) is None


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_a_seal_is_one_too(parts: list[str]):
    assert RING.sign(*parts) == plainly(KEY, "row", *parts)
    assert RING.verify(plainly(OLD, "row", *parts), *parts)
    assert not RING.verify(plainly(b"another", "row", *parts), *parts)
    assert not RING.verify(plainly(KEY, "row", *parts, ""), *parts)


@given(st.binary(max_size=200), st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=3))
def test_a_mac_that_has_begun_is_finished_as_the_library_does_it(key: bytes, start: bytes, rests: list[bytes]):
    begun = Mac(key, start)
    for rest in rests:
        assert begun.hexdigest(rest) == hmac.new(key, start + rest, sha256).hexdigest()
