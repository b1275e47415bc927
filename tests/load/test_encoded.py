"""Parsed files survive the way into bytes and back, and only for the content that they had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import MsgspecError

from reconciler.load import Parsed, load
from reconciler.load.encoded import decode, encode
from reconciler.model import SourceFile
from tests.load.test_fuzz import DATA, TEXTS

EXAMPLE = Path(__file__).parents[2] / "examples" / "desired-state"
NUMBERS = st.integers(-(10**18) + 1, 10**18 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def source(data: str | bytes, name: str = "f.yaml") -> SourceFile:
    return SourceFile(name, data if isinstance(data, bytes) else data.encode())


def again(*files: SourceFile) -> Parsed:
    """What a second process knows of files that a first one has parsed."""
    parsed = Parsed()
    load(files, parsed)
    return Parsed(decode(encode(parsed.files), files))


@given(st.dictionaries(TEXTS, DATA | NUMBERS, max_size=5), st.dictionaries(TEXTS, TEXTS, max_size=2))
def test_documents_come_back_as_they_were(spec: dict[str, Any], annotations: dict[str, str]):
    metadata = {"name": "n", "annotations": annotations} if annotations else {"name": "n"}
    text = yaml.safe_dump({"apiVersion": "v", "kind": "k", "metadata": metadata, "spec": spec}, allow_unicode=True)
    file = source(f"# one\n{text}---\n{text}")
    wanted = load([file])
    known = again(file)
    assert load([file], known) == wanted
    assert known.read == bool(wanted[1])
    for one, other in zip(wanted[0], load([file], known)[0], strict=True):
        assert repr(one) == repr(other)  # 1, 1.0 and True are equal, but not alike


def test_the_example_comes_back():
    files = [source(path.read_bytes(), path.name) for path in sorted(EXAMPLE.rglob("*.yaml"))]
    known = again(*files)
    assert load(files, known) == load(files)
    assert (len(files), known.read) == (6, 0)


def test_what_is_wrong_is_parsed_again_and_told_again():
    files = [source("kind: [\n", "a"), source("apiVersion: v\nkind: k\nmetadata: {name: n}\nspec: {}\n", "b")]
    known = again(*files)
    assert load(files, known) == load(files)
    assert known.read == 1


def test_content_is_what_counts_and_not_the_name():
    text = "apiVersion: v\nkind: k\nmetadata: {name: n}\nspec: {a: 1}\n"
    parsed = Parsed()
    load([source(text, "old")], parsed)
    data = encode(parsed.files)
    (document,) = load([source(text, "new")], known := Parsed(decode(data, [source(text, "new")])))[0]
    assert (document.location.file, known.read) == ("new", 0)
    assert decode(data, [source(text.replace("1", "2"), "old")]) == {}


def test_what_was_read_counts_as_if_it_were_read_anew():
    text = "apiVersion: v\nkind: k\nmetadata: {name: n}\nspec: {a: 1}\n"
    file, parsed = source(text), Parsed()
    load([file], parsed)
    (kept,) = decode(encode(parsed.files), [file]).values()
    assert kept.took == parsed.files[file].took


@pytest.mark.parametrize("data", [b"", b"\x91", b"\x92\x01\x02", b"{}", b"\x91\x94\x01\x02\x03\x90"])
def test_other_bytes_are_refused(data: bytes):
    with pytest.raises(MsgspecError):
        decode(data, [])
