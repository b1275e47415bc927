"""Parsed files on the disk, between one command and the next: parsing is much of what a large tree costs.

It is for what only shows, and nothing is decided by it: whoever can write there says what a tree means. So what isn't
private, or came with a tree, isn't believed; what was kept is known by the whole content of its file, so that no change
is missed. It can be deleted at any time, and nothing is said where it can't be used: then all is parsed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import yaml
from msgspec import MsgspecError

from reconciler import __version__, load
from reconciler.load.encoded import decode, encode
from reconciler.load.parsed import NOTHING, File
from reconciler.model import SourceFile

LEAST = 64 * 1024
"""Bytes of YAML: parsing less is quicker than it is worth, and nothing is written for it."""

LARGEST = 512 * 1024 * 1024
"""Bytes of what is kept of a tree."""

KEPT = 8
"""Trees of which something is kept; of more, those that were used last."""

_WORTH = 8
"""Everything is written anew once an eighth of it had to be parsed."""

_DIGEST = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_UNUSABLE = (OSError, MsgspecError, ValueError, RecursionError, MemoryError)


class ParseCache:
    """What is known of one tree's files: ``read`` before they are parsed, ``write`` once they are found to be sound."""

    def __init__(self, folder: Path, root: str | Path) -> None:
        """``folder`` need not be there: what is missing of it is made, mode 0700. ``root`` is the tree's path."""
        self._folder = Path(os.path.realpath(folder))
        self._root = Path(os.path.realpath(root))
        self._path = self._folder / sha256(os.fsencode(self._root)).hexdigest()[:_DIGEST]
        self._edition = b""
        self._known: Mapping[SourceFile, File] = NOTHING

    def read(self, files: tuple[SourceFile, ...]) -> Mapping[SourceFile, File]:
        """Those of the files that needn't be parsed."""
        if _size(files) >= LEAST and not self._came_along():
            with suppress(*_UNUSABLE):
                self._edition = edition()
                self._known = self._decoded(self._read(), files)
        return self._known

    def write(self, files: Mapping[SourceFile, File]) -> None:
        """Keep ``files``, all of which are sound, if enough of them had to be parsed."""
        size, parsed = _size(files), _size(file for file in files if file not in self._known)
        if not self._edition or size < LEAST or parsed * _WORTH < size:
            return
        content = encode(files)
        with suppress(OSError):
            if len(content) < LARGEST and _made(self._folder):
                self._write(content)
                self._prune()

    def _came_along(self) -> bool:
        """Whether the folder lies in the tree, or in any work tree of git: what is there may be somebody's commit."""
        tree = self._root if self._root.is_dir() else self._root.parent
        above = (self._folder, *self._folder.parents)
        return tree in above or any(os.path.lexists(path / ".git") for path in above)

    def _read(self) -> bytes:
        folder = self._folder.lstat()
        if not (stat.S_ISDIR(folder.st_mode) and _is_private(folder)):
            return b""
        with open(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            facts = os.fstat(file.fileno())
            if not (stat.S_ISREG(facts.st_mode) and _is_private(facts) and facts.st_size <= LARGEST):
                return b""
            with suppress(OSError):
                os.utime(file.fileno())
            return file.read()

    def _decoded(self, data: bytes, files: tuple[SourceFile, ...]) -> Mapping[SourceFile, File]:
        content = memoryview(data)[2 * _DIGEST :]
        if data[: 2 * _DIGEST] != self._edition + sha256(content).digest():
            return NOTHING
        return decode(content, files)

    def _write(self, content: bytes) -> None:
        new = self._path.with_name(f"{self._path.name}.{os.urandom(8).hex()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(self._edition + sha256(content).digest())
                file.write(content)
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    def _prune(self) -> None:
        found = sorted(self._folder.iterdir(), key=lambda path: path.lstat().st_mtime_ns, reverse=True)
        for path in found[KEPT:]:
            path.unlink()


@cache
def edition() -> bytes:
    """A digest of all that decides what a text means: what another version has kept isn't believed. Raises OSError."""
    parser: str = yaml._yaml.get_version_string()  # noqa: SLF001 - libyaml's version
    digest = sha256(f"{__version__} {yaml.__version__} {parser}".encode())
    for path in sorted(Path(load.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


def _size(files: Iterable[SourceFile]) -> int:
    return sum(len(file.data) for file in files)


def _is_private(facts: os.stat_result) -> bool:
    return facts.st_uid == os.geteuid() and not facts.st_mode & _OTHERS


def _made(folder: Path) -> bool:
    """Whether the folder is there, made if need be, and ours alone; nothing is made in somebody else's."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    if missing and missing[-1].parent.stat().st_uid != os.geteuid():
        return False
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    return _is_private(folder.lstat())
