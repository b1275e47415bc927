"""SessionCookie: the SameSite attribute of the console's cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reconciler.systems.base import Collection, Result, Spec, Work
from reconciler.systems.metadefender.settings import SettingKind, fetch_setting
from reconciler.systems.replies import accepted
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, json_body

PATH = "/admin/config/sessioncookie"
NUMBERS = {0: "None", 1: "Lax", 2: "Strict"}
"""The reference calls the attribute a number and lists words; these are the numbers of the usual enumeration."""


class SessionCookieSpec(Spec):
    """``samesite`` in the words of RFC 6265bis."""

    samesite: Literal["Strict", "Lax", "None"] | None = None


PUBLIC = frozenset({"samesite"})
COOKIE = Collection("sessioncookie", lambda seal: fetch_setting("getSessionCookie", PATH, PUBLIC), PUBLIC)


class SessionCookieKind(SettingKind):
    name = "SessionCookie"
    spec = SessionCookieSpec
    summary = "The SameSite attribute of the console's session cookie."
    reads = ("sessioncookie",)
    identity = ("sessioncookie",)
    updatable = frozenset({"samesite"})
    sends_unknown = True

    def shown(self, view: View) -> Mapping[str, Any]:
        word = samesite((view.collection("sessioncookie") or {}).get("samesite"))
        return {"samesite": word} if word else {}

    def update(self, work: Work, view: View) -> Flow[Result]:
        """``putSessionCookie``: PUT /admin/config/sessioncookie, with the word."""
        request = Request("putSessionCookie", "PUT", PATH, body=json_body(dict(work.wanted)), write=True)
        accepted(request, (yield request))
        return Result.done()


def samesite(value: Any) -> str | None:
    """The word for what the server shows, which may be the word in any case, or a number."""
    if isinstance(value, str):
        return {"strict": "Strict", "lax": "Lax", "none": "None"}.get(value.lower())
    return NUMBERS.get(value) if type(value) is int else None
