"""Parsed files on the disk, between one command and the next: parsing is most of what a large tree costs.

It is trusted as Python trusts its own compiled modules: it lies in a folder of the user's own that nobody else can
write to, or it isn't used. What is in it is known by the content of the file that it was read from, so that no change
is ever missed. It can be deleted at any time, and nothing is said where it can't be used: then all is parsed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
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
from reconciler.sources import Tree

LEAST = 64 * 1024
"""Bytes of YAML: parsing less is quicker than it is worth, and nothing is written for it."""

KEPT = 8
"""Trees whose files are kept; of more, those that were used last."""

_WORTH = 8
"""Everything is written anew once an eighth of it had to be parsed."""

_LARGEST = 512 * 1024 * 1024
_DIGEST = 32
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class ParseCache:
    """What is known of one tree's files: ``read`` before they are parsed, ``write`` once they are found to be sound."""

    def __init__(self, folder: Path, tree: Tree) -> None:
        """``folder`` need not be there; what is missing of it is made, mode 0700."""
        self._folder = folder
        self._files = tree.files
        self._path = folder / sha256(os.fsencode(os.path.realpath(tree.root))).hexdigest()[:_DIGEST]
        self._known: Mapping[SourceFile, File] = NOTHING

    def read(self) -> Mapping[SourceFile, File]:
        """The files that needn't be parsed."""
        if sum(len(source.data) for source in self._files) >= LEAST:
            with suppress(OSError, MsgspecError):
                self._known = self._decoded(self._read())
        return self._known

    def write(self, files: Mapping[SourceFile, File]) -> None:
        """Keep ``files``, all of which are sound, if enough of them had to be parsed."""
        size = sum(len(source.data) for source in files)
        parsed = sum(len(source.data) for source in files if source not in self._known)
        if size < LEAST or parsed * _WORTH < size:
            return
        with suppress(OSError):
            if _made(self._folder):
                self._write(encode(files))
                self._prune()

    def _read(self) -> bytes:
        if not _is_ours(self._folder.lstat()):
            return b""
        with open(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            facts = os.fstat(file.fileno())
            if not (stat.S_ISREG(facts.st_mode) and _is_ours(facts) and facts.st_size <= _LARGEST):
                return b""
            os.utime(file.fileno())
            return file.read()

    def _decoded(self, data: bytes) -> Mapping[SourceFile, File]:
        content = memoryview(data)[2 * _DIGEST :]
        if data[: 2 * _DIGEST] != edition() + sha256(content).digest():
            return NOTHING
        return decode(content, self._files)

    def _write(self, content: bytes) -> None:
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with open(os.open(new, flags, 0o600), "wb") as file:
                file.write(edition() + sha256(content).digest())
                file.write(content)
            new.replace(self._path)
        finally:
            new.unlink(missing_ok=True)

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


def _is_ours(facts: os.stat_result) -> bool:
    """Nobody else has made it, or can change it. (A link seems to be anybody's.)"""
    return facts.st_uid == os.geteuid() and not facts.st_mode & _OTHERS_WRITE


def _made(folder: Path) -> bool:
    """Whether the folder is there, made if need be, and ours alone; nothing is made in somebody else's."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    if missing and not _is_ours(missing[-1].parent.stat()):
        return False
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    return _is_ours(folder.lstat())
