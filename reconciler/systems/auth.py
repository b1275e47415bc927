"""How a system knows us: the contract between a system's login and the client that drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reconciler.secret import Secret
from reconciler.wire import Flow, Request, Response


class Auth(Protocol):
    """Credentials for one target and the protocol around them.

    ``operations`` names the requests that even a read-only client may send although they aren't GETs.
    ``own_user`` is the name that we log in as, None when only a key is known.
    """

    operations: frozenset[str]
    own_user: str | None

    def static_headers(self) -> Mapping[str, Secret] | None:
        """The headers of a key that needs no login, or None when :meth:`login` is needed."""

    def login(self) -> Flow[Mapping[str, Secret]]:
        """Open a session; returns the headers that go with each request. Raises LoginRefused, BadReply."""

    def logout(self) -> Flow[None]:
        """Close the session that the client's current headers belong to."""

    def probe(self) -> Request:
        """A cheap GET that tells whether the session is still good."""

    def suspects(self, response: Response) -> bool:
        """Whether this answer may mean that the session has expired."""

    def proves_expired(self, response: Response) -> bool:
        """Whether this answer to :meth:`probe` says so."""

    def error_text(self, response: Response) -> str:
        """The server's own words about a failure, as one bounded line."""
