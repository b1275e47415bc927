"""How the daemon runs: where it looks, how often, who may ask it, and whom it tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from reconciler.config.words import Count, Seconds, SecretName
from reconciler.systems.base import Spec
from reconciler.systems.fields import Name

PUBLIC_APIS = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
Url = Annotated[str, Field(min_length=1, max_length=2000)]


class GitConfig(Spec):
    """A repository. ``token`` (with ``user``) and ``ssh_key`` are secrets' names; ``known_hosts``, ``ca`` and
    ``verify_signatures`` (git's allowed-signers file) are files beside the configuration; ``path`` lies in the tree.

    ``allow_rewrites``: follow the branch although its history was rewritten. ``mirror``: where the copy is kept.
    """

    url: Url
    branch: Name = "main"
    path: Name = "."
    user: Name | None = None
    token: SecretName | None = None
    ssh_key: SecretName | None = None
    known_hosts: Name | None = None
    ca: Name | None = None
    verify_signatures: Name | None = None
    allow_rewrites: bool = False
    interval: Seconds = 60.0
    timeout: Seconds = 120.0
    mirror: Name | None = None


class SourceConfig(Spec):
    """Where the desired state comes from: a directory beside the configuration, or a repository."""

    path: Name | None = None
    git: GitConfig | None = None


class TokenConfig(Spec):
    """Who may ask what: each role may do what the ones before it may. ``name`` is what history calls the bearer."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]
    role: Literal["read", "plan", "operate"]
    secret: SecretName


class WebhookConfig(Spec):
    """A git server's webhook; it wakes the daemon and does nothing else. ``secret`` checks who calls."""

    secret: SecretName


class NotificationConfig(Spec):
    """Who is told when a target's outcome changes: ``url`` (JSON by POST, signed with ``signing``), or ``apprise``.

    Each is a secret's name, since such addresses often hold a token.
    """

    url: SecretName | None = None
    signing: SecretName | None = None
    apprise: SecretName | None = None
    targets: list[Name] = Field(default_factory=list)


class CommitStatusConfig(Spec):
    """The reconciled revision is marked as such on the git server."""

    provider: Literal["github", "gitlab"]
    repository: Name
    token: SecretName
    api: Url | None = None
    context: Name = "reconciler"
    page: Url | None = None

    @property
    def server(self) -> str:
        """Where the API is."""
        return self.api or PUBLIC_APIS[self.provider]


class PlanLimits(Spec):
    """Bounds on the plans that others ask for: bytes a tree, seconds a plan, plans a minute and token, at once."""

    bytes: Annotated[int, Field(ge=1024, le=1024**3)] = 16 * 1024**2
    timeout: Seconds = 120.0
    per_minute: Count = 30
    at_once: Annotated[int, Field(ge=1, le=64)] = 2


class DaemonConfig(Spec):
    """The whole section. ``parallelism`` is the number of passes at once, ``backoff`` the longest wait after failures,
    ``lease`` how long a replica that is gone keeps the others waiting, ``replica`` this one's name (default: the
    host's), ``url`` where people reach the page."""

    listen: Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")] = "127.0.0.1:8080"
    interval: Seconds = 60.0
    backoff: Seconds = 900.0
    parallelism: Annotated[int, Field(ge=1, le=256)] = 16
    lease: Seconds = 15.0
    replica: Name | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$", max_length=2000)] | None = None
    source: SourceConfig = Field(default_factory=SourceConfig)
    tokens: list[TokenConfig] = Field(default_factory=list)
    webhook: WebhookConfig | None = None
    notifications: list[NotificationConfig] = Field(default_factory=list)
    commit_status: CommitStatusConfig | None = None
    plans: PlanLimits = Field(default_factory=PlanLimits)

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that the section uses."""
        return frozenset(self._secrets())

    def _secrets(self) -> Iterator[str]:
        yield from (token.secret for token in self.tokens)
        if self.webhook is not None:
            yield self.webhook.secret
        for one in self.notifications:
            yield from (name for name in (one.url, one.signing, one.apprise) if name is not None)
        if self.commit_status is not None:
            yield self.commit_status.token
        if (git := self.source.git) is not None:
            yield from (name for name in (git.token, git.ssh_key) if name is not None)
