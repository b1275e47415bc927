"""The channels of a configuration, checked before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from reconciler.notify.chat import Apprise
from reconciler.notify.commit_status import CommitStatus
from reconciler.notify.notifier import Channel
from reconciler.notify.post import Way
from reconciler.notify.webhook import Webhook
from reconciler.secret import Secret


class WebhookTo(Struct, frozen=True):
    """Messages as signed JSON. ``name`` is how logs call it: the secret's name; ``targets`` empty: all."""

    name: str
    url: Secret
    signing: Secret | None = None
    targets: frozenset[str] = frozenset()


class AppriseTo(Struct, frozen=True):
    """Messages to an address that apprise understands, or to several."""

    name: str
    url: Secret
    targets: frozenset[str] = frozenset()


class StatusTo(Struct, frozen=True):
    """The status of commits. ``api`` is the git server's, where it isn't the public one; ``page`` is linked to."""

    provider: Literal["github", "gitlab"]
    repository: str
    token: Secret
    api: str | None = None
    context: str = "reconciler"
    page: str | None = None


def make_channels(config: Sequence[WebhookTo | AppriseTo], way: Way | None = None) -> list[Channel]:
    """A channel for each. Raises InputError for an address that can't be used, and where apprise isn't installed."""
    return [_channel(one, way) for one in config]


def make_status(config: StatusTo, way: Way | None = None) -> CommitStatus:
    """Raises InputError for a token or an address that can't be used."""
    return CommitStatus(
        config.provider,
        config.repository,
        config.token,
        api=config.api,
        context=config.context,
        page=config.page,
        way=way,
    )


def _channel(one: WebhookTo | AppriseTo, way: Way | None) -> Channel:
    if isinstance(one, AppriseTo):
        return Apprise(one.name, one.url, one.targets)
    return Webhook(one.name, one.url, one.signing, one.targets, way)
