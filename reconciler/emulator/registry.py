"""Which systems there are emulators of."""

from __future__ import annotations

from reconciler.emulator.base import Emulated
from reconciler.emulator.brightriver.emulation import BRIGHT_RIVER
from reconciler.emulator.bunnystudio.emulation import BUNNY_STUDIO
from reconciler.emulator.metadefender.emulated import METADEFENDER

SYSTEMS: dict[str, Emulated] = {system.name: system for system in (METADEFENDER, BRIGHT_RIVER, BUNNY_STUDIO)}
DEFAULT = METADEFENDER.name
