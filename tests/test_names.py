"""The engine knows no system: only a system's own files name it, and the two registries that list them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "reconciler"
SYSTEMS = ("metadefender", "brightriver", "bunnystudio")
NAMED = re.compile("meta[ _-]?defender|bright[ _-]?river|bunny[ _-]?studio", re.IGNORECASE)
REGISTRIES = ("systems/registry.py", "emulator/registry.py")
EXCEPTIONS: Mapping[str, str] = {
    "__init__.py": "the package says what it was made for",
}
"""Module → why it may name a system."""


def test_the_names_are_those_of_the_registry():
    from reconciler.systems.registry import systems

    assert sorted(systems()) == sorted(SYSTEMS)
    for system in systems().values():
        assert NAMED.fullmatch(system.name)
        assert NAMED.search(system.title)
        assert system.api_version.startswith(f"{system.name}/")


def test_no_module_names_a_system_that_it_does_not_belong_to():
    assert {path: where for path in modules() if path not in EXCEPTIONS and (where := foreign(path))} == {}


@pytest.mark.parametrize("path", EXCEPTIONS)
def test_each_exception_is_needed(path: str):
    assert foreign(path)


def modules() -> list[str]:
    """Every module but the registries, as a path below the package."""
    found = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*.py"))]
    assert set(REGISTRIES) < set(found)
    return [path for path in found if path not in REGISTRIES]


def home(path: str) -> str | None:
    """The system that a module is of: ``systems/<name>.py``, or anything below a folder of that name."""
    top, _, rest = path.partition("/")
    name = rest.partition("/")[0].removesuffix(".py")
    return name if top in ("systems", "emulator") and name in SYSTEMS else None


def foreign(path: str) -> list[str]:
    """``line: text`` of each place at which a module names a system that isn't its own."""
    lines = enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
    own = home(path)
    return [
        f"{number}: {line.strip()}"
        for number, line in [(0, path), *lines]
        for word in NAMED.findall(line)
        if re.sub("[ _-]", "", word).lower() != own
    ]
