"""Logging in with fixed keys in headers: no session, nothing to renew, nothing to log out of."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.systems.replies import error_text
from reconciler.wire import Flow, Request, Response


class KeyAuth:
    """Keys by header name. See :class:`reconciler.systems.auth.Auth`; what is about sessions is never asked."""

    operations: frozenset[str] = frozenset()
    own_user: str | None = None

    def __init__(self, headers: Mapping[str, Secret]) -> None:
        self._headers = headers

    def static_headers(self) -> Mapping[str, Secret]:
        return self._headers

    def login(self) -> Flow[Mapping[str, Secret]]:
        raise NotImplementedError("a key needs no login")

    def logout(self) -> Flow[None]:
        raise NotImplementedError("a key has no session")

    def probe(self) -> Request:
        raise NotImplementedError("a key has no session")

    def suspects(self, response: Response) -> bool:
        return False

    def proves_expired(self, response: Response) -> bool:
        return False

    def error_text(self, response: Response) -> str:
        return error_text(response)


def keys(credentials: Mapping[str, Secret], headers: Mapping[str, str]) -> KeyAuth:
    """A login from credentials, each in its header: ``headers`` maps a credential's name to that. Raises InputError."""
    missing = [name for name in headers if name not in credentials]
    if missing:
        raise InputError(
            f"no credentials: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            remedy=f"name secrets for {', '.join(headers)} in the target's credentials, "
            f"or set {', '.join(f'RECONCILER_{name.upper()}' for name in headers)}",
        )
    return KeyAuth({header: credentials[name] for name, header in headers.items()})
