"""What requirements/run.txt pins, and what the installed packages say of themselves: their licences and their needs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.docs_text import ROOT, Gap

PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<rest>.*(?:\n .*)*)", re.MULTILINE)
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})(?=\s|$)")
OLDEST = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}
"""The surroundings that the lock is made for, so that every Python sees the same needs."""

CLASSIFIER = "License :: OSI Approved :: "
SAME = {"MIT License": "MIT"}
"""Words that can mean one SPDX licence only; "BSD License" for instance can mean several."""


class Pin(NamedTuple):
    """One line of a lock: a package's name as the index spells it, its version, and the hashes of its files."""

    name: str
    version: str
    hashes: frozenset[str]


def pins(lock: str = "run") -> dict[str, Pin]:
    """What a lock of requirements/ pins, by name."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    found = (
        Pin(canonicalize_name(one["name"]), one["version"], frozenset(HASH.findall(one["rest"])))
        for one in PIN.finditer(text)
    )
    return {pin.name: pin for pin in found}


def installed(pin: Pin) -> Distribution:
    """The package as it lies in this environment. Raises Gap when it is another version."""
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:
        raise Gap(f"{pin.name} isn't installed: run scripts/venv") from None
    if found.version != pin.version:
        raise Gap(f"{pin.name} {found.version} is installed, and {pin.version} is locked: run scripts/venv")
    return found


def licence(package: Distribution) -> str:
    """What a package says of its licence: an SPDX expression, or else its own words. Raises Gap where there is none."""
    data = package.metadata
    expression, short = (str(data[name] or "").strip() for name in ("License-Expression", "License"))
    classifiers = [one for one in data.get_all("Classifier", []) if one.startswith("License :: ")]
    words = [one.removeprefix(CLASSIFIER) for one in classifiers]
    said = expression or ("" if "\n" in short else short) or " and ".join(words)
    if not said:
        raise Gap(f"{package.name} doesn't say what its licence is: look, and say so in scripts/locked.py")
    return SAME.get(said, said)


def graph() -> dict[str, list[str]]:
    """Which package needs which, by name; the program itself is the empty name.

    Only what the lock has is in it: a package without Linux and CPython 3.11 in its marker isn't needed. Raises Gap.
    """
    locked = pins()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, set[str]] = {"": set()}
    asked: set[tuple[str, frozenset[str]]] = set()
    waiting = [("", wish) for wish in _wishes(project["dependencies"], frozenset())]
    while waiting:
        who, wish = waiting.pop()
        name, extras = canonicalize_name(wish.name), frozenset(wish.extras)
        if name not in locked:
            raise Gap(f"{who or 'the program'} needs {name}, which isn't locked: run scripts/lock")
        found.setdefault(who, set()).add(name)
        found.setdefault(name, set())
        if (name, extras) not in asked:
            asked.add((name, extras))
            waiting += [(name, one) for one in _wishes(installed(locked[name]).requires or (), extras)]
    return {name: sorted(needs) for name, needs in sorted(found.items())}


def _wishes(texts: Iterable[str], extras: frozenset[str]) -> list[Requirement]:
    """The requirements that hold where the lock is made for, with these extras."""
    every = map(Requirement, texts)
    surroundings = [OLDEST | {"extra": extra} for extra in ("", *sorted(extras))]
    return [wish for wish in every if wish.marker is None or any(map(wish.marker.evaluate, surroundings))]
