"""Keeps the C library from holding memory that nobody uses: a fifth of a daemon with a thousand targets, measured."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
OFTEN = (700, 10, 10)


def steady() -> None:
    """With glibc: one heap for all threads, and big blocks (each answer is received into one) outside of it.

    Elsewhere nothing happens. And garbage is looked for as often as Python does, and not as seldom as for a command.
    """
    gc.set_threshold(*OFTEN)
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, 64 * 1024)
