"""Who asks: bearer tokens, compared in constant time over all of them."""

from __future__ import annotations

import hmac
import secrets

from msgspec import Struct
from starlette.requests import HTTPConnection

from reconciler.errors import InputError
from reconciler.web.gates import Guesses
from reconciler.web.settings import Role, WebSettings

LOCAL = "localhost"
"""What history calls those who need no token."""


class Caller(Struct, frozen=True):
    """Who asks, as history calls them, and what they may do."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the caller may do what takes ``role``."""
        return self.role.covers(role)


class Guard:
    """Knows callers by their tokens. It keeps keyed digests only, made with a key that no one else has.

    Raises InputError when two tokens have the same value: nobody could tell who of the two asks.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._key = secrets.token_bytes(32)
        self._known = [
            (self._digest(token.secret.reveal()), Caller(token.name, token.role)) for token in settings.tokens
        ]
        self._guesses = Guesses()
        self._refuse_doubles()
        self._open = settings.loopback and not settings.tokens

    @property
    def open(self) -> bool:
        """Whether anybody who can connect may read: no token is configured, and the address is a loopback one."""
        return self._open

    def who(self, request: HTTPConnection) -> Caller | None:
        """The caller by the ``Authorization`` header; None: nobody we know. A wrong token is never taken for none."""
        given = request.headers.getlist("authorization")
        if not given:
            return Caller(LOCAL, Role.READ) if self._open else None
        scheme, _, token = given[0].partition(" ")
        return self.bearer(token.strip(" ")) if scheme.lower() == "bearer" and len(given) == 1 else None

    def unknown(self, request: HTTPConnection) -> None:
        """Somebody has come with a token that nobody has. Raises a 429 where that happens too often."""
        self._guesses.wrong(request.client.host if request.client else "")

    def bearer(self, token: str) -> Caller | None:
        """The caller by a token itself, as a sign-in form has it."""
        digest, found = self._digest(token), None
        for known, caller in self._known:
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def _refuse_doubles(self) -> None:
        names: dict[bytes, str] = {}
        for digest, caller in self._known:
            if (other := names.setdefault(digest, caller.name)) != caller.name:
                message = f"the tokens {other} and {caller.name} have the same value"
                raise InputError(message, remedy="give each its own")

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode("utf-8", "surrogateescape"), "sha256")
