"""Places are found again from the document's source."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.load import load, place
from reconciler.model import Document, SourceFile

TEXT = """\
# first
apiVersion: v/1
kind: K
metadata: {name: n}
spec: {}
---
apiVersion: v/1
kind: K
metadata:
  name: m
  annotations: {a/b: "1"}
spec:
  roles:
    - one
    - {x: [1, 22]}
  text: |
    many
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), "7:1", "7:1"),
        (("kind",), "8:7", "8:1"),
        (("metadata", "name"), "10:9", "10:3"),
        (("metadata", "annotations", "a/b"), "11:22", "11:17"),
        (("spec",), "13:3", "12:1"),
        (("spec", "roles"), "14:5", "13:3"),
        (("spec", "roles", 0), "14:7", "14:7"),
        (("spec", "roles", 1, "x", 1), "15:15", "15:15"),
        (("spec", "text"), "16:9", "16:3"),
        (("spec", "missing"), "13:3", "12:1"),
        (("spec", "roles", 7, "x"), "14:5", "13:3"),
        (("spec", "text", "x"), "16:9", "16:3"),
        (("spec", 0), "13:3", "12:1"),
    ],
)
@pytest.mark.parametrize("breaks", ["\n", "\r\n"])
def test_place(path: tuple[Any, ...], value: str, key: str, breaks: str) -> None:
    documents, found = load([SourceFile("f.yaml", TEXT.replace("\n", breaks).encode("utf-8-sig"))])
    assert found == []
    assert str(place(documents[1], path)) == f"f.yaml:{value}"
    assert str(place(documents[1], path, key=True)) == f"f.yaml:{key}"


def test_documents_behind_a_broken_one_have_places() -> None:
    documents, _ = load([SourceFile("f.yaml", b"'\n---\n\xff\n" + ("--- " + TEXT.split("---\n")[1]).encode())])
    assert documents == []
    documents, _ = load([SourceFile("f.yaml", b"'\n---\n\xff\n---\n" + TEXT.split("---\n")[1].encode())])
    assert str(place(documents[0], ("spec", "text"))) == "f.yaml:14:9"


@pytest.mark.parametrize("data", [b"", b"[", b"\xff\xfe", b"[" * 500, b"!a%ED%A0%80 x", b"# c"])
@pytest.mark.parametrize("line", [0, 1, 99])
def test_a_document_that_is_not_in_its_source_stands_where_it_says(data: bytes, line: int) -> None:
    document = Document("v", "k", "n", {}, {}, SourceFile("f.yaml", data), 0, line, 3)
    assert place(document, ("spec",)) == document.location
