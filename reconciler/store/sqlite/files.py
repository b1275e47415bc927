"""Files that nobody else may read, and renames that survive a power failure."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from reconciler.errors import StateUnusable

PRIVATE = 0o600


def create_private(path: Path, data: bytes = b"") -> None:
    """Write a new file of mode 0600 to the disk. Raises FileExistsError when there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), PRIVATE)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def tighten(path: Path) -> None:
    """Take a file's rights for others away; a file of another owner (a shared volume) stays as it is."""
    with suppress(PermissionError):
        if path.stat().st_mode & 0o077:
            path.chmod(PRIVATE)


def flush(path: Path) -> None:
    """Make sure that a file, or the entries of a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(ready: Path, path: Path) -> None:
    """Give a finished file its name, atomically and durably; both lie in the same directory."""
    flush(ready)
    ready.replace(path)
    flush(path.parent)


def beside(path: Path, suffix: str) -> Path:
    """``state.db`` and ``.lock`` → ``state.db.lock``."""
    return path.with_name(path.name + suffix)


def unusable(path: Path, error: OSError) -> StateUnusable:
    """What the operating system said about a path, as an error."""
    return StateUnusable(f"{path} can't be used: {error.strerror or type(error).__name__}")
