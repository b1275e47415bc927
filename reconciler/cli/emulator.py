"""``reconciler emulator``: the embedded Control Center."""

from __future__ import annotations

from reconciler.emulator.cli import emulator as command

__all__ = ["command"]
