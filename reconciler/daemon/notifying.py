"""Whom the daemon tells, from its configuration, and what it says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

from reconciler.config import DaemonConfig, SecretsConfig
from reconciler.config.daemon import NotificationConfig
from reconciler.daemon.board import Board
from reconciler.daemon.passing import Passed
from reconciler.daemon.roster import Roster
from reconciler.daemon.state import TargetState
from reconciler.errors import InputError
from reconciler.notify import AppriseTo, Message, Notifier, StatusTo, WebhookTo, make_channels, make_status
from reconciler.secrets import Snapshot


def notifier_of(config: DaemonConfig, roster: Roster, on_lost: Callable[[str, int], None]) -> Notifier | None:
    """Raises MissingSecret, InputError; None where nobody wants to be told."""
    secrets, status = roster.secrets(), config.commit_status
    bound = roster.config.secrets if roster.config is not None else SecretsConfig()
    channels = make_channels([_channel(one, secrets, bound) for one in config.notifications])
    if not channels and status is None:
        return None
    marks = None
    if status is not None:
        token = secrets.configured(status.token)
        marks = make_status(
            StatusTo(status.provider, status.repository, token, status.api, status.context, status.page or config.url)
        )
    return Notifier(channels, marks, hide=roster.redactor.hide, on_lost=on_lost)


def _channel(one: NotificationConfig, secrets: Snapshot, bound: SecretsConfig) -> WebhookTo | AppriseTo:
    targets = frozenset(one.targets)
    if one.apprise is not None:
        return AppriseTo(one.apprise, secrets.configured(one.apprise), targets)
    assert one.url is not None
    signing = secrets.configured(one.signing) if one.signing is not None else None
    url = secrets.configured(one.url)
    if bound.objection(one.url, url.reveal()):
        # Without the host: it is a part of the secret.
        raise InputError(
            f"the secret {one.url} holds an address at a host that it isn't bound to (secret-binding)",
            remedy="correct the secret, or the configuration's secrets.bindings",
        )
    return WebhookTo(one.url, url, signing, targets)


def message_of(state: TargetState, passed: Passed, base: str | None = None) -> Message:
    """What a pass means to people; ``base`` is where they reach the page."""
    counts = Counter(one.sync.value for one in state.objects)
    blocked = tuple(sorted({one.rule for one in passed.plan.blocked})) if passed.plan is not None else ()
    error = state.error
    return Message(
        target=state.name,
        outcome=passed.verdict,
        at=time.time(),
        revision=state.revision,
        summary=_summary(counts),
        counts=dict(counts),
        error=error,
        blocked=blocked,
        page=f"{base.rstrip('/')}/targets/{quote(state.name)}" if base else None,
    )


def _summary(counts: Counter[str]) -> str:
    off = {name: count for name, count in counts.items() if name != "synced"}
    if not off:
        return f"{counts['synced']} objects are as desired"
    return ", ".join(f"{count} {name}" for name, count in sorted(off.items()))


def outcomes_of(board: Board, revision: str) -> dict[str, str | None]:
    """How each target took a revision; None: it hasn't come to it yet."""
    since = board.source.changed_at or 0.0
    return {name: _outcome(state, revision, since) for name, state in board.targets.items()}


def _outcome(state: TargetState, revision: str, since: float) -> str | None:
    if state.verdict == "error":
        # Such a pass has come to no plan, and so to no revision; what counts is whether it was made since the commit.
        return state.verdict if (state.checked_at or 0.0) >= since else None
    return state.verdict if state.revision == revision else None
