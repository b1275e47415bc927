"""Which systems there are: the one place that names them. Each is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from reconciler.errors import InputError
from reconciler.systems.base import System

CLASSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "metadefender": ("reconciler.systems.metadefender", "MetaDefender"),
        "brightriver": ("reconciler.systems.brightriver", "BrightRiver"),
        "bunnystudio": ("reconciler.systems.bunnystudio", "BunnyStudio"),
    }
)
"""Name → module and class. The first one is what a target is when nobody says."""


@cache
def system_named(name: str) -> System:
    """The system of this name. Raises InputError."""
    if name not in CLASSES:
        raise InputError(f"there is no system {name!r}", remedy=f"there are {', '.join(CLASSES)}")
    module, what = CLASSES[name]
    system: System = getattr(import_module(module), what)()
    return system


def systems() -> dict[str, System]:
    """Every system by name."""
    return {name: system_named(name) for name in CLASSES}


def default_system() -> System:
    """The system that a target has when nobody names one."""
    return system_named(next(iter(CLASSES)))


def system_of(api_version: str) -> System | None:
    """The system whose documents have this apiVersion."""
    name = api_version.partition("/")[0]
    found = system_named(name) if name in CLASSES else None
    return found if found is not None and found.api_version == api_version else None
