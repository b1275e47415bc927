"""Pages whose commands are all run, in order, in one shell and in a fresh folder, and print what the page shows.

A ``console`` block is a terminal: ``$`` and ``>`` begin what is typed, the rest is what was printed. A line ``...``
stands for any number of lines, and what differs from run to run (times, digests) is let pass as on other pages. A
command that shows nothing prints nothing. A page is played as people type: the log of a process in the background is
waited for, and a command that only looks is repeated until it sees what is expected, for a while.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from scripts.docs_outputs import PLAYED, SHOWN_FOLDER, plain
from scripts.docs_text import ROOT

CONSOLE = re.compile(r"^(?P<mark>```+)console\n(?P<text>.*?)^(?P=mark)$", re.MULTILINE | re.DOTALL)
LOOKS = ("reconciler status", "reconciler history", "reconciler resolve\n", "grep ", "tail ")
EMULATOR, DAEMON = "127.0.0.1:8892", "127.0.0.1:8080"
STAND_INS = {
    "git clone https://git.example/reconciler.git": f'mkdir reconciler && cp -R "{ROOT}/examples" reconciler',
    "scripts/venv run": f'ln -s "{ROOT}/.venv" .venv',
    'schedule: "0 2 * * 6"': 'schedule: "0 2 29 2 *"',
    's/schedule: "0 2 \\* \\* 6"': 's/schedule: "0 2 29 2 \\*"',
}
"""Typed instead: set-up that would take too long, and a window that would be open when tests run on a Saturday."""
VARYING = (
    (re.compile(r"^#\d+ +(?=\d{4}-)", re.MULTILINE), "#N "),
    (re.compile(r"(?<=opens at )\d{4}-\d\d-\d\d \d\d:\d\d"), "TIME"),
)
"""What differs from one run to the next, beside what always does: how many passes there were, when a window opens."""
SECONDS, START = 15.0, 60.0
END = "\x01"


class Entry(NamedTuple):
    """What is typed at one prompt, what the page shows that it prints, and the line that it stands in."""

    typed: str
    shown: str
    line: int


class Difference(NamedTuple):
    """An entry, and what was really printed."""

    entry: Entry
    printed: str

    def __str__(self) -> str:
        return f"line {self.entry.line}: $ {self.entry.typed}--- shown\n{self.entry.shown}--- printed\n{self.printed}"


def entries(text: str) -> Iterator[Entry]:
    """All that a page types, in order."""
    for block in CONSOLE.finditer(text):
        line = text.count("\n", 0, block.start("text")) + 1
        for part in re.split(r"^(?=\$ )", block["text"], flags=re.MULTILINE):
            if part.startswith("$ "):
                typed = re.match(r"\$ .*\n(?:> .*\n|>\n)*", part)
                assert typed is not None, part
                yield Entry(re.sub(r"^[$>] ?", "", typed[0], flags=re.MULTILINE), part[typed.end() :], line)
            line += part.count("\n")


def same(shown: str, printed: str) -> bool:
    """Whether a page may show this of what was printed."""
    lines = (r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in _lines(shown))
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _lines(printed))) is not None


class Shell:
    """One bash that runs what is typed, and its folder; addresses that pages show are led to free ports."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        emulator, daemon = (f"127.0.0.1:{port}" for port in _free_ports(2))
        self._folder = str(folder.resolve())
        self._addresses = {EMULATOR: emulator, DAEMON: daemon}
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={**environment, "RECONCILER_LISTEN": daemon},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def type(self, typed: str) -> str:
        """Run this, and return what it prints, with the addresses and the folder that pages show."""
        real = typed.replace("reconciler emulator", f"reconciler emulator --listen {EMULATOR}", 1)
        for shown, other in (self._addresses | STAND_INS).items():
            real = real.replace(shown, other)
        source, sink = self._process.stdin, self._process.stdout
        assert source is not None
        assert sink is not None
        source.write(f"{{ {real}}} </dev/null; code=$?; printf '{END}\\n'; (exit $code)\n")
        source.flush()
        printed = _up_to_the_end(sink)
        self._until_it_listens(typed)
        for shown, other in self._addresses.items():
            printed = printed.replace(other, shown)
        return printed.replace(self._folder, SHOWN_FOLDER)

    def _until_it_listens(self, typed: str) -> None:
        log = re.search(r">\s*(\S+) (?:2>&1 )?&\n$", typed)
        deadline = time.monotonic() + START
        while log and "listening" not in (text := self.type(f"cat {log[1]}\n")):
            assert time.monotonic() < deadline, f"it doesn't start: {typed}{text}"
            time.sleep(0.1)

    def end(self) -> None:
        """End it, and whatever it has left behind."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def play(text: str, folder: Path, environment: Mapping[str, str] | None = None) -> list[Difference]:
    """Type all that a page shows; where it prints something else. What follows a difference may differ for it."""
    shell = Shell(folder, {**_environment(folder), **(environment or {})})
    try:
        return [
            Difference(entry, printed)
            for entry in entries(text)
            if not same(entry.shown, printed := _seen(shell, entry))
        ]
    finally:
        shell.end()


def renewed(text: str, differences: list[Difference]) -> str:
    """The page with what was printed, where it showed something else."""
    lines = text.splitlines(keepends=True)
    for (typed, shown, line), printed in reversed(differences):
        start = line - 1 + typed.count("\n")
        lines[start : start + shown.count("\n")] = [printed.rstrip("\n") + "\n"] if printed.strip() else []
    return "".join(lines)


def renew() -> None:
    """Play the pages, and put in what they print now."""
    for page in PLAYED:
        folder = tempfile.mkdtemp(prefix="docs-")
        try:
            text = page.read_text(encoding="utf-8")
            page.write_text(renewed(text, play(text, Path(folder))), encoding="utf-8")
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _seen(shell: Shell, entry: Entry) -> str:
    printed = shell.type(entry.typed)
    deadline = time.monotonic() + SECONDS
    while entry.typed.startswith(LOOKS) and not same(entry.shown, printed) and time.monotonic() < deadline:
        time.sleep(0.3)
        printed = shell.type(entry.typed)
    return printed


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the machine's own settings but where programs are."""
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("COVERAGE_", "LD_")) or name == "TMPDIR"}
    who = {"NAME": "You", "EMAIL": "you@example.com"}
    return {
        **kept,
        **{f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in who.items()},
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(folder),
        "USER": "you",
        "LOGNAME": "you",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "PYTHONUTF8": "1",
        "LANG": "C.UTF-8",
    }


def _free_ports(count: int) -> list[int]:
    """Below those that the system hands out by itself, so that nobody gets one in between."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20000, 32000)  # noqa: S311 - not a secret
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
    return found


def _lines(text: str) -> list[str]:
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in plain(text).splitlines()]


def _up_to_the_end(sink: IO[str]) -> str:
    printed = ""
    while not printed.endswith(f"{END}\n"):
        line = sink.readline()
        assert line, f"the shell has ended: {printed}"
        printed += line
    return printed.removesuffix(f"{END}\n")
