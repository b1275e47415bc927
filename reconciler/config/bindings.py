"""Which hosts a secret may be sent to: names bound to hosts by the configuration, which no document can change.

Whoever may edit documents can name any secret that the configuration doesn't use itself. Without a binding, that secret
could be sent to a target for which it was never meant, or to a server that somebody else answers for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from reconciler.errors import InputError
from reconciler.systems.base import Spec

RULE = "secret-binding"
"""What messages call the rule."""

REMEDY = "correct the url, or the configuration's secrets.bindings"

Place = tuple[str, int | None]
"""A host in lower case, and a port; None: whatever port."""

NamePattern = Annotated[str, Field(pattern=r"^[a-z0-9*][a-z0-9*-]*$", max_length=200)]
HostPort = Annotated[
    str,
    Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z][0-9A-Za-z._-]*)(:[0-9]{1,5})?$", max_length=300),
]

_PORTS = {"http": 80, "https": 443, "ssh": 22}
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:]+):[^:].*")


class BindingConfig(Spec):
    """``name``: a secret's name, or a pattern in which ``*`` stands for any characters. ``hosts``: where it may be
    sent, each ``HOST`` or ``HOST:PORT``. ``used_at``: what a document with it has to have as its own ``host`` (of a
    Service or a Worker), so that no other document can name it; left out, anything.
    """

    name: NamePattern
    hosts: Annotated[list[HostPort], Field(min_length=1)]
    used_at: Annotated[list[HostPort], Field(min_length=1)] | None = None

    def fits(self, name: str) -> bool:
        """Whether the binding is about a secret of this name."""
        parts = (re.escape(part) for part in self.name.split("*"))
        return re.fullmatch(".*".join(parts), name) is not None


class SecretsConfig(Spec):
    """Where secrets may be sent. ``require_binding``: one without a binding may be sent nowhere."""

    bindings: list[BindingConfig] = Field(default_factory=list)
    require_binding: bool = False

    def objection(self, name: str, url: str) -> str | None:
        """Why a secret can't be sent to where ``url`` leads, as a part of a sentence that begins with its name; None
        where it can. Of several bindings that fit, each has to allow it. Never raises: a URL without a host is no
        host's.
        """
        found = [one for one in self.bindings if one.fits(name)]
        if not found:
            return "has no binding, and the configuration requires one" if self.require_binding else None
        place = place_of(url)
        if place is None or not all(_among(place, one.hosts) for one in found):
            return f"is bound to other hosts than {shown(place)}"
        return None

    def misuse(self, name: str, used_at: Place | None) -> str | None:
        """The same of a document that names the secret; ``used_at`` is the document's own host, None without one."""
        for allowed in (one.used_at for one in self.bindings if one.used_at is not None and one.fits(name)):
            if used_at is None:
                return "is bound to be used at a host, and this document has none"
            if not _among((_host(used_at[0]), used_at[1]), allowed):
                return f"is bound to be used at other hosts than {shown(used_at)}"
        return None

    def concerns(self, name: str) -> bool:
        """Whether a secret of this name may not be sent just anywhere."""
        return self.require_binding or any(one.fits(name) for one in self.bindings)

    def require(self, name: str, url: str) -> None:
        """Raises InputError for a secret that can't be sent there. For the moment right before it would be."""
        if why := self.objection(name, url):
            raise InputError(f"the secret {name} {why} ({RULE}); nothing was sent", remedy=REMEDY)


def place_of(url: str) -> Place | None:
    """Where a URL leads (``git@host:path`` too): its host and port; None where it has none, as a folder's path."""
    if "://" not in url:
        match = _SCP.fullmatch(url)
        return (_host(match["host"].strip("[]")), 22) if match else None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (_host(host), port or _PORTS.get(parts.scheme)) if host else None


def port_problem(text: str) -> str | None:
    """What is wrong with the port of a ``HOST:PORT``; None: nothing."""
    port = _allowed(text)[1]
    return None if port is None or 0 < port < 65536 else "a port is a number from 1 to 65535"


def shown(place: Place | None) -> str:
    """For messages: ``host:port``."""
    if place is None:
        return "an address without a host"
    host, port = place
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")


def _among(place: Place, allowed: Iterable[str]) -> bool:
    host, port = place
    return any(host == other and wanted in (None, port) for other, wanted in map(_allowed, allowed))


def _allowed(text: str) -> Place:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    return (_host(host.strip("[]")), int(port)) if colon and host else (_host(text.strip("[]")), None)


def _host(host: str) -> str:
    """A host in the one form that is compared: lower case, without the root's dot, an address in its shortest form."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")
