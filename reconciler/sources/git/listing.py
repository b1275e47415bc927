"""Which entries of a commit are files of the desired state: the same ones that a directory would have."""

from __future__ import annotations

from msgspec import Struct, field

from reconciler.errors import InputError, SourceRefused
from reconciler.sources.directory import SUFFIXES
from reconciler.sources.git.failures import told_words
from reconciler.sources.git.links import MAX_ENTRIES, leading_to_directories
from reconciler.sources.git.mirror import Damaged
from reconciler.sources.git.process import Git

MAX_FILES = 200_000
_LINK, _SUBMODULE = b"120000", b"160000"


class Listing(Struct):
    """``files`` are the objects of the YAML files by name; ``links`` may or may not lead to directories."""

    files: dict[str, str] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)


async def listing(git: Git, revision: str, folder: str) -> Listing:
    """What lies in a folder (empty: the root) of a commit.

    Raises InputError (a link, a submodule, a name that can't be shown, too many), SourceRefused (no such folder),
    Damaged, SourceUnavailable.
    """
    found, entries = Listing(), 0
    async with git.started("ls-tree", "-r", "-z", "--full-tree", f"{revision}:{folder}") as process:
        async for record in process.records():
            entries += 1
            _take(found, record)
            if len(found.files) > MAX_FILES or entries > MAX_ENTRIES:
                message = f"the tree has more than {MAX_FILES} YAML files, or {MAX_ENTRIES} in all"
                raise InputError(message, remedy="follow a folder of it, with path")
        words = await process.words
        code = await process.wait()
    if code:
        await _explain(git, revision, folder)
        raise Damaged(told_words(words, []))
    if found.links:
        prefix = f"{folder}/" if folder else ""
        directories = await leading_to_directories(git, revision, [prefix + name for name in found.links])
        if directories:
            raise _link(directories[0].removeprefix(prefix))
    return found


def _take(found: Listing, record: bytes) -> None:
    """Sort one ``<mode> <type> <object>\\t<name>`` in."""
    facts, _, raw = record.partition(b"\t")
    name = raw.decode(errors="surrogateescape")
    hidden = raw.startswith(b".") or b"/." in raw
    folder = f"/{name}".partition("/.")[0][1:] if hidden else name.rpartition("/")[0]
    mode, _, oid = facts.split(b" ")
    matters = not hidden and (mode in (_LINK, _SUBMODULE) or name.endswith(SUFFIXES))
    if not folder.isprintable() or (matters and not name.isprintable()):
        raise InputError(f"{_first_odd(name)!r} has characters in its name that can't be shown", remedy="rename it")
    if not matters:
        return
    if mode == _SUBMODULE:
        raise InputError(f"{name} is a submodule, and those aren't followed", remedy="put its files there instead")
    if mode == _LINK and not name.endswith(SUFFIXES):
        found.links.append(name)
    elif mode == _LINK:
        raise _link(name)
    else:
        found.files[name] = oid.decode()


def _first_odd(name: str) -> str:
    """The name up to its first part that can't be shown."""
    parts = name.split("/")
    count = next(number for number, part in enumerate(parts, 1) if not part.isprintable())
    return "/".join(parts[:count])


def _link(name: str) -> InputError:
    return InputError(f"{name} is a symbolic link, and those aren't followed", remedy="replace it by what it leads to")


async def _explain(git: Git, revision: str, folder: str) -> None:
    """Raise SourceRefused if the folder isn't one, with the part of its path that is to blame."""
    here = ""
    for part in folder.split("/") if folder else ():
        here = f"{here}/{part}" if here else part
        result = await git.run("--literal-pathspecs", "ls-tree", "-z", "--full-tree", revision, "--", here)
        if result.code:
            return
        mode = result.out.partition(b" ")[0]
        if mode == b"040000":
            continue
        what = {b"": "isn't there", _LINK: "is a symbolic link", _SUBMODULE: "is a submodule"}.get(mode, "is a file")
        raise SourceRefused(
            f"the folder {folder} can't be read in commit {revision[:12]}: {here} {what}",
            remedy="check path, or put the folder there",
        )
