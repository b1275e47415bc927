"""Secrets by name: what a directory and the environment hold, taken once a pass.

A value that is rotated while a pass runs must not be half used, so everything is read when the snapshot is taken. A
mounted Kubernetes Secret is read from the one version that its ``..data`` link names at that moment. No message ever
holds a value.
"""

from __future__ import annotations

import copy
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.errors import InputError, MissingSecret
from reconciler.forms import Finder
from reconciler.secret import SHOWN, Secret

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
"""What a secret's name looks like, in full; it can name neither a path nor another variable."""

RESERVED = frozenset({"fingerprint-key"})
"""Names that are never a document's, whatever the configuration says."""

MAX_BYTES = 1024 * 1024

_VARIABLE = "RECONCILER_SECRET_"
_TRIES = 5

_Found = Secret | str
"""A value, or why there is none."""


class Snapshot:
    """The secrets of one pass. Its answers never change; ``take`` makes one. ``reserved`` names are no document's."""

    def __init__(self, directory: Path | None, found: Mapping[str, _Found], reserved: frozenset[str]) -> None:
        self._refuse: Callable[[str], str | None] = lambda name: None
        self._directory = directory
        self._found = found
        self.reserved = reserved
        self._finders: list[Finder] = []

    @classmethod
    def take(
        cls, directory: Path | None, environ: Mapping[str, str], *, reserved: frozenset[str] = RESERVED
    ) -> Snapshot:
        """Read the files ``<directory>/<name>`` and the variables ``RECONCILER_SECRET_<NAME>`` (``-`` as ``_``).

        The directory wins: where it has a file of that name, the variable isn't looked at, even if the file can't be
        used. Files are regular (also behind links that stay in the directory), at most 1 MiB, UTF-8. One newline at
        the end (``\\n`` or ``\\r\\n``) is dropped. Nothing is raised here: what is wrong with a secret matters to those
        who ask for it. ``reserved`` names are the configuration's own, see ``configured``.
        """
        found = {name: _value(text) for name, text in _variables(environ)}
        if directory is not None:
            found |= _read_directory(directory)
        return cls(directory, found, reserved)

    def __repr__(self) -> str:
        return f"Snapshot({len(self._found)} secrets)"

    def within(self, refuse: Callable[[str], str | None]) -> Snapshot:
        """The same secrets for one target's documents; ``refuse`` says why a secret can't be sent there, or None."""
        twin = copy.copy(self)
        twin._refuse = refuse  # noqa: SLF001 - one of its own kind
        return twin

    def get(self, name: str) -> Secret:
        """A secret that a document names. Raises MissingSecret, saying where it was looked for."""
        if name in self.reserved:
            raise MissingSecret(f"the secret {name} is the configuration's own, documents can't name it")
        if why := self._refuse(name):
            raise MissingSecret(f"the secret {name}: {why}")
        return self.configured(name)

    def find(self, name: str) -> Secret | None:
        """Like ``get``, with None for whatever ``get`` would refuse."""
        found = None if name in self.reserved or self._refuse(name) else self._found.get(name)
        return found if isinstance(found, Secret) else None

    def values(self, names: Iterable[str]) -> dict[str, Secret]:
        """Those of the named secrets that are there. Raises MissingSecret for one that can't be sent to the target."""
        names = list(names)
        for name in names:
            if why := self._refuse(name):
                raise MissingSecret(f"the secret {name}: {why}; nothing was sent")
        return {name: secret for name in names if (secret := self.find(name)) is not None}

    def everything(self) -> list[Secret]:
        """Each value that there is, also those of no document's: for those who must never show one."""
        return [found for found in self._found.values() if isinstance(found, Secret)]

    def hide(self, text: str) -> str:
        """A text of somebody else's without any of these values, in whatever form it quotes one."""
        if not self._finders:
            self._finders.append(Finder(secret.reveal() for secret in self.everything()))
        return self._finders[0].covered(text, SHOWN)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the named secrets that aren't there, sorted."""
        return sorted({name for name in names if self.find(name) is None})

    def configured(self, name: str) -> Secret:
        """A secret that the configuration names, reserved or not. Raises MissingSecret."""
        if not NAME.fullmatch(name):
            raise MissingSecret(f"{name!r} can't be a secret's name", remedy="Use a to z, 0 to 9 and hyphens.")
        found = self._found.get(name)
        if isinstance(found, Secret):
            return found
        problem = f"has no value: {found}" if found else "isn't there"
        raise MissingSecret(f"the secret {name} {problem} (looked for {self._places(name)})")

    def _places(self, name: str) -> str:
        variable = f"the variable {variable_of(name)}"
        return variable if self._directory is None else f"the file {self._directory / name}, then {variable}"


def variable_of(name: str) -> str:
    """The environment variable that may hold a secret: ``alice-password`` → ``RECONCILER_SECRET_ALICE_PASSWORD``."""
    return _VARIABLE + name.upper().replace("-", "_")


def read_setting(environ: Mapping[str, str], name: str) -> Secret | None:
    """A secret setting, from ``RECONCILER_<name>`` or the file that ``RECONCILER_<name>_FILE`` names.

    None when neither is set; an empty variable counts as unset. One newline at the end is dropped.
    Raises InputError when both are set, or the file can't be used.
    """
    variable = f"RECONCILER_{name}"
    text, file = environ.get(variable), environ.get(f"{variable}_FILE")
    if text and file:
        raise InputError(f"{variable} and {variable}_FILE are both set", remedy="Unset one of them.")
    if file:
        found = _read(Path(file))
        if isinstance(found, str):
            raise InputError(f"{variable}_FILE names {file}, which has no value: {found}")
        return found
    if not text:
        return None
    found = _value(text)
    if isinstance(found, str):
        raise InputError(f"{variable} has no value: {found}")
    return found


def own_files(directory: Path | None, environ: Mapping[str, str]) -> frozenset[str]:
    """The names in the directory whose files a ``RECONCILER_<NAME>_FILE`` names: settings, and so no document's."""
    if directory is None:
        return frozenset()
    given = [file for name, file in environ.items() if name.startswith("RECONCILER_") and name.endswith("_FILE")]
    places = [
        (os.path.basename(one), os.path.realpath(file)) for file in given for one in (file, os.path.realpath(file))
    ]
    return frozenset(
        name for name, place in places if NAME.fullmatch(name) and os.path.realpath(directory / name) == place
    )


def _variables(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for variable, text in environ.items():
        name = variable.removeprefix(_VARIABLE).lower().replace("_", "-")
        if NAME.fullmatch(name) and variable == variable_of(name):
            yield name, text


def _value(text: str) -> _Found:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it isn't UTF-8"
    text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    return Secret(text) if text else "it is empty"


def _read_directory(directory: Path) -> dict[str, _Found]:
    for _ in range(_TRIES):
        version = _version(directory)
        found = _read_version(version)
        if _version(directory) == version:
            break
    return found


def _version(directory: Path) -> Path:
    """Where the files lie: behind ``..data`` in a mounted Kubernetes Secret, else in the directory itself."""
    with suppress(OSError, RuntimeError):
        return (directory / "..data").resolve(strict=True)
    with suppress(OSError, RuntimeError):
        return directory.resolve()
    return directory


def _read_version(folder: Path) -> dict[str, _Found]:
    try:
        names = [name for name in os.listdir(folder) if NAME.fullmatch(name)]
    except OSError:
        return {}
    return {name: _read(folder / name, within=folder) for name in names}


def _read(path: Path, *, within: Path | None = None) -> _Found:
    try:
        if within is not None and not path.resolve().is_relative_to(within):
            return "its link leads out of the directory"
        data = _content(path)
    except (OSError, RuntimeError, ValueError) as error:
        return f"it can't be read ({getattr(error, 'strerror', None) or type(error).__name__})"
    if data is None:
        return "it isn't a regular file"
    if len(data) > MAX_BYTES:
        return "it is larger than 1 MiB"
    try:
        return _value(data.decode())
    except UnicodeDecodeError:
        return "it isn't UTF-8"


def _content(path: Path) -> bytes | None:
    """Up to one byte more than is allowed; None when it isn't a regular file."""
    # Opening a pipe would wait for its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
