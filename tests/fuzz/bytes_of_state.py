"""Every byte of a state file turned over, and the file cut at every byte. The number of an input is its place.

Numbers below the size flip: ``number`` is the byte's place, the seed the bit. Numbers from there on cut, the first
one the last byte, the next one the last two. Pages' free space is flipped a stretch at a time; a stretch that is not
without effect is flipped byte by byte.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random

from tests.fuzz.damage import State, prepared, quick

STRETCH = 64


class Area:
    """A copy of the state that is damaged and mended, in memory where the system has a place for that."""

    def __init__(self, folder: Path) -> None:
        shared = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
        self._folder = tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else folder)
        self._quick = quick()
        self._quick.__enter__()
        self.state = State(prepared(folder), Path(self._folder.name))
        self.data = self.state.path.read_bytes()
        self._file = os.open(self.state.path, os.O_RDWR)
        self._free: set[int] = set()

    def make(self, chance: Random) -> tuple[int, int]:
        raise NotImplementedError

    def nth(self, seed: int, number: int) -> tuple[int, int]:
        """The bit to turn over and the byte, or the byte to cut at."""
        return 1 << (number * 5 + seed) % 8, number

    def run(self, given: tuple[int, int]) -> str:
        """Damage the file, look at it, mend it."""
        bit, number = given
        if number >= len(self.data):
            return f"cut: {self._cut(2 * len(self.data) - 1 - number)}"
        if number in self._free:
            return "flip: nothing changes, with its neighbours"
        if number % STRETCH == 0 and self._flip(number, self.data[number : number + STRETCH], bit) == "nothing changes":
            self._free = set(range(number, number + STRETCH))
            return "flip: nothing changes, with its neighbours"
        return f"flip: {self._flip(number, self.data[number : number + 1], bit)}"

    def _flip(self, at: int, piece: bytes, bit: int) -> str:
        assert self.state.path.stat().st_size == len(self.data), "a batch flips or cuts"
        os.pwrite(self._file, bytes(one ^ bit for one in piece), at)
        try:
            return self.state.judge()
        finally:
            os.pwrite(self._file, piece, at)

    def _cut(self, size: int) -> str:
        whole = self.state.path.stat().st_size
        if whole < size:
            os.pwrite(self._file, self.data[whole:], whole)
        os.truncate(self.state.path, size)
        found = self.state.judge()
        assert found == "refused", found
        return found
