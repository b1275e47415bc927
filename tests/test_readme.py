"""The README shows what the demo really prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shown_blocks() -> list[list[str]]:
    """The console blocks of the first screen that show the demo's output."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ", 1)[0]
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [block.splitlines() for block in blocks[1:]]


@pytest.fixture(scope="module")
def demo() -> str:
    """What the demo prints, run as a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_demo_prints_each_line_of_the_readme_in_this_order(demo: str) -> None:
    blocks = shown_blocks()
    assert len(blocks) == 4
    position = 0
    for line in [line for block in blocks for line in block]:
        found = demo.find(f"{line}", position)
        assert found >= 0, f"the demo doesn't print, from here on: {line!r}"
        position = found + len(line)


def test_the_readme_names_the_two_commands_first() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").split("```console\n", 1)[1].splitlines()[:2]
    assert [line.split()[1] for line in first] == ["scripts/demo", "scripts/test"]
    for line in first:
        assert (ROOT / line.split()[1]).stat().st_mode & 0o111
