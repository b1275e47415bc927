"""Writes what can be told from the code: the reference pages of docs/ and the examples' schema. Or only checks it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.schema import system_schema
from reconciler.systems.registry import systems
from scripts import docs_outputs, docs_played
from scripts.docs_assumptions import assumptions_pages
from scripts.docs_commands import command_pages
from scripts.docs_config import config_pages
from scripts.docs_guarantees import guarantees_pages
from scripts.docs_kinds import folder_of, kind_pages
from scripts.docs_rules import rules_pages
from scripts.docs_small import small_pages
from scripts.docs_text import ROOT, Gap

FOLDERS = ("docs/kinds", "docs/commands")
"""Folders whose pages are all written here: one that nothing writes any more is stale."""


def schema_files() -> dict[str, str]:
    """The schemas that the first line of each example points to, one a system."""
    return {
        f"examples/schema/{folder_of(system).name}.json": json.dumps(system_schema(system), indent=2) + "\n"
        for system in systems().values()
    }


MAKERS: tuple[Callable[[], Mapping[str, str]], ...] = (
    kind_pages,
    command_pages,
    rules_pages,
    config_pages,
    small_pages,
    assumptions_pages,
    guarantees_pages,
    schema_files,
)


def wanted() -> dict[str, str]:
    """Every generated file: its path under the repository, and its text. Raises Gap."""
    return {path: text for make in MAKERS for path, text in make().items()}


def stale(files: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """What is wrong, one line a file; empty when all is as it would be written."""
    found = [f"{path}: {_trouble(root / path)}" for path, text in files.items() if _content(root / path) != text]
    return sorted(found + [f"{path}: nothing writes it any more" for path in _left_over(files, root)])


def write(files: Mapping[str, str], root: Path = ROOT) -> None:
    """Write what differs, and take away what nothing writes any more."""
    for path, text in files.items():
        if _content(root / path) != text:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
    for path in _left_over(files, root):
        (root / path).unlink()


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` compare; ``--outputs`` renews what the pages show of commands first. The exit code."""
    if arguments not in ([], ["--check"], ["--outputs"]):
        print("usage: scripts/docs [--check|--outputs]", file=sys.stderr)
        return 2
    if arguments == ["--outputs"]:
        docs_outputs.renew()
        docs_played.renew()
    try:
        files = wanted()
    except Gap as gap:
        print(f"docs/_source doesn't fit the code: {gap}", file=sys.stderr)
        return 1
    if arguments != ["--check"]:
        write(files)
        return 0
    found = stale(files)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run scripts/docs", file=sys.stderr)
    return 1 if found else 0


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _trouble(path: Path) -> str:
    return "stale" if path.is_file() else "missing"


def _left_over(files: Mapping[str, str], root: Path) -> list[str]:
    there = [path.relative_to(root).as_posix() for folder in FOLDERS for path in (root / folder).glob("*.md")]
    return [path for path in there if path not in files]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
