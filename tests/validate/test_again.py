"""A tree that was sound but for what has changed since is judged as if it were new."""

from __future__ import annotations

from reconciler.load import Parsed, load
from reconciler.model import SourceFile
from reconciler.validate import validate
from tests.systems.kit import SYSTEM, user, worker


def files(**texts: str) -> list[SourceFile]:
    return [SourceFile(name, text.encode()) for name, text in texts.items()]


def test_what_was_sound_is_taken_over_and_what_is_new_is_checked():
    parsed = Parsed()
    first, problems = validate(load(files(a=user("ann"), b=user("bob")), parsed)[0], SYSTEM)
    assert not problems
    documents, _ = load(files(a=user("ann"), b=user("bob", email=5)), parsed)
    second, problems = validate(documents, SYSTEM, sound=first.resources)
    assert (second, problems) == validate(documents, SYSTEM)
    assert [problem.location.file for problem in problems] == ["b"]
    assert [resource is first.resources[ref] for ref, resource in second.resources.items()] == [True]


def test_what_concerns_several_documents_is_always_checked():
    parsed = Parsed()
    first, _ = validate(load(files(a=worker("one", host="same")), parsed)[0], SYSTEM)
    documents, _ = load(files(a=worker("one", host="same"), b=worker("two", host="same")), parsed)
    _, problems = validate(documents, SYSTEM, sound=first.resources)
    assert "are the same object" in str(problems)
    assert problems == validate(documents, SYSTEM)[1]
