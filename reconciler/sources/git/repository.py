"""What is followed: a branch of a repository and a folder in it, with the credentials and the rules for doing so."""

from __future__ import annotations

import posixpath
from pathlib import Path

from msgspec import Struct

from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.sources.git.address import Address, address_of


class Repository(Struct, frozen=True, kw_only=True):
    """``path`` is a folder of the repository, ``mirror`` a folder of ours where the copy is kept, ``timeout`` seconds
    for each call of git. ``known_hosts``, ``ca`` and ``allowed_signers`` are paths of files in the formats of OpenSSH,
    PEM and git. ``user`` goes with ``token`` (default: ``git``), or is whom to be for ssh where the URL doesn't say.

    With ``allowed_signers`` the newest commit needs a good SSH signature of one of them; older ones are not looked at,
    since the newest vouches for all that it holds.
    """

    url: str
    branch: str
    mirror: Path
    path: str = "."
    user: str | None = None
    token: Secret | None = None
    ssh_key: Secret | None = None
    known_hosts: str | None = None
    ca: str | None = None
    allowed_signers: str | None = None
    allow_rewrites: bool = False
    timeout: float = 120.0


def checked(repository: Repository) -> tuple[Address, str]:
    """The repository's address and its folder in normal form (empty for the root). Raises InputError."""
    address = address_of(repository.url, repository.user)
    _check_credentials(repository, address)
    if repository.branch.startswith("-") or not repository.branch.isprintable():
        raise _bad_branch(repository.branch)
    path = repository.path
    if path.startswith("/") or ".." in path.split("/") or not path.isprintable():
        raise InputError(f"{path!r} is no folder of a repository", remedy="write it as seen from the repository's root")
    folder = posixpath.normpath(path or ".")
    return address, "" if folder == "." else folder


def _bad_branch(branch: str) -> InputError:
    return InputError(f"{branch!r} can't be the name of a branch", remedy="name it without refs/heads/")


def _check_credentials(repository: Repository, address: Address) -> None:
    if repository.token is not None:
        if not address.origin:
            raise InputError(f"a git token is of no use for {address.shown}", remedy="use an https url, or ssh_key")
        value = repository.token.reveal()
        if not value.isprintable() or not (repository.user or "git").isprintable() or not value:
            raise InputError("the git user or token is empty, or has more than one line", remedy="check the secret")
        if len(f"{repository.user}{value}".encode()) > _LONGEST_TOKEN:
            raise InputError("the git user and token are too long to be ones", remedy="check the secret")
    if address.protocol != "ssh":
        if repository.ssh_key is not None:
            raise InputError(f"an SSH key is of no use for {address.shown}", remedy="use an ssh url, or token")
        return
    if repository.ssh_key is None:
        raise InputError(f"{address.shown} can't be read without an SSH key", remedy="name its secret under ssh_key")
    if repository.known_hosts is None:
        raise InputError(
            f"the key of {address.shown} isn't known, so that anyone could pose as the server",
            remedy="put what ssh-keyscan prints, once checked, into a file and name it under known_hosts",
        )


_LONGEST_TOKEN = 2000
"""So that the credentials fit into a pipe unread: 4 KiB wherever git runs."""
