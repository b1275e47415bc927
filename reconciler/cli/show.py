"""Where output goes: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import re
import shutil
import sys
from textwrap import wrap
from typing import Any, TextIO

import click

from reconciler.errors import InputError
from reconciler.render.words import safe


def text_options(no_color: bool) -> dict[str, Any]:
    """How the terminal at hand takes text: its width, whether it has colour, whether it has more than ASCII."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 100
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return {"width": width, "colour": terminal and colourful(no_color), "unicode": encoding == "utf8"}


def colourful(no_color: bool = False) -> bool:
    """Whether colours are welcome where there can be some: neither the flag nor NO_COLOR (of any value) forbids."""
    return not (no_color or os.environ.get("NO_COLOR"))


_COLOUR = re.compile(r"(\x1b\[[0-9;]*m|\n)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def tame(text: str, *, ascii_only: bool = False) -> str:
    """A page for the terminal that somebody else has drawn, with nothing in it that one would obey but colours."""
    parts = _COLOUR.split(text)
    return "".join(part if odd % 2 else safe(part, ascii_only=ascii_only) for odd, part in enumerate(parts))


def uncontrolled(text: str) -> str:
    """A text of somebody else's for a program, not for people: without control characters, and else as it is."""
    return _CONTROL.sub(lambda found: safe(found[0]), text)


def require_place(path: str | None) -> None:
    """Refuse, before anything is done, a file that couldn't be written in the end. Raises InputError."""
    if path is not None and _is_special(path):
        if not os.access(path, os.W_OK):
            raise InputError(f"{path} can't be written: permission denied", remedy=ANOTHER)
        return
    folder = os.path.dirname(path or "") or "."
    if path is not None and not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
        raise InputError(f"{path} can't be written: {folder} isn't a folder that we may write to", remedy=ANOTHER)


ANOTHER = "name another file"


def write_out(path: str, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only; what is no file (a device, a pipe) is written to
    as it is. Raises InputError."""
    temporary = f"{path}.part"
    try:
        if _is_special(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}", remedy=ANOTHER) from None


def _is_special(path: str) -> bool:
    """Whether something is there that a file must not take the place of, such as ``/dev/null`` or ``/dev/fd/63``."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def note(text: str) -> None:
    """A line for people, which isn't part of the result."""
    click.echo(fitted(text, sys.stderr), err=True)


def fitted(text: str, stream: TextIO) -> str:
    """Lines broken between words where they are too long for the terminal; as they are where there is none."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size((100, 24)).columns
    return "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    rest = f"{margin}  "
    return wrap(line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
