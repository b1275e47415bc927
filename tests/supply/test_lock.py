"""What is locked: every file by its hash, and the same for those who run it and those who test it."""

from __future__ import annotations

import re
import subprocess

import pytest

from scripts.docs_text import ROOT
from scripts.locked import graph, pins

LINE = re.compile(r"|#.*|[\w.-]+==[\w.!+-]+( ; [^\\]+)? \\| {4}--hash=sha256:[0-9a-f]{64}( \\)?")
NAMESAKE = re.compile(r"\bpip3?\b\W* install\b[^\n`]*(?<![\w/.-])reconciler(?![\w/.-])|(?<![\w.])reconciler\[\w+\]")


LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_locked_by_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert [line for line in text.splitlines() if not LINE.fullmatch(line)] == []
    assert [name for name, pin in pins(lock).items() if not pin.hashes] == []
    assert len(pins(lock)) == len(re.findall("==", text)), "each stands there once"


@pytest.mark.parametrize("lock", sorted({*LOCKS} - {"mutate", "peers"}))  # neither is ever beside us
def test_what_runs_and_builds_is_what_is_tested(lock: str) -> None:
    tested = pins("dev")
    assert pins(lock)
    assert {name: pin for name, pin in pins(lock).items() if tested.get(name) != pin} == {}


def test_nothing_is_locked_that_nobody_needs() -> None:
    assert graph().keys() - {""} == pins("run").keys()


def test_nobody_is_sent_to_the_other_package_of_this_name() -> None:
    """The public index has a ``reconciler`` that isn't this one."""
    command = ["git", "grep", "--untracked", "-nIE", r"reconciler\[|install.*reconciler", "--", ".", ":!tests/supply"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    assert lines
    assert [line for line in lines if NAMESAKE.search(line)] == []


@pytest.mark.parametrize(
    "text", ["pip install reconciler", 'bin/pip" install -q reconciler==1', "the extra: reconciler[notify]"]
)
def test_the_other_package_is_seen(text: str) -> None:
    assert NAMESAKE.search(text)


@pytest.mark.parametrize(
    "text", ["pip install '.[notify]'", "pip install dist/reconciler-0.1.0-py3-none-any.whl", "pip install ."]
)
def test_our_own_passes(text: str) -> None:
    assert not NAMESAKE.search(text)
