"""The models of ``reconciler.yaml`` and its targets."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal

from pydantic import Field

from reconciler.config.bindings import SecretsConfig
from reconciler.config.daemon import DaemonConfig
from reconciler.config.words import Count, ModeName, Seconds, SecretName
from reconciler.systems.base import Spec
from reconciler.systems.fields import Name


class TlsConfig(Spec):
    """``ca``: a PEM file, relative to the configuration; ``allow_http``: plain HTTP to another machine."""

    ca: Name | None = None
    allow_http: bool = False


class BudgetConfig(Spec):
    """How many destructive steps a pass, and 24 hours, may see."""

    destructive: Count = 5
    daily: Count = 20


class PolicyConfig(Spec):
    """What is always allowed for this target, without a flag."""

    prune: bool = False
    allow: list[Literal["redeploy", "replace"]] = Field(default_factory=list)
    budget: BudgetConfig = Field(default_factory=BudgetConfig)


class WindowConfig(Spec):
    """A maintenance window: it opens as ``schedule`` (cron's five fields) says and stays open for ``duration``."""

    schedule: Name
    duration: Seconds
    timezone: Name = "UTC"


class TargetConfig(Spec):
    """One target. ``credentials`` names secrets; ``path`` is one folder under the tree's root, or several.

    ``proxy`` is an HTTP proxy's address; nothing in the environment names one. ``mode``, ``interval`` and ``windows``
    are for the daemon: without ``windows``, all steps may be done at any time;
    with some, disruptive and destructive ones wait for one to open.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    system: Name
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    path: Name | Annotated[list[Name], Field(min_length=1)] = "."
    credentials: dict[Name, SecretName] = Field(default_factory=dict)
    tls: TlsConfig = Field(default_factory=TlsConfig)
    proxy: Annotated[str, Field(pattern=r"^https?://[^/?#\s@]+/?$", max_length=2000)] | None = None
    policy: PolicyConfig = Field(default_factory=PolicyConfig)
    settings: dict[Name, Name] = Field(default_factory=dict)
    mode: ModeName = "enforce"
    interval: Seconds | None = None
    windows: list[WindowConfig] = Field(default_factory=list)

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders as a tuple, each in its shortest form: no slash at its end, no ``.`` and no ``..`` inside."""
        given = [self.path] if isinstance(self.path, str) else self.path
        return tuple(posixpath.normpath(one) for one in given)


class ConfigFile(Spec):
    """The whole file. ``secrets_dir``, ``installers`` and each ``ca`` are relative to it; ``secrets`` says where each
    secret may be sent."""

    apiVersion: Literal["reconciler/v1"]  # noqa: N815 - the name in the file
    kind: Literal["Config"]
    state: Name | None = None
    secrets_dir: Name | None = None
    secrets: SecretsConfig = Field(default_factory=SecretsConfig)
    installers: Name | None = None
    targets: Annotated[list[TargetConfig], Field(min_length=1, max_length=10_000)]
    daemon: DaemonConfig = Field(default_factory=DaemonConfig)

    @property
    def reserved(self) -> frozenset[str]:
        """The names of secrets that the configuration uses itself, which documents can't."""
        own = frozenset(name for target in self.targets for name in target.credentials.values())
        return own | self.daemon.secrets
