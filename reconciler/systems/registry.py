"""Which systems there are: the one place that names them. Each is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from reconciler.errors import InputError
from reconciler.systems.base import System


def _metadefender() -> System:
    from reconciler.systems.metadefender import MetaDefender

    return MetaDefender()


def _brightriver() -> System:
    from reconciler.systems.brightriver import BrightRiver

    return BrightRiver()


def _bunnystudio() -> System:
    from reconciler.systems.bunnystudio import BunnyStudio

    return BunnyStudio()


LOADERS: Mapping[str, Callable[[], System]] = MappingProxyType(
    {"metadefender": _metadefender, "brightriver": _brightriver, "bunnystudio": _bunnystudio}
)


@cache
def system_named(name: str) -> System:
    """The system of this name. Raises InputError."""
    if name not in LOADERS:
        raise InputError(f"there is no system {name!r}", remedy=f"there are {', '.join(LOADERS)}")
    return LOADERS[name]()


def systems() -> dict[str, System]:
    """Every system by name."""
    return {name: system_named(name) for name in LOADERS}


def default_system() -> System:
    """The system that a target has when nobody names one."""
    return next(system for system in systems().values() if system.is_default)


def api_versions() -> dict[str, str]:
    """The apiVersion of each system's documents, told without loading any: name/v1."""
    return {name: f"{name}/v1" for name in LOADERS}


def system_of(api_version: str) -> System | None:
    """The system whose documents have this apiVersion."""
    name = api_version.partition("/")[0]
    found = system_named(name) if name in LOADERS else None
    return found if found is not None and found.api_version == api_version else None
