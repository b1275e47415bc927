"""A pytest plugin: floors 1 to 3 are pure, so nothing excuses a branch there that no test takes.

Holds the statements and the branches of these floors (pyproject.toml, tool.floors) to a least coverage. Works on what
pytest-cov has gathered; ``scripts/test --ci`` loads it.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Generator
from pathlib import Path

import coverage.exceptions
import pytest

LEAST = 95.0
PURE_FLOORS = ("1", "2", "3")

_report = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """After pytest-cov has combined its data: fail the session when too little is covered."""
    result = yield
    if not hasattr(session.config, "workerinput"):
        statements, branches = measured(session.config.rootpath)
        session.config.stash[_report] = (
            f"Floors 1 to 3: {statements:.1f} % of the statements, {branches:.1f} % of the branches are covered"
            f" (at least {LEAST:.0f} %)"
        )
        if min(statements, branches) < LEAST:
            session.testsfailed += 1
            session.config.stash[_report] = "FAIL " + session.config.stash[_report]
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was measured, before pytest's closing line."""
    line = terminalreporter.config.stash.get(_report, "")
    terminalreporter.line(line, red=line.startswith("FAIL"))


def measured(root: Path) -> tuple[float, float]:
    """The covered shares of statements and of branches of the pure floors, in percent."""
    data = coverage.Coverage()
    data.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        try:
            data.json_report(outfile=str(report), include=patterns(root))
        except coverage.exceptions.NoDataError:
            return 0.0, 0.0
        totals = json.loads(report.read_text())["totals"]
    return (
        share(totals["covered_lines"], totals["num_statements"]),
        share(totals["covered_branches"], totals["num_branches"]),
    )


def patterns(root: Path) -> list[str]:
    """The files of the pure floors, as coverage's patterns."""
    floors = tomllib.loads(Path(root, "pyproject.toml").read_text())["tool"]["floors"]
    names = [name for floor in PURE_FLOORS for name in floors[floor]]
    return [str(root / "reconciler" / name) + end for name in names for end in (".py", "/*")]


def share(covered: int, total: int) -> float:
    """A part of a whole in percent; of nothing, all is covered."""
    return 100 * covered / total if total else 100.0
