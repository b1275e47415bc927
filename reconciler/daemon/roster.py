"""The targets as they are configured, with the credentials that are in force right now: secrets may be rotated."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from msgspec import Struct

from reconciler.config import ConfigFile, TargetConfig
from reconciler.daemon.state import Mode
from reconciler.policy import Policy
from reconciler.secrets import Snapshot
from reconciler.settings import (
    Claim,
    Target,
    Where,
    chosen_of,
    claims,
    config_of,
    described,
    from_environment,
    resolved,
    secrets_of,
)
from reconciler.telemetry import Redactor
from reconciler.windows import Window

FRESH = 1.0
"""Seconds for which one look at all secrets serves every target that asks."""


class Entry(Struct, frozen=True):
    """What is fixed about one target while the daemon runs."""

    name: str
    system: str
    url: str
    mode: Mode
    interval: float
    windows: tuple[Window, ...] = ()


@dataclass
class Roster:
    """The configuration was read once, at the start; secrets are read anew for each pass (at most once a second)."""

    where: Where
    policy: Policy
    config: ConfigFile | None
    entries: dict[str, Entry]
    claims: list[Claim]
    redactor: Redactor = field(default_factory=Redactor)
    _secrets: Snapshot | None = field(default=None, repr=False)
    _read_at: float = 0.0

    @classmethod
    def of(cls, where: Where, policy: Policy, mode: Mode | None, interval: float) -> Roster:
        """Raises InputError, InvalidTree. A ``mode`` that was given goes before the configuration's."""
        config = config_of(where)
        if config is None:
            target = from_environment(where, policy)
            entry = Entry(target.name, target.system.name, target.url, mode or Mode.ENFORCE, interval)
            return cls(where, policy, None, {target.name: entry}, claims(where))
        entries = {
            one.name: Entry(
                one.name,
                one.system,
                one.url,
                mode or Mode(one.mode),
                one.interval or interval,
                tuple(Window(window.schedule, window.duration, window.timezone) for window in one.windows),
            )
            for one in chosen_of(config, where)
        }
        return cls(where, policy, config, entries, claims(where))

    def secrets(self) -> Snapshot:
        """All secrets as they are now, or were a moment ago."""
        if self._secrets is None or time.monotonic() - self._read_at > FRESH:
            self._secrets = secrets_of(self.where, self.config)
            self._read_at = time.monotonic()
            self.redactor.remember("secrets", self._secrets.everything())
        return self._secrets

    def target(self, name: str) -> Target:
        """The target with its credentials. Raises MissingSecret, InputError."""
        if self.config is None:
            target = from_environment(self.where, self.policy)
            self.redactor.remember("target", target.credentials.values())
            if target.secrets is not None:
                self.redactor.remember("secrets", target.secrets.everything())
            return target
        return resolved(self._configured(name), self.config, self.where, self.policy, self.secrets())

    def described(self) -> list[Target]:
        """Every target without credentials, for what only looks at documents. Raises InputError."""
        if self.config is None:
            return [from_environment(self.where, self.policy)]
        return [described(self._configured(name), self.config, self.where, self.policy) for name in self.entries]

    def _configured(self, name: str) -> TargetConfig:
        assert self.config is not None
        return next(one for one in self.config.targets if one.name == name)
