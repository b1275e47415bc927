"""Logging in to a Control Center: a session from user and password, or a static API key in the same header."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import BadReply, LoginRefused
from reconciler.secret import Secret, hidden
from reconciler.systems.replies import accepted, an_object, error_text
from reconciler.wire import Flow, Request, Response, Session, json_body

EXPIRED = frozenset({400, 401, 403})


def login(user: str, password: Secret) -> Flow[Mapping[str, Secret]]:
    """``login``: POST /login → the headers of the new session. Raises LoginRefused (403, 401), BadReply."""
    body = json_body({"user": user, "password": password.reveal()})
    request = Request("login", "POST", "/login", body=body, session=Session.NONE)
    response = yield request
    if response.status in (400, 401, 403):
        text = error_text(response)
        raise LoginRefused(
            f"the Control Center refused the login ({response.status}{', ' + text if text else ''})",
            status=response.status,
            text=text,
            remedy="check user and password; it is not tried again with these, so that the account isn't locked",
        )
    data = an_object(accepted(request, response).json(), "POST /login")
    session, token = data.get("session_id"), data.get("oms-csrf-token")
    if not isinstance(session, str) or not session:
        raise BadReply("POST /login: the answer holds no session_id: is this a Control Center?")
    headers = {"apikey": Secret(session)}
    if isinstance(token, str) and token:
        headers["oms-csrf-token"] = Secret(token)
    return headers


def logout_request() -> Request:
    """``logout``: POST /logout, with the session that it ends."""
    return Request("logout", "POST", "/logout")


class ControlCenterAuth:
    """Either ``user`` and ``password``, or ``apikey``. See :class:`reconciler.systems.auth.Auth`."""

    operations = frozenset({"login", "logout"})

    def __init__(self, user: str | None, password: Secret | None, apikey: Secret | None) -> None:
        self.own_user = user if apikey is None else None
        self.own_key = apikey
        self._password = password

    def static_headers(self) -> Mapping[str, Secret] | None:
        return {"apikey": self.own_key} if self.own_key is not None else None

    def login(self) -> Flow[Mapping[str, Secret]]:
        assert self.own_user is not None
        assert self._password is not None
        return login(self.own_user, self._password)

    def logout(self) -> Flow[None]:
        yield logout_request()

    def probe(self) -> Request:
        return Request("listUserDirectories", "GET", "/admin/userdirectory")

    def suspects(self, response: Response) -> bool:
        return response.status in EXPIRED

    def proves_expired(self, response: Response) -> bool:
        return response.status in EXPIRED

    def error_text(self, response: Response) -> str:
        return hidden(error_text(response), [self._password] if self._password is not None else [])
