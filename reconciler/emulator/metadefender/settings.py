"""Retention, sessions, and the session cookie."""

from __future__ import annotations

from typing import Any

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.refusal import Refusal

SAMESITE = ("None", "Lax", "Strict")  # a number is the place in here


def put_cleanup(name: str, call: Call) -> Record:
    """PUT /admin/config/{name}/cleanup {cleanuprange in hours} → the same."""
    return _merged(call, name)


def get_cleanup(name: str, call: Call) -> Record:
    """GET /admin/config/{name}/cleanup → {cleanuprange}, where that operation exists."""
    _probe(call.options.cleanup_get)
    return call.state.settings[name]


def put_session(call: Call) -> Record:
    """PUT /admin/config/session with some of its fields → all of them. Times are milliseconds."""
    before = call.state.settings["session"]
    after = _merged(call, "session")
    if call.options.session_change_logs_out and after != before:
        call.world.sessions.close_all()
    return after


def get_session(call: Call) -> Record:
    """GET /admin/config/session → the session settings, where that operation exists."""
    _probe(call.options.session_get)
    return call.state.settings["session"]


def put_session_cookie(call: Call) -> Record:
    """PUT /admin/config/sessioncookie {samesite}, a word or its number → the same."""
    given = call.body["samesite"]
    call.state.settings["sessioncookie"] = {"samesite": given if isinstance(given, str) else SAMESITE[int(given)]}
    return get_session_cookie(call)


def get_session_cookie(call: Call) -> Record:
    """GET /admin/config/sessioncookie → {samesite}."""
    word: Any = call.state.settings["sessioncookie"]["samesite"]
    return {"samesite": word if call.options.samesite == "word" else SAMESITE.index(word)}


def readyz(call: Call) -> dict[str, Any]:
    """GET /readyz → {status}, with ?verbose=true also {checks}, where that operation exists."""
    if call.options.readyz == "absent":
        raise Refusal(404, "Not Found")
    checks = {service["type"]: service["status"] for service in call.state.services}
    return {"status": "ready", "checks": checks} if call.params.get("verbose") == "true" else {"status": "ready"}


def _merged(call: Call, name: str) -> Record:
    call.state.settings[name] = {**call.state.settings[name], **call.body}
    return call.state.settings[name]


def _probe(answer: str) -> None:
    if answer != "value":
        raise Refusal(int(answer), "GET isn't offered here")
