"""The demo's daemon: ``reconciler run`` in a process of its own, shown as a terminal would show it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

PATIENCE = 30.0
"""Seconds of silence after which we no longer wait for a line: far more than any takes."""


class Daemon:
    """A running one. ``missed`` gathers what it should have said and didn't."""

    def __init__(self, terminal: BinaryIO, missed: list[str]) -> None:
        self._lines = _lines(terminal)
        self._missed = missed

    def says(self, *words: str) -> None:
        """Print its lines up to the next one that has all these words."""
        for line in self._lines:
            click.echo(line)
            if all(word in line for word in words):
                return
        self._missed.append(f"the daemon didn't say {' '.join(words)!r}")


@contextmanager
def following(folder: Path, args: Sequence[str], environment: Mapping[str, str], wrong: list[str]) -> Iterator[Daemon]:
    """Run it for as long as the block takes, then stop it as an operating system does; ``wrong`` learns what failed."""
    # On a terminal it writes for people, and not JSON.
    ours, its = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "run", *args],
        cwd=folder,
        env={**environment, **({} if sys.stdout.isatty() else {"NO_COLOR": "1"})},
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        daemon = Daemon(terminal, wrong)
        try:
            yield daemon
            process.terminate()
            daemon.says("stopped")
            if (code := process.wait(PATIENCE)) != 0:
                wrong.append(f"the daemon ended with {code}, not 0")
        finally:
            process.kill()
            process.wait()


def _lines(terminal: BinaryIO) -> Iterator[str]:
    rest = b""
    while select.select([terminal], [], [], PATIENCE)[0]:
        try:
            data = terminal.read(4096)
        except OSError:  # what Linux says of a terminal whose other end is closed
            data = b""
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
