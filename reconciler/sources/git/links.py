"""Which symbolic links of a commit lead to directories.

``git cat-file --follow-symlinks`` would say so, but takes a target such as ``./x`` for one that isn't there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from reconciler.errors import InputError
from reconciler.sources.git.blobs import contents
from reconciler.sources.git.failures import told_words
from reconciler.sources.git.mirror import Damaged
from reconciler.sources.git.process import Git

MAX_ENTRIES = 2_000_000
"""What a tree may hold in all, files of others included: a few objects can make up more than anyone can list."""

_MAX_HOPS = 40


async def leading_to_directories(git: Git, revision: str, links: Sequence[str]) -> list[str]:
    """Those of the links (paths from the root) that end at a directory or a submodule of the same commit.

    Raises InputError (too many entries, a target too large to be one), Damaged, SourceUnavailable.
    """
    folders: set[str] = set()
    found: dict[str, str] = {}
    entries = 0
    async with git.started("ls-tree", "-r", "-t", "-z", "--full-tree", revision) as process:
        async for record in process.records():
            entries += 1
            if entries > MAX_ENTRIES:
                message = f"the repository has more than {MAX_ENTRIES} files, too many to see where its links lead"
                raise InputError(message, remedy="replace the links by what they lead to")
            facts, _, raw = record.partition(b"\t")
            mode, _, oid = facts.split(b" ")
            name = raw.decode(errors="surrogateescape")
            if mode in (b"040000", b"160000"):
                folders.add(name)
            elif mode == b"120000":
                found[name] = oid.decode()
        words = await process.words
        code = await process.wait()
    if code:
        raise Damaged(told_words(words, []))
    targets = {file.name: file.data.decode(errors="surrogateescape") for file in await contents(git, found)}
    return [link for link in links if is_directory(link, folders, targets)]


def is_directory(path: str, folders: Set[str], targets: Mapping[str, str]) -> bool:
    """Walk the path as a file system would; what leads out of the repository leads to nothing of it.

    ``folders`` and ``targets`` (of all links) are by their paths from the root.
    """
    here: list[str] = []
    left, hops = path.split("/")[::-1], 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return False
            here.pop()
            continue
        name = "/".join([*here, part])
        if (target := targets.get(name)) is not None:
            hops += 1
            if hops > _MAX_HOPS or target.startswith("/"):
                return False
            left += target.split("/")[::-1]
        elif name in folders:
            here.append(part)
        else:
            return False
    return True
