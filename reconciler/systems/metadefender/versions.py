"""Versions: told from an installer's file name, and compared by their numbers."""

from __future__ import annotations

import re

_NAME = re.compile(r"^(?P<type>[a-z][a-z-]*?)[-_](?P<version>\d+(?:\.\d+)+)", re.IGNORECASE)


def of_file(name: str) -> tuple[str, str] | None:
    """(type, version) from the vendor's file name, ``ometascan-5.15.0-1-x64.msi`` → ``("ometascan", "5.15.0")``."""
    found = _NAME.match(name.rsplit("/", 1)[-1])
    return (found["type"].lower(), found["version"]) if found else None


def newer(version: str, than: str) -> bool:
    """Whether a version is later than another, number by number; what has no numbers is not."""
    return numbers(version) > numbers(than)


def same_version(one: str | None, other: str | None) -> bool:
    """Whether two texts mean one version: 5.15 is 5.15.0."""
    return one == other or (one is not None and other is not None and numbers(one) == numbers(other) != ())


def numbers(version: str) -> tuple[int, ...]:
    """``5.15.0-1`` → (5, 15, 0, 1); trailing zeros don't count, so that 5.15 is 5.15.0."""
    found = [int(part) for part in re.findall(r"\d{1,9}", version)]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)
