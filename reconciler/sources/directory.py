"""Reads the desired state from a directory, without ever leaving it, blocking, or reading without bound.

A directory may be a mounted Kubernetes ConfigMap, whose files are links into a hidden directory that is
swapped while we read. So links are followed as long as they stay inside, and a file that vanishes is
looked for once more.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Collection, Iterator
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from reconciler.errors import InputError
from reconciler.load.limits import MAX_FILE_BYTES
from reconciler.model import FileFacts, SourceFile
from reconciler.sources import Tree

SUFFIXES = (".yaml", ".yml")

_CHUNK = 1024 * 1024


class _Changed(Exception):
    """A file isn't what it was a moment ago, or isn't there any more."""


def read(root: str | Path, without: Collection[str] = ()) -> Tree:
    """All YAML files under a directory, or the one file that ``root`` is (then the tree's root is its folder).

    Hidden files and directories are left out, and files whose real paths are among ``without``. Raises InputError when
    something can't be read, lies outside of the root, isn't a regular file or is too large; a directory without YAML
    files is an empty tree.
    """
    path = os.fspath(root)
    try:
        return _read(path, without)
    except _Changed:
        pass
    try:
        return _read(path, without)
    except _Changed as changed:
        message = f"{changed} vanished or changed while it was read, or is a link to nothing"
        raise InputError(message, remedy="remove the link, or try again") from None


def file_facts(root: str | Path, relative: str) -> FileFacts | None:
    """Where a file lies that a document names, and its size; None if there is no such file.

    Raises InputError if the name leads out of ``root``, or to something other than a regular file.
    """
    base = os.path.realpath(root)
    if not relative or relative.startswith("/") or "\0" in relative or ".." in relative.split("/"):
        raise InputError(f"{relative!r} is no path of a file under {base}", remedy="name a path below that folder")
    real = os.path.realpath(os.path.join(base, relative))
    if not _is_inside(real, base):
        raise _leaves(relative, base)
    try:
        facts = os.stat(real)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(relative, error) from None
    if not stat.S_ISREG(facts.st_mode):
        raise _special(relative)
    return FileFacts(real, facts.st_size)


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's content, in hex. Raises InputError if the file can't be read."""
    name = os.fspath(path)
    digest = sha256()
    try:
        with _opened(os.path.realpath(name), name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(name, error) from None
    return digest.hexdigest()


def _read(path: str, without: Collection[str]) -> Tree:
    real = os.path.realpath(path)
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        found = _files(real)
        wanted = sorted((name, file) for file, name in found.items() if file not in without)
        files = tuple(SourceFile(name, _content(file, name)) for name, file in wanted)
        if _files(real) != found:
            raise _Changed(path)
        return Tree(files, path, None)
    folder, name = os.path.split(path)
    if not name.endswith(SUFFIXES):
        raise InputError(
            f"{path} is neither a directory nor a YAML file", remedy="name one that ends with .yaml or .yml"
        )
    files = () if real in without else (SourceFile(name, _content(real, name)),)
    return Tree(files, folder or ".", None)


def _files(root: str) -> dict[str, str]:
    """The name of each YAML file, by its real path. Directories that only links lead to are read last."""
    plain: dict[str, str] = {}
    linked: dict[str, str] = {}
    seen: set[str] = set()
    directories, links = deque([("", root)]), deque[tuple[str, str]]()
    while directories or links:
        prefix, directory = directories.popleft() if directories else links.popleft()
        if directory in seen:
            continue
        seen.add(directory)
        for name, real, is_link, is_directory in _entries(root, prefix, directory):
            if is_directory:
                (links if is_link else directories).append((f"{name}/", real))
            else:
                (linked if is_link else plain).setdefault(real, name)
    return linked | plain


def _entries(root: str, prefix: str, directory: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Name, real path, whether it is a link and leads to a directory: of directories, and of what is named as YAML."""
    try:
        entries = sorted(os.scandir(directory), key=attrgetter("name"))
    except FileNotFoundError:
        raise _Changed(prefix or root) from None
    except OSError as error:
        raise _unreadable(prefix or root, error) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        name, is_link = prefix + entry.name, entry.is_symlink()
        # What is no link lies where it seems to lie: in a directory that was found to be inside.
        real = os.path.realpath(entry.path) if is_link else entry.path
        is_directory = os.path.isdir(real) if is_link else entry.is_dir(follow_symlinks=False)
        if not (is_directory or name.endswith(SUFFIXES)):
            continue
        if not name.isprintable():
            raise InputError(f"{name!r} has characters in its name that can't be shown", remedy="rename it")
        if is_link and not _is_inside(real, root):
            raise _leaves(name, root)
        yield name, real, is_link, is_directory


def _content(path: str, name: str) -> bytes:
    try:
        with _opened(path, name) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise InputError(f"{name} is larger than {MAX_FILE_BYTES // 1024**2} MiB", remedy="split it")
            data = file.read(size + 1)
    except FileNotFoundError:
        raise _Changed(name) from None
    except OSError as error:
        raise _unreadable(name, error) from None
    if len(data) != size:
        raise _Changed(name)
    return data


def _opened(path: str, name: str) -> BinaryIO:
    """A regular file, opened. What isn't one is refused unopened, since opening can wait for ever or do something."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise _special(name)
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb")


def _is_inside(path: str, root: str) -> bool:
    return os.path.commonpath([path, root]) == root


def _leaves(name: str, root: str) -> InputError:
    return InputError(
        f"{name} leads out of {root}", remedy="put the file itself there, or link to one under that folder"
    )


def _special(name: str) -> InputError:
    return InputError(f"{name} is not a regular file", remedy="replace it by a file, or move it away")


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(f"{name} can't be read: {error.strerror}", remedy="check the path and its permissions")
