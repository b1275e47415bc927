"""The contents of files, read by their hashes in one run of git, and checked against them."""

from __future__ import annotations

from asyncio import IncompleteReadError
from collections.abc import Mapping
from hashlib import sha1, sha256

from reconciler.errors import InputError
from reconciler.load.limits import MAX_FILE_BYTES
from reconciler.model import SourceFile
from reconciler.sources.git.failures import told_words
from reconciler.sources.git.mirror import Damaged
from reconciler.sources.git.process import Git, Running

MAX_TREE_BYTES = 512 * 1024 * 1024
"""All files of a tree together."""


async def contents(git: Git, objects: Mapping[str, str]) -> tuple[SourceFile, ...]:
    """The files by name, sorted. Raises InputError (too large), Damaged, SourceUnavailable."""
    if not objects:
        return ()
    names = sorted(objects)
    known: dict[str, bytes] = {}
    async with git.started("cat-file", "--batch", "--buffer", stdin=True) as process:
        wanted = list(dict.fromkeys(objects[name] for name in names))
        first = {objects[name]: name for name in reversed(names)}
        process.feed("".join(f"{oid}\n" for oid in wanted).encode())
        total = 0
        try:
            for oid in wanted:
                known[oid] = await _content(process, oid, first[oid])
                total += len(known[oid])
                if total > MAX_TREE_BYTES:
                    message = f"the tree has more than {MAX_TREE_BYTES // 1024**2} MiB of YAML"
                    raise InputError(message, remedy="follow a folder of it, with path")
        except IncompleteReadError:
            raise Damaged(told_words(await process.words, [])) from None
    return tuple(SourceFile(name, known[objects[name]]) for name in names)


async def _content(process: Running, oid: str, name: str) -> bytes:
    header = (await process.stdout.readuntil(b"\n")).split()
    if len(header) != 3 or header[:2] != [oid.encode(), b"blob"]:
        raise Damaged(f"{name} has no content")
    size = int(header[2])
    if size > MAX_FILE_BYTES:
        raise InputError(f"{name} is larger than {MAX_FILE_BYTES // 1024**2} MiB", remedy="split it")
    data = (await process.stdout.readexactly(size + 1))[:-1]
    if _hash(data, oid) != oid:
        raise Damaged(f"the content of {name} isn't what its hash says")
    return data


def _hash(data: bytes, oid: str) -> str:
    digest = sha1(usedforsecurity=False) if len(oid) == 40 else sha256()
    digest.update(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.hexdigest()
