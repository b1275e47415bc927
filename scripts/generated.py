"""Files that scripts write: brought up to date, or only held against what would be written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from scripts.docs_text import ROOT, Gap


def run(script: str, trouble: str, wanted: Callable[[], Mapping[str, str]], arguments: list[str]) -> int:
    """Write, or with ``--check`` compare, and say what is stale. The exit code.

    ``wanted`` gives each file's text by its path under the repository, or raises Gap, which is told after ``trouble``.
    """
    if arguments not in ([], ["--check"]):
        print(f"usage: {script} [--check]", file=sys.stderr)
        return 2
    try:
        files = wanted()
    except Gap as gap:
        print(f"{trouble}: {gap}", file=sys.stderr)
        return 1
    old = stale(files)
    for path in old:
        if arguments:
            print(f"{path}: stale; run {script}", file=sys.stderr)
        else:
            (ROOT / path).write_text(files[path], encoding="utf-8")
    return 1 if arguments and old else 0


def stale(files: Mapping[str, str]) -> list[str]:
    """The files that aren't as they would be written."""
    return [
        path
        for path, text in files.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
