"""What was read before isn't read again, and makes no difference."""

from __future__ import annotations

import pytest

from reconciler.load import Parsed, limits, load, reader
from reconciler.model import SourceFile


def file(name: str, *names: str) -> SourceFile:
    text = "---\n".join(
        f"apiVersion: metadefender/v1\nkind: User\nmetadata: {{name: {one}}}\nspec: {{}}\n" for one in names
    )
    return SourceFile(name, text.encode())


def test_only_the_file_that_changed_is_read():
    parsed = Parsed()
    first, _ = load([file("a", "ann"), file("b", "bob"), file("c", "cid")], parsed)
    second, _ = load([file("a", "ann"), file("b", "bea"), file("c", "cid")], parsed)
    assert parsed.read == 3 + 1
    assert [one.name for one in second] == ["ann", "bea", "cid"]
    assert [new is old for new, old in zip(second, first, strict=True)] == [True, False, True]


def test_a_file_under_another_name_is_another_file():
    parsed = Parsed()
    load([file("a", "ann")], parsed)
    documents, _ = load([file("b", "ann")], parsed)
    assert documents[0].location.file == "b"


def test_problems_are_told_again():
    parsed = Parsed()
    broken = SourceFile("a", b"kind: [\n")
    assert load([broken], parsed) == load([broken], parsed) == load([broken])
    assert parsed.read == 1


def test_what_has_gone_is_forgotten():
    parsed = Parsed()
    for files in ([file("a", "ann"), file("b", "bob")], [file("a", "ann")], [file("a", "ann"), file("b", "bob")]):
        load(files, parsed)
    assert parsed.read == 3


@pytest.mark.parametrize("limit", ["MAX_DOCUMENTS", "MAX_VALUES"])
def test_what_is_known_counts_as_if_it_were_read(limit: str, monkeypatch: pytest.MonkeyPatch):
    """Two files are allowed, three aren't: in whatever order they became known."""
    files = [file(name, name) for name in "abc"]
    one = reader.Allowance()
    reader.Reader(files[0], one).read()
    took = {"MAX_DOCUMENTS": 1, "MAX_VALUES": limits.MAX_VALUES - one.values}[limit]
    name = limit.removeprefix("MAX_").lower()
    allowed = [2 * took + rest for rest in (0, 1)]
    for number in allowed:
        monkeypatch.setattr("reconciler.load.Allowance", lambda number=number: reader.Allowance(**{name: number}))
        parsed = Parsed()
        for part in (files[:1], files[1:2], files[:2], files, files[:2]):
            assert load(part, parsed) == load(part), (part, number)
