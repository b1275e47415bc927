"""One writer a database: an OS lock on a file beside it, which ends with the process that holds it, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reconciler.store.hold import locked
from reconciler.store.sqlite.files import PRIVATE, unusable

_PAUSE = 0.05


_STEP = 1.0
"""Seconds between two stamps: on a network's file system, each would keep the event loop waiting."""


class FileLock:
    """A held lock; ``take`` makes one, ``release`` ends it.

    ``vanished`` is when a holder before that was killed was at work last (Unix seconds, as ``stamp`` tells); None: the
    last one has released it.
    """

    def __init__(self, path: Path, descriptor: int, vanished: float | None) -> None:
        self.path = path
        self.vanished = vanished
        self._descriptor = descriptor
        self._stamped = float("-inf")

    @classmethod
    def take(cls, path: Path, timeout: float = 0.0) -> FileLock:
        """Lock the file, waiting up to ``timeout`` seconds.

        Raises StateLocked, naming the holder's process and since when it holds the lock; StateUnusable when the
        file can't be made.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
        except OSError as error:
            raise unusable(path, error) from None
        try:
            _wait(path, descriptor, time.monotonic() + timeout)
            left = os.fstat(descriptor)  # a holder that has released it has left no note
            _sign(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor, left.st_mtime + _STEP if left.st_size else None)

    @property
    def in_place(self) -> bool:
        """Whether the file that is locked is still the one that others would try to lock."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        return False

    def stamp(self) -> None:
        """Note that the holder is at work now. Never raises."""
        now = time.monotonic()
        if now >= self._stamped + _STEP:
            self._stamped = now
            with suppress(OSError):
                os.utime(self._descriptor, (time.time(), time.time()))

    def release(self) -> None:
        # The file stays: removing it would let two processes lock two files of one name.
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def _wait(path: Path, descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise locked(_holder(descriptor)) from None
            time.sleep(_PAUSE)
        except OSError as error:
            raise unusable(path, error) from None
        else:
            return


def _sign(descriptor: int) -> None:
    note = json.dumps({"pid": os.getpid(), "since": time.time()}).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, note, 0)


def _holder(descriptor: int) -> str:
    # Between its lock and its note, a holder has no name yet.
    with suppress(OSError, ValueError, TypeError, KeyError, OverflowError):
        note = json.loads(os.pread(descriptor, 1024, 0))
        since = datetime.fromtimestamp(float(note["since"]), UTC)
        return f"process {int(note['pid'])}, since {since:%Y-%m-%d %H:%M:%S} UTC"
    return "another process"
