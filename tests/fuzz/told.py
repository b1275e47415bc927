"""Calls the command line inside a process that many inputs share, and judges what it says."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.cli.main import main

CODES = (0, 1, 3)
BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
PLACE = re.compile(r"(?P<file>.+?):(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<message>.+)")
COUNT = re.compile(r"error: ([0-9]+) problems? in .+")
GITHUB = re.compile(r"::error file=[^,\n]+,line=[0-9]+,col=[0-9]+,title=reconciler::.+")
BREAKDOWNS = ("Traceback", "a defect of the reconciler", "Warning:", "Exception ignored")


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*args: str) -> Said:
    """What ``reconciler ARGS`` says, by the function that the command calls."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    kept = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["reconciler", *args], out, err
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else -1
    finally:
        sys.argv, sys.stdout, sys.stderr = kept
    return Said(code, *(one.buffer.getvalue().decode() for one in (out, err)))


def judge(said: Said, canaries: Sequence[str] = (), *, blocked: bool = False) -> None:
    """What holds for each answer of the command line; ``blocked``: 3 is no failure, and the output is JSON."""
    everything = said.out + said.err
    assert said.code in CODES, said
    assert not [word for word in BREAKDOWNS if word in everything], everything
    assert not [one for one in canaries if one in everything], everything
    shown = said.err if blocked else everything
    assert shown.replace("\n", "").isprintable(), repr(shown)
    if said.code and not (blocked and said.code == 3):
        assert "error: " in said.err, said


def judge_told(err: str, files: Mapping[str, bytes]) -> int:
    """How many problems are told; each must have its place in one of the files, and they must be counted right."""
    lines = err.splitlines()
    found = [match for line in lines if (match := PLACE.fullmatch(line)) and not line.startswith("error: ")]
    judge_places([(one["file"], int(one["line"]), int(one["column"])) for one in found], files)
    counts = [int(match[1]) for line in lines if (match := COUNT.fullmatch(line))]
    assert counts == ([len(found)] if found else []), err
    return len(found)


def judge_places(places: Iterable[tuple[str, int, int]], files: Mapping[str, bytes]) -> None:
    """Each place (file, line, column) is one that an editor can go to."""
    rows: dict[str, list[str]] = {}
    for file, line, column in places:
        if file not in rows:  # the parser ends a last line that has no end
            rows[file] = [*BREAKS.split(files[file].decode("utf-8", "surrogateescape")), ""]
        assert 1 <= line <= len(rows[file]), (file, line, column)
        assert 1 <= column <= len(rows[file][line - 1]) + 2, (file, line, column)


def judge_words(words: object, canaries: Sequence[str] = ()) -> None:
    """A failure says something, and nothing that is secret."""
    assert words
    assert not [one for one in canaries if one in str(words)], words


def judge_output(said: Said, output: str) -> None:
    """What the formats for machines promise."""
    if output == "github":
        assert all(GITHUB.fullmatch(line) for line in said.out.splitlines()), said.out
    elif output in ("json", "gitlab") and (said.out or not said.code):
        found = json.loads(said.out)
        problems = found if output == "gitlab" else found["problems"]
        assert (not problems) == (said.code == 0), said
