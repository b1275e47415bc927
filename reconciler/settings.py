"""Where things are and what is allowed: flags first, then ``RECONCILER_<NAME>``; an empty variable counts as unset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.errors import InputError
from reconciler.policy import Policy
from reconciler.secret import Secret
from reconciler.secrets import Snapshot, read_setting
from reconciler.systems.base import System
from reconciler.systems.registry import default_system


@dataclass(frozen=True)
class Target:
    """One target: where it is, what it is, how we log in, and what may be done to it.

    ``state`` is a database URL; ``installers`` a folder beside the desired state in which files are looked for.
    """

    name: str
    system: System
    url: str
    credentials: Mapping[str, Secret] = field(repr=False)
    state: str = ""
    secrets: Snapshot | None = None
    ca: str | None = None
    allow_http: bool = False
    installers: str | None = None
    policy: Policy = field(default_factory=Policy)


def variable(environ: Mapping[str, str], name: str) -> str | None:
    """``RECONCILER_<name>``; None when it is unset or empty."""
    return environ.get(f"RECONCILER_{name}") or None


def environment_target(url: str | None, state: str | None, secrets_dir: str | None, policy: Policy) -> Target:
    """The single target that flags and variables describe. Raises InputError when no URL is given."""
    environ = os.environ
    url = url or variable(environ, "URL")
    if not url:
        raise InputError("no target: nobody said where the API is", remedy="give --url, or set RECONCILER_URL")
    credentials = {name: read_setting(environ, name.upper()) for name in ("password", "apikey")}
    user = variable(environ, "USER")
    given = {name: secret for name, secret in credentials.items() if secret is not None}
    if user and "apikey" not in given:
        given["user"] = Secret(user)
    folder = secrets_dir or variable(environ, "SECRETS_DIR")
    return Target(
        name="default",
        system=default_system(),
        url=url,
        credentials=given,
        state=state or variable(environ, "STATE") or default_state(url, environ),
        secrets=Snapshot.take(Path(folder) if folder else None, environ),
        ca=variable(environ, "CA"),
        allow_http=(variable(environ, "ALLOW_HTTP") or "").lower() in ("1", "true", "yes"),
        installers=variable(environ, "INSTALLERS"),
        policy=policy,
    )


def default_state(url: str, environ: Mapping[str, str]) -> str:
    """A database of its own for each server, under XDG_STATE_HOME."""
    base = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    try:
        parts = urlsplit(url)
        place = f"{parts.hostname or 'nowhere'}-{parts.port or parts.scheme}"
    except ValueError:
        place = "nowhere"
    safe = "".join(c if c.isalnum() or c in ".-" else "_" for c in place)
    return f"sqlite:///{os.path.abspath(base)}/reconciler/{safe}.db"
