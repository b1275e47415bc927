"""Credentials for one call of git: they reach no command line, no URL, no file that others may read, no environment.

A token waits in a pipe that git's credential helper empties, and the helper is set for the URL's own host only. ssh
wants its key as a file: it lies in a private folder beside the mirror for as long as the call takes; should we be
killed meanwhile, the next call removes it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.errors import SourceRefused, SourceUnavailable
from reconciler.sources.git.address import Address
from reconciler.sources.git.mirror import PRIVATE
from reconciler.sources.git.process import Git
from reconciler.sources.git.repository import Repository


@contextmanager
def access(git: Git, repository: Repository, address: Address) -> Iterator[Git]:
    """git as it may reach the repository: over its URL's protocol only, with the credentials."""
    git = git.having(environment={"GIT_ALLOW_PROTOCOL": address.protocol})
    if address.protocol == "ssh":
        with _ssh(git, repository) as ready:
            yield ready
    elif address.protocol == "file":
        with _local(git, address) as ready:
            yield ready
    elif repository.token is not None:
        with _token(_trusting(git, repository), repository, address) as ready:
            yield ready
    else:
        yield _trusting(git, repository)


def _private(git: Git) -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix=PRIVATE, dir=git.directory.parent)
    except OSError as error:
        raise SourceUnavailable(f"no file can be made beside the mirror: {error.strerror}") from None


def readable(path: str, what: str) -> str:
    """The file's absolute path. Raises SourceRefused if it can't be opened."""
    absolute = os.path.abspath(path)
    try:
        os.close(os.open(absolute, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise SourceRefused(f"the {what} {path} can't be read: {error.strerror}", remedy="check the path") from None
    return absolute


def _trusting(git: Git, repository: Repository) -> Git:
    return git.having([f"http.sslCAInfo={readable(repository.ca, 'CA file')}"]) if repository.ca else git


@contextmanager
def _token(git: Git, repository: Repository, address: Address) -> Iterator[Git]:
    assert repository.token is not None
    reading, writing = os.pipe()
    try:
        os.write(writing, f"username={repository.user or 'git'}\npassword={repository.token.reveal()}\n".encode())
        os.close(writing)
        helper = f'!f() {{ test "$1" = get && cat /dev/fd/{reading}; }}; f'
        yield git.having([f"credential.{address.origin}.helper={helper}"], passed=[reading])
    finally:
        os.close(reading)


@contextmanager
def _local(git: Git, address: Address) -> Iterator[Git]:
    """A repository that the configuration names may be another user's; git believes that of such a file only."""
    names = [address.url, os.path.realpath(address.url)]
    folders = dict.fromkeys(name + end for name in names for end in ("", "/.git", ".git"))
    lines = ["[safe]", *(f"directory = {_quoted(folder)}" for folder in folders)]
    with _private(git) as folder:
        config = Path(folder, "config")
        config.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
        yield git.having(environment={"GIT_CONFIG_GLOBAL": str(config)})


@contextmanager
def _ssh(git: Git, repository: Repository) -> Iterator[Git]:
    assert repository.ssh_key is not None
    assert repository.known_hosts is not None
    known_hosts = readable(repository.known_hosts, "file of known hosts")
    with _private(git) as folder:
        key = os.path.join(folder, "key")
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(repository.ssh_key.reveal().rstrip("\n") + "\n")
        command = ssh_command(key, known_hosts, repository.timeout)
        yield git.having(environment={"GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh"})


def ssh_command(key: str, known_hosts: str, timeout: float) -> str:
    """The command line that git calls ssh with: only this key, only these hosts, nothing of the user's, no question."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(max(1, min(30, int(timeout)))),
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",
        "GlobalKnownHostsFile": os.devnull,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "IdentityFile": _for_ssh(key),
        "PreferredAuthentications": "publickey",
        "ServerAliveInterval": "15",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": _for_ssh(known_hosts),
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return shlex.join(["ssh", "-F", os.devnull, "-a", "-x", "-T", *words])


def _for_ssh(path: str) -> str:
    """A path as ssh's options spell it: ``%`` begins an expansion there, and spaces separate."""
    escaped = path.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted(value: str) -> str:
    """A value as git's configuration spells it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
