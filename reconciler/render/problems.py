"""Problems of a tree as machines take them: GitHub's workflow commands, GitLab's Code Quality, plain JSON."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from reconciler.model import Problem
from reconciler.render.words import safe

TITLE = "reconciler"
CHECK = "reconciler/validate"


def problems_github(problems: Iterable[Problem]) -> str:
    """One ``::error`` line for each problem; the runner shows it at the file and line."""
    return "".join(f"{_github(problem)}\n" for problem in problems)


def problems_gitlab(problems: Iterable[Problem]) -> str:
    """A Code Quality report: an array, empty when all is well.

    A fingerprint is over file and message, and which of them it is where several are alike: a problem stays the same
    one when lines above it come or go.
    """
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for problem in problems:
        key = (problem.location.file, problem.message)
        seen[key] += 1
        found.append(_gitlab(problem, seen[key]))
    return _dumps(found)


def problems_json(problems: Sequence[Problem], summary: Mapping[str, Any]) -> str:
    """``summary``, whether the tree is valid, and each problem with its place."""
    listed = [
        {"file": one.location.file, "line": one.location.line, "column": one.location.column, "message": one.message}
        for one in problems
    ]
    return _dumps({"valid": not problems, **summary, "problems": listed})


def _github(problem: Problem) -> str:
    place = problem.location
    properties = f"file={_property(place.file)},line={place.line},col={place.column},title={TITLE}"
    return f"::error {properties}::{_data(problem.message)}"


def _data(text: str) -> str:
    """What ends a command is escaped as the runner reads it back; other control characters are shown, not obeyed."""
    parts = (safe(part) for part in text.replace("\r\n", "\n").split("\n"))
    return "%0A".join(part.replace("%", "%25").replace("\r", "%0D") for part in parts)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _gitlab(problem: Problem, number: int) -> dict[str, Any]:
    place = problem.location
    identity = "\0".join((CHECK, place.file, problem.message, str(number)))
    return {
        "description": safe(problem.message),
        "check_name": CHECK,
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": "blocker",
        "location": {"path": safe(place.file), "lines": {"begin": place.line}},
    }


def _dumps(data: Any) -> str:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
