"""Sessions and refused logins. Both live in memory only, as a restart of the product ends every session."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from reconciler.emulator.clock import Clock
from reconciler.emulator.collection import Record


@dataclass(slots=True)
class Session:
    """What a login opened. Times are on the world's clock."""

    user_id: str
    address: str
    opened: float
    used: float
    session_id: str = field(default_factory=lambda: secrets.token_hex(18))
    csrf_token: str = field(default_factory=lambda: secrets.token_hex(18))


class Sessions:
    """The open sessions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, user_id: str, address: str) -> Session:
        """A new session of this user from this address."""
        now = self._clock.now()
        session = Session(user_id, address, now, now)
        self._sessions[session.session_id] = session
        return session

    def get(self, session_id: str) -> Session | None:
        """The session, not used, which may be over."""
        return self._sessions.get(session_id)

    def use(self, session_id: str, address: str, setting: Record) -> Session | None:
        """The session, used now; None if it isn't there, is over by the session settings, or isn't this address's."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        if self._over(session, setting):
            self.close(session_id)
            return None
        if not setting["allowCrossIpSessions"] and session.address != address:
            return None
        session.used = self._clock.now()
        return session

    def close(self, session_id: str) -> bool:
        """End a session; tells whether it was there."""
        return self._sessions.pop(session_id, None) is not None

    def close_all(self, user_id: str | None = None) -> int:
        """End every session, or every one of a user; tells how many."""
        ended = [one.session_id for one in self._sessions.values() if user_id is None or one.user_id == user_id]
        for session_id in ended:
            self.close(session_id)
        return len(ended)

    def _over(self, session: Session, setting: Record) -> bool:
        now = self._clock.now()
        absolute = setting["absoluteSessionTimeout"] / 1000
        idle = setting["sessionTimeout"] / 1000
        return bool(now - session.used >= idle or 0 < absolute <= now - session.opened)


class Lockouts:
    """Refused logins in a row, by directory and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[tuple[int, str], tuple[int, float]] = {}

    def locked(self, directory: Record, name: str) -> bool:
        """Whether this name may not even try now. 0 `lockout_attempts` never lock."""
        count, last = self._refused.get((directory["id"], name), (0, 0.0))
        if 0 < directory["lockout_attempts"] <= count:
            return bool(self._clock.now() - last < directory["lockout_timeout"])
        return False

    def refused(self, directory: Record, name: str) -> None:
        """Count a refused login."""
        count, _ = self._refused.get((directory["id"], name), (0, 0.0))
        if 0 < directory["lockout_attempts"] <= count:
            count = 0  # the lock is over, or this try would not have been made
        self._refused[directory["id"], name] = (count + 1, self._clock.now())

    def accepted(self, directory: Record, name: str) -> None:
        """Forget the refused logins of this name."""
        self._refused.pop((directory["id"], name), None)
