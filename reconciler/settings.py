"""Where things are and what is allowed: flags first, then ``RECONCILER_<NAME>``, then the configuration.

An empty variable counts as unset.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.errors import InputError
from reconciler.load.suggest import suggest
from reconciler.policy import Policy
from reconciler.secret import Secret, hidden
from reconciler.secrets import RESERVED, Snapshot, own_files, read_setting
from reconciler.systems.base import System
from reconciler.systems.registry import api_versions, default_system, system_named

if TYPE_CHECKING:
    from reconciler.config import ConfigFile, SecretsConfig, TargetConfig


class Target(Struct, frozen=True):
    """One target: where it is, what it is, how we log in, and what may be done to it.

    ``state`` is a database URL; ``installers`` a folder beside the desired state in which files are looked for;
    ``paths`` are its folders under the tree's root; ``reserved`` the names of secrets that documents can't name.
    """

    name: str
    system: System
    url: str
    credentials: Mapping[str, Secret]
    state: str = ""
    secrets: Snapshot | None = None
    ca: str | None = None
    allow_http: bool = False
    proxy: str | None = None
    installers: str | None = None
    policy: Policy = field(default_factory=Policy)
    paths: tuple[str, ...] = (".",)
    reserved: frozenset[str] = RESERVED

    def hide(self, text: str) -> str:
        """The target's words without any secret that we have."""
        return hidden(self.secrets.hide(text) if self.secrets else text, self.credentials.values())


class Where(Struct, frozen=True):
    """The flags that say which targets are meant; None: not given."""

    config: str | None = None
    target: tuple[str, ...] = ()
    system: str | None = None
    url: str | None = None
    state: str | None = None
    secrets_dir: str | None = None


def variable(environ: Mapping[str, str], name: str) -> str | None:
    """``RECONCILER_<name>``; None when it is unset or empty."""
    return environ.get(f"RECONCILER_{name}") or None


def config_of(where: Where) -> ConfigFile | None:
    """The configuration that is meant, if one is. Raises InputError, InvalidTree."""
    path = where.config or variable(os.environ, "CONFIG")
    if path is None:
        if where.target:
            raise InputError("--target picks from a configuration", remedy="give --config FILE as well")
        return None
    for flag, given in (("--url", where.url), ("--system", where.system)):
        if given is not None:
            raise InputError(f"{flag} and a configuration are both given", remedy="leave one of them out")
    from reconciler.config import read_config

    return read_config(path)


def targets(where: Where, policy: Policy) -> list[Target]:
    """The targets that flags, variables and the configuration describe. Raises InputError, InvalidTree."""
    config = config_of(where)
    if config is None:
        return [from_environment(where, policy)]
    chosen = chosen_of(config, where)
    secrets = secrets_of(where, config)
    return [resolved(one, config, where, policy, secrets) for one in chosen]


def chosen_of(config: ConfigFile, where: Where) -> list[TargetConfig]:
    """The targets that ``--target`` picks, in the configuration's order. Raises InputError for an unknown name."""
    known = [target.name for target in config.targets]
    for name in where.target:
        if name not in known:
            raise InputError(
                f"there is no target {name!r}.{suggest(name, known)}", remedy=f"there are {', '.join(known)}"
            )
    return [target for target in config.targets if not where.target or target.name in where.target]


def secrets_of(where: Where, config: ConfigFile | None) -> Snapshot:
    """All secrets as they are now; those that the configuration uses itself can't be named by documents."""
    return Snapshot.take(_secrets_dir(where, config), os.environ, reserved=reserved_of(where, config))


def reserved_of(where: Where, config: ConfigFile | None) -> frozenset[str]:
    """The names of the secrets that the reconciler uses itself, so that documents can't."""
    of_config = config.reserved if config else frozenset()
    return RESERVED | of_config | own_files(_secrets_dir(where, config), os.environ)


def from_environment(where: Where, policy: Policy) -> Target:
    """The single target that flags and variables describe. Raises InputError."""
    environ = os.environ
    url = where.url or variable(environ, "URL")
    if not url:
        raise InputError("no target: nobody said where the API is", remedy="give --url, or set RECONCILER_URL")
    if "@" in url.partition("://")[2].partition("/")[0]:
        remedy = "take them out: RECONCILER_USER and RECONCILER_PASSWORD are for them"
        raise InputError("the url of the target holds credentials", remedy=remedy)
    name = where.system or variable(environ, "SYSTEM")
    system = system_named(name) if name else default_system()
    secrets = secrets_of(where, None)
    return Target(
        name="default",
        system=system,
        url=url,
        credentials=_environment_credentials(system, environ),
        state=where.state or variable(environ, "STATE") or default_state(url, environ),
        secrets=secrets,
        ca=variable(environ, "CA"),
        allow_http=(variable(environ, "ALLOW_HTTP") or "").lower() in ("1", "true", "yes"),
        proxy=variable(environ, "PROXY"),
        installers=variable(environ, "INSTALLERS"),
        policy=policy,
        reserved=secrets.reserved,
    )


def _environment_credentials(system: System, environ: Mapping[str, str]) -> dict[str, Secret]:
    """``RECONCILER_<NAME>`` for each credential that the system knows; a key alone is enough where it is."""
    names = {name for names in system.credentials for name in names}
    found = {name: read_setting(environ, name.upper()) for name in sorted(names)}
    given = {name: secret for name, secret in found.items() if secret is not None}
    alone = [name for names in system.credentials if len(names) == 1 for name in names if name in given]
    return {alone[0]: given[alone[0]]} if alone else given


def resolved(one: TargetConfig, config: ConfigFile, where: Where, policy: Policy, secrets: Snapshot) -> Target:
    """One target of a configuration, with its credentials. Raises InputError, MissingSecret."""
    for name in one.credentials.values():
        config.secrets.require(name, one.url)
    credentials = {name: secrets.configured(secret) for name, secret in one.credentials.items()}
    bound = Bound(one.name, one.url, config.secrets)
    return replace(described(one, config, where, policy), credentials=credentials, secrets=secrets.within(bound.refuse))


def described(one: TargetConfig, config: ConfigFile, where: Where, policy: Policy) -> Target:
    """One target of a configuration without any secret, for what only looks at documents. Raises InputError."""
    environ = os.environ
    return Target(
        name=one.name,
        system=system_named(one.system).configured(one.settings),
        url=one.url,
        credentials={},
        state=where.state or variable(environ, "STATE") or config.state or default_state(one.url, environ),
        ca=beside(where, one.tls.ca),
        allow_http=one.tls.allow_http,
        proxy=one.proxy,
        installers=variable(environ, "INSTALLERS") or beside(where, config.installers),
        policy=_merged(policy, one),
        paths=one.paths,
        reserved=reserved_of(where, config),
    )


def beside(where: Where, path: str | None) -> str | None:
    """A file that the configuration names, relative to the configuration itself."""
    config = where.config or variable(os.environ, "CONFIG") or ""
    return path and os.path.join(os.path.dirname(config), path)


def _secrets_dir(where: Where, config: ConfigFile | None) -> Path | None:
    own = beside(where, config.secrets_dir) if config else None
    folder = where.secrets_dir or variable(os.environ, "SECRETS_DIR") or own
    return Path(folder) if folder else None


def _merged(policy: Policy, one: TargetConfig) -> Policy:
    """The flags' policy on top of the target's own."""
    return replace(
        policy,
        prune=policy.prune or one.policy.prune,
        allow=policy.allow | frozenset(one.policy.allow),
        destructive=one.policy.budget.destructive,
        daily=one.policy.budget.daily,
    )


def cache_home(environ: Mapping[str, str]) -> str:
    """Where what can be made again is kept, under XDG_CACHE_HOME; no absolute path where there is no home."""
    return os.path.join(environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "reconciler")


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


class Bound(Struct, frozen=True):
    """Which secrets documents of one target can name: those that may be sent to its host."""

    target: str
    url: str
    secrets: SecretsConfig

    def refuse(self, name: str) -> str | None:
        """Why no document of the target can name this secret, as a sentence; None: one can."""
        return self._sentence(self.secrets.objection(name, self.url))

    def refuse_at(self, name: str, used_at: tuple[str, int | None] | None) -> str | None:
        """The same of a document with this host of its own; None: it has none."""
        return self.refuse(name) or self._sentence(self.secrets.misuse(name, used_at))

    def _sentence(self, why: str | None) -> str | None:
        return why and f"this secret {why}, and the target {self.target} can't be told it (secret-binding): {_MEND}"


_MEND = "name another one, or have secrets.bindings changed in the configuration"


class Claim(Struct, frozen=True):
    """What a target takes of the tree: documents of one apiVersion, in some folders; and which secrets they name."""

    name: str
    api_version: str
    paths: tuple[str, ...] = (".",)
    config: str | None = None
    bound: Bound | None = None

    def refuse(self, name: str, used_at: tuple[str, int | None] | None) -> str | None:
        """Why a document can't name this secret, as a sentence; None: it can."""
        return self.bound.refuse_at(name, used_at) if self.bound else None

    def covers(self, file: str) -> bool:
        """Whether a file of the tree lies in one of the folders."""
        return any(path in (".", file) or file.startswith(f"{path}/") for path in self.paths)


def claims(where: Where) -> list[Claim]:
    """What every target takes, also those that ``--target`` leaves out; without a target, each system takes its own."""
    config = config_of(where)
    if config is not None:
        file = where.config or variable(os.environ, "CONFIG")
        return [_claim(one, config, file) for one in config.targets]
    name = where.system or variable(os.environ, "SYSTEM")
    url = where.url or variable(os.environ, "URL")
    if name or url:
        return [Claim("default", (system_named(name) if name else default_system()).api_version)]
    return [Claim(name, api_version) for name, api_version in api_versions().items()]


def _claim(one: TargetConfig, config: ConfigFile, file: str | None) -> Claim:
    bound = Bound(one.name, one.url, config.secrets)
    return Claim(one.name, system_named(one.system).api_version, one.paths, file, bound)
