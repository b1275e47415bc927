"""Which systems there are. Each is imported only when it is asked for."""

from __future__ import annotations

from functools import cache

from reconciler.systems.base import System


@cache
def systems() -> dict[str, System]:
    """Every system by name."""
    from reconciler.systems.metadefender import MetaDefender

    return {system.name: system for system in (MetaDefender(),)}


def default_system() -> System:
    """The system that a target has when nobody names one."""
    return next(system for system in systems().values() if system.is_default)
