"""How this daemon runs: the configuration's section, with what flags and variables say on top."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from pydantic import TypeAdapter, ValidationError

from reconciler.config import DaemonConfig
from reconciler.config.daemon import GitConfig
from reconciler.config.words import Seconds
from reconciler.daemon.daemon import Rhythm
from reconciler.daemon.following import DirectoryFollower, Follower, GitFollower
from reconciler.daemon.roster import Roster
from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.secrets import read_setting
from reconciler.settings import beside, cache_home, variable
from reconciler.sources.git import Repository


class Flags(Struct, frozen=True):
    """What the command line says; None: not given."""

    path: str | None = None
    git: str | None = None
    branch: str | None = None
    git_path: str | None = None
    listen: str | None = None
    interval: float | None = None


def rhythm_of(config: DaemonConfig) -> Rhythm:
    """The pace of the process, and its name among the replicas."""
    replica = config.replica or f"{platform.node() or 'reconciler'}:{os.getpid()}"
    return Rhythm(config.backoff, config.parallelism, config.lease, replica)


def follower_of(flags: Flags, config: DaemonConfig, roster: Roster, interval: float) -> Follower:
    """The source that is meant. Raises InputError when none or two are, MissingSecret."""
    git = _git(flags, config)
    path = flags.path or (None if flags.git else beside(roster.where, config.source.path))
    if path is not None and (flags.git or flags.path is None) and git is not None:
        raise InputError("a directory and a repository are both given", remedy="leave one of them out")
    if path is not None:
        return DirectoryFollower(path, roster.claims, interval)
    if git is None:
        raise InputError(
            "nobody said where the desired state is", remedy="give a directory, --git URL, or daemon.source"
        )
    return GitFollower(lambda: _repository(git, roster), min(git.interval, interval))


def _git(flags: Flags, config: DaemonConfig) -> GitConfig | None:
    """The configuration's repository, or the one that flags name, with what flags say on top."""
    if flags.path is not None and flags.git is None:
        return None
    given = {"url": flags.git, "branch": flags.branch, "path": flags.git_path}
    said = {name: value for name, value in given.items() if value is not None}
    base = config.source.git
    if base is None:
        return GitConfig(**said) if flags.git else None  # type: ignore[arg-type]
    return base.model_copy(update=said)


def _repository(git: GitConfig, roster: Roster) -> Repository:
    where, environ = roster.where, os.environ
    return Repository(
        url=git.url,
        branch=git.branch,
        path=git.path,
        mirror=Path(beside(where, git.mirror) or _mirror(environ, git.url)),
        user=git.user or variable(environ, "GIT_USER"),
        token=_credential(git.token, "GIT_TOKEN", git.url, roster),
        ssh_key=_credential(git.ssh_key, "GIT_SSH_KEY", git.url, roster),
        known_hosts=beside(where, git.known_hosts) or variable(environ, "GIT_KNOWN_HOSTS"),
        ca=beside(where, git.ca) or variable(environ, "GIT_CA"),
        allowed_signers=beside(where, git.verify_signatures) or variable(environ, "GIT_VERIFY_SIGNATURES"),
        allow_rewrites=git.allow_rewrites,
        timeout=git.timeout,
    )


def _credential(name: str | None, setting: str, url: str, roster: Roster) -> Secret | None:
    """One that a variable of its own holds is bound by the variable's name. Raises InputError, MissingSecret."""
    found = roster.secrets().configured(name) if name is not None else read_setting(os.environ, setting)
    if found is not None and roster.config is not None:
        roster.config.secrets.require(name or setting.lower().replace("_", "-"), url)
    return found


def _mirror(environ: Mapping[str, str], url: str) -> str:
    safe = "".join(c if c.isalnum() or c in ".-" else "_" for c in url.rpartition("@")[2])
    return os.path.join(os.path.abspath(cache_home(environ)), "git", safe[-120:])


def seconds_of(text: str) -> float:
    """``60s``, ``5m`` or a number of seconds. Raises InputError."""
    try:
        return TypeAdapter[float](Seconds).validate_python(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValidationError:
        raise InputError(f"{text!r} is no time", remedy="write it as in 90s, 15m or 2h") from None
