"""The tutorial and the page of procedures: each command that they show is run, in order, and prints what they show."""

from __future__ import annotations

import re
from pathlib import Path

import psutil
import pytest

from scripts.docs_outputs import PLAYED
from scripts.docs_played import entries, play, renewed, same

RUN = {"tutorial": pytest.mark.ci}
PAGE = """# A page

```console
$ echo one \\
>   two
one two
$ cd / && export WHERE=here
$ pwd; echo $WHERE
/
elsewhere
```

```sh
not run
```

````console
$ printf 'a\\nb\\nc'
a
...
c
$ (exit 7)
$ echo $?
7
$ sleep 60 &
````
"""


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=RUN.get(page.stem, pytest.mark.long), id=page.stem) for page in PLAYED],
)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    differences = play(page.read_text(encoding="utf-8"), tmp_path)
    assert not differences, "\n".join(map(str, differences)) + "\nlook at it, then run scripts/docs --outputs"


@pytest.mark.parametrize("page", PLAYED, ids=lambda page: page.stem)
def test_no_shell_block_is_left_out(page: Path) -> None:
    """But for the one that needs a database server."""
    shown = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^(```+)(\w+)\n(.*?)^\1$", shown, re.MULTILINE | re.DOTALL)
    assert "console" in {language for _, language, _ in blocks}
    assert all("postgresql+psycopg://" in text for _, language, text in blocks if "sh" in language)


def test_a_difference_is_found_and_renewed(tmp_path: Path) -> None:
    differences = play(PAGE, tmp_path)
    assert [(found.entry.typed, found.entry.line, found.printed) for found in differences] == [
        ("pwd; echo $WHERE\n", 8, "/\nhere\n")
    ]
    assert renewed(PAGE, differences) == PAGE.replace("elsewhere", "here")


def test_nothing_is_left_running(tmp_path: Path) -> None:
    play(PAGE, tmp_path)
    assert [process for process in psutil.process_iter() if _is_left_from(process, tmp_path)] == []


def _is_left_from(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("HOME") == str(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("", "", True),
        ("", "error\n", False),
        ("a\n...\n", "a\n", True),
        ("a\n  ...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("#1  2026-01-01T00:00:00Z  1.5 s  a.b\n", "#1  2026-11-22T13:00:00Z  0.2 s  a.b\n", True),
        ("#1  2026-01-01T00:00:00Z  1.5 s  a.b\n", "#1  2026-01-01T00:00:00Z  1.5 s  a,b\n", False),
    ],
)
def test_what_is_alike(shown: str, printed: str, alike: bool) -> None:
    assert same(shown, printed) is alike


def test_what_is_typed() -> None:
    typed = [(entry.typed, entry.shown) for entry in entries("```console\n$ cat <<A\n> x\n>\n> A\nx\n\n$ true\n```\n")]
    assert typed == [("cat <<A\nx\n\nA\n", "x\n\n"), ("true\n", "")]
