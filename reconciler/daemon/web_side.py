"""Who may ask the daemon what, from the configuration, or from variables where there is none."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from urllib.parse import urlsplit

from reconciler.config import DaemonConfig
from reconciler.daemon.roster import Roster
from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.secrets import read_setting
from reconciler.web.settings import SHORTEST_TOKEN, Role, Token, WebSettings


def web_settings(
    config: DaemonConfig, roster: Roster, listen: str, metrics: Callable[[str], tuple[bytes, str]]
) -> WebSettings:
    """Raises MissingSecret for a token that has no value, InputError for one that is too short."""
    secrets = roster.secrets()
    tokens = [
        Token(one.name, Role(one.role), _token(secrets.configured(one.secret), f"daemon.tokens: {one.name}"))
        for one in config.tokens
    ]
    for role in Role:
        setting = f"{role.name}_TOKEN"
        found = read_setting(os.environ, setting)
        if found is not None:
            tokens.append(Token(f"{role.value}-token", role, _token(found, f"RECONCILER_{setting}")))
    named = secrets.configured(config.webhook.secret) if config.webhook else None
    return WebSettings(
        metrics=metrics,
        tokens=tuple(tokens),
        loopback=is_loopback(listen),
        webhook=named or read_setting(os.environ, "WEBHOOK_SECRET"),
        plans=config.plans,
        hosts=frozenset({host} if (host := urlsplit(config.url or "").hostname) else ()),
        secure=(config.url or "").startswith("https:"),
    )


def _token(value: Secret, setting: str) -> Secret:
    """A token, if it is long enough to withstand guesses. Raises InputError, which names the setting only."""
    if len(value.reveal()) < SHORTEST_TOKEN:
        raise InputError(
            f"{setting}: the token has fewer than {SHORTEST_TOKEN} characters",
            remedy="make a random one: openssl rand -hex 32",
        )
    return value


def is_loopback(listen: str) -> bool:
    """Whether only this machine can connect to ``HOST:PORT``."""
    host = listen.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
