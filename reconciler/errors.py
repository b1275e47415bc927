"""One tree of errors, so that every failure has one name, one exit code and one answer to "does trying again help?".

::

    ReconcilerError
    ├── InputError               what the user wrote: files, flags, variables; nothing was sent
    │   ├── InvalidTree          the desired state has problems, each with its place
    │   ├── MissingSecret        a named secret has no value
    │   ├── PlanRefused          a plan that can't be applied as it is
    │   └── UnknownTarget        a target that the configuration doesn't name
    ├── ApiError                 what the managed system answered, or didn't
    │   ├── Unreachable          no connection was made; nothing was sent
    │   ├── TlsFailure           the connection was refused by us; no credential was sent
    │   ├── Unanswered           sent, and no clear answer: it may or may not have been done
    │   ├── BadReply             an answer that can't be understood
    │   ├── Redirected           an answer that points elsewhere; never followed
    │   ├── SessionRenewed       the session had expired; a new one is open, the request was not done
    │   └── Refused              an HTTP status that says no
    │       ├── LoginRefused     never tried again with the same credentials
    │       ├── NoRights         the user lacks the right
    │       ├── NotFound
    │       └── ServerFault      429 and 5xx
    ├── SourceError              the repository that the desired state comes from; the last good revision stays in force
    │   ├── SourceUnavailable    it can't be read for now
    │   └── SourceRefused        what it offers isn't followed: rewritten history, a bad signature, no such branch
    ├── StateError               what we remember
    │   ├── StateLocked          another writer holds it
    │   ├── LeaseLost            another replica has taken the target over, or may have
    │   └── StateUnusable        damaged, newer than this program, of another target, unreadable
    └── ReadOnly                 a write reached a client that was made for reading: a defect of ours
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model import Problem


class ReconcilerError(Exception):
    """A failure with one sentence for the user and, where there is one, what to do about it."""

    exit_code = 1
    retryable = False

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class InputError(ReconcilerError):
    """What the user wrote can't be used; nothing was sent."""


class InvalidTree(InputError):
    """The desired state (or another file, ``what``) has problems; ``problems`` holds all of them."""

    def __init__(self, problems: Sequence[Problem], what: str = "the desired state") -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'} in {what}")
        self.problems = tuple(problems)


class MissingSecret(InputError):
    """A secret that a step would send has no value."""


class PlanRefused(InputError):
    """A saved plan no longer describes what would be done, or was made without the state."""


class UnknownTarget(InputError):
    """A target that the configuration doesn't name."""


class ApiError(ReconcilerError):
    """The managed system, or the way to it, failed."""


class Unreachable(ApiError):
    """No connection could be made, so nothing was sent."""

    retryable = True


class TlsFailure(ApiError):
    """The server's certificate or protocol was not acceptable; no credential was sent."""


class Unanswered(ApiError):
    """The request may have been processed: read before sending it again."""

    retryable = True


class BadReply(ApiError):
    """The answer can't be understood (wrong type, truncated, too large, not JSON)."""

    retryable = True


class Redirected(ApiError):
    """The server points elsewhere; credentials are never carried along."""


class SessionRenewed(ApiError):
    """The session had expired and was opened again; the request that noticed was not carried out."""

    retryable = True


class Refused(ApiError):
    """An HTTP status that says no. ``status`` is the code, ``text`` the server's own words, bounded."""

    def __init__(self, message: str, *, status: int, text: str = "", remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.text = text


class LoginRefused(Refused):
    """The credentials were refused. Trying again could lock the account, so nobody does."""


class NoRights(Refused):
    """The user that we run as has no right for the operation."""


class NotFound(Refused):
    """The server knows no such thing."""


class ServerFault(Refused):
    """The server failed or asks for patience; ``retry_after`` is in seconds."""

    retryable = True

    def __init__(
        self, message: str, *, status: int, text: str = "", remedy: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status, text=text, remedy=remedy)
        self.retry_after = retry_after


class SourceError(ReconcilerError):
    """The repository that the desired state comes from can't be followed; the last good revision stays in force."""


class SourceUnavailable(SourceError):
    """The repository, or our copy of it, can't be read for now."""

    retryable = True


class SourceRefused(SourceError):
    """The repository was reached, and what it says or offers isn't followed until somebody changes something."""


class StateError(ReconcilerError):
    """What we remember can't be read or written."""


class StateLocked(StateError):
    """Another process is writing to the same state."""


class LeaseLost(StateError):
    """Another replica holds the target's lease, or may by now: nothing may be written any more."""


class StateUnusable(StateError):
    """Damaged, from a newer version, or made for another target."""


class ReadOnly(ReconcilerError):
    """A write reached a client that was made for reading."""
