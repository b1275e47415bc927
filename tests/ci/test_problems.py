"""Problems as GitHub's runner and GitLab's Code Quality read them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import Location, Problem
from reconciler.render.problems import problems_github, problems_gitlab, problems_json


def problem(file: str = "users.yaml", message: str = "unknown field 'emial'", line: int = 5) -> Problem:
    return Problem(Location(file, line, 3), message)


def test_a_problem_is_a_workflow_command():
    assert problems_github([problem()]) == (
        "::error file=users.yaml,line=5,col=3,title=reconciler::unknown field 'emial'\n"
    )


def test_what_would_end_a_command_is_escaped():
    told = problems_github([problem("a,b:c%.yaml", "50% of it\n::warning::x, y: z\r\nend")])
    assert told == (
        "::error file=a%2Cb%3Ac%25.yaml,line=5,col=3,title=reconciler::50%25 of it%0A::warning::x, y: z%0Aend\n"
    )


@given(st.text(), st.text())
def test_whatever_it_says_it_is_one_line(file: str, message: str):
    told = problems_github([problem(file, message)])
    assert len(told.splitlines()) == 1
    properties = told.removeprefix("::error ").partition("::")[0]
    assert [part.partition("=")[0] for part in properties.split(",")] == ["file", "line", "col", "title"]


def test_code_quality():
    (found,) = json.loads(problems_gitlab([problem()]))
    assert len(found.pop("fingerprint")) == 64
    assert found == {
        "description": "unknown field 'emial'",
        "check_name": "reconciler/validate",
        "severity": "blocker",
        "location": {"path": "users.yaml", "lines": {"begin": 5}},
    }
    assert json.loads(problems_gitlab([])) == []


def test_a_fingerprint_stays_when_lines_move_and_is_of_one_problem_only():
    def prints(*problems: Problem) -> list[str]:
        return [one["fingerprint"] for one in json.loads(problems_gitlab(problems))]

    twice = prints(problem(), problem(line=9))
    assert prints(problem(line=50), problem(line=90)) == twice
    others = prints(problem("other.yaml"), problem(message="another"))
    assert len({*twice, *others}) == 4


def test_json():
    found = json.loads(problems_json([problem()], {}))
    assert found == {
        "valid": False,
        "problems": [{"file": "users.yaml", "line": 5, "column": 3, "message": "unknown field 'emial'"}],
    }
    assert json.loads(problems_json([], {"files": 1})) == {"valid": True, "files": 1, "problems": []}
