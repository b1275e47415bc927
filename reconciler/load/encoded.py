"""Parsed files as bytes, and back: what is known by its content needn't be parsed again in another process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from msgspec import Raw, msgpack

from reconciler.load.parsed import File
from reconciler.load.reader import NO_ANNOTATIONS, Allowance
from reconciler.model import Document, SourceFile

_Row = tuple[str, str, str, dict[str, str], dict[str, Any], int, int, int]

_FILES = msgpack.Decoder(list[tuple[bytes, int, int, Raw]])
_ROWS = msgpack.Decoder(list[_Row])


def encode(files: Mapping[SourceFile, File]) -> bytes:
    """All files in which nothing is wrong, by the SHA-256 of their content; their names aren't kept."""
    return msgpack.encode([_entry(source, file) for source, file in files.items() if not file.problems])


def decode(data: bytes | memoryview, sources: Iterable[SourceFile]) -> dict[SourceFile, File]:
    """What is known of these files. Raises MsgspecError, UnicodeError or RecursionError for other bytes."""
    known = {digest: (Allowance(documents, values), rows) for digest, documents, values, rows in _FILES.decode(data)}
    found: dict[SourceFile, File] = {}
    for source in sources:
        entry = known.get(sha256(source.data).digest())
        if entry is not None:
            took, rows = entry
            found[source] = File([_document(source, row) for row in _ROWS.decode(rows)], [], took)
    return found


def _entry(source: SourceFile, file: File) -> tuple[bytes, int, int, list[_Row]]:
    rows = [_row(document) for document in file.documents]
    return sha256(source.data).digest(), file.took.documents, file.took.values, rows


def _row(one: Document) -> Any:
    return (
        one.api_version, one.kind, one.name, one.annotations, one.spec, one.index, one.line, one.column
    )  # fmt: skip


def _document(source: SourceFile, row: _Row) -> Document:
    api_version, kind, name, annotations, spec, index, line, column = row
    return Document(api_version, kind, name, annotations or NO_ANNOTATIONS, spec, source, index, line, column)
