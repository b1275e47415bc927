"""Whatever else a server puts into its replies, nothing of it goes further than the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.errors import BadReply
from reconciler.forms import Finder
from reconciler.systems.replies import error_text
from reconciler.wire import DEEPEST, MOST_READ, NEVER_READ, Response
from tests.e2e.kit import Desk
from tests.emulator.center import Switch
from tests.secrecy.canaries import FORMS, canaries, scan

ALL = canaries(3)
SECRET, SURPRISE = ALL["user-api-key"], ALL["with-quotes"]


def response(data: Any) -> Response:
    return Response(200, {"content-type": "application/json"}, orjson.dumps(data))


def test_keys_are_dropped_however_deep_they_lie():
    inner = {"id": 1, **dict.fromkeys(NEVER_READ, SECRET)}
    for data, kept in (
        (inner, {"id": 1}),
        ([inner, {"a": [inner]}], [{"id": 1}, {"a": [{"id": 1}]}]),
        ({"config": {"x": [[inner]], "password": {"x": 1}}}, {"config": {"x": [[{"id": 1}]]}}),
        ("text", "text"),
        (None, None),
    ):
        assert response(data).json() == kept


def test_a_very_deep_reply_is_no_trouble():
    for depth in (DEEPEST - 1, 900, 100_000):
        body = b'{"a":' * depth + b"1" + b"}" * depth
        try:
            Response(200, {}, body).json()
        except BadReply:
            assert depth > DEEPEST


@pytest.mark.parametrize("form", FORMS)
def test_words_that_are_shown_as_json_give_nothing_away_in_any_form(form: str):
    """To write a text as JSON again disguises what is encoded in it already."""
    finder = Finder(ALL.values())
    for name, value in ALL.items():
        words = f"no {FORMS[form](value)} here"
        for data in ({"reason": words}, {"more": [words, {words: 1}]}, [words], words):
            told = error_text(Response(400, {}, orjson.dumps(data), hide=lambda text: finder.covered(text, "(secret)")))
            assert list(map(str, scan([], {name: told}, ALL, partial=True))) == []
            assert "(secret)" in told


def test_of_what_is_shown_as_json_no_more_is_looked_at_than_there_is_room_for():
    looked = 0

    def hide(text: str) -> str:
        nonlocal looked
        looked += len(text)
        return text

    data = {"reason": [{"a": "x" * 1000, "b": {"c": ["y" * 500]}}] * 2000}
    told = error_text(Response(400, {}, orjson.dumps(data), hide=hide))
    assert told.startswith('{"reason": [{"a": "xxx')
    assert len(told) == 300
    assert looked <= 2.1 * MOST_READ


class Stuffed:
    """The real server, with more in each object of its JSON than it ought to have."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plain = scope["type"] == "http" and not scope["path"].startswith("/_emulator/")
        await self.inner(scope, receive, self._stuffing(send) if plain else send)

    def _stuffing(self, send: Send) -> Send:
        started: list[Message] = []

        async def stuffing(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            body = self._stuffed(message["body"])
            headers = [one for one in started[0]["headers"] if one[0] != b"content-length"]
            await send({**started[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({**message, "body": body})

        return stuffing

    def _stuffed(self, body: bytes) -> bytes:
        try:
            return json.dumps(self._more(json.loads(body))).encode()
        except ValueError:
            return body

    def _more(self, data: Any) -> Any:
        if isinstance(data, list):
            return [self._more(one) for one in data]
        if not isinstance(data, dict):
            return data
        inner = {name: self._more(one) for name, one in data.items()}
        if all(isinstance(one, dict | list) for one in data.values()):
            return inner  # a map of ids to objects, or of areas to rights
        self.count += 1
        more = {"api_token_v2": SURPRISE, "note": {"api_token_v2": [SURPRISE]}}
        return {**more, **dict.fromkeys(sorted(NEVER_READ), SECRET), **inner}


@pytest.fixture
def stuffed(converged: Desk, served: tuple[Switch, str]) -> Iterator[Stuffed]:
    switch, _ = served
    switch.app = found = Stuffed(switch.app)
    yield found
    switch.app = found.inner


@pytest.mark.ci
def test_fields_that_nobody_knows_go_nowhere(converged: Desk, stuffed: Stuffed):
    converged.edit("settings.yaml", "samesite: Strict", "samesite: Lax")
    converged.edit("users.yaml", "soc-analyst]", "soc-analyst, cluster-operator]")
    for command in (
        ("plan", "desired-state", "-o", "json", "--out", "plan.json"),
        ("plan", "desired-state", "-o", "html"),
        ("apply", "desired-state", "--yes", "-o", "json", "--debug"),
        ("observe", "--out", "live.json"),
        ("export", "--out", "exported"),
        ("doctor",),
        ("state", "list", "-o", "json"),
        ("history", "-o", "json"),
    ):
        converged.run(*command)
    assert stuffed.count > 50
    assert [one.code for one in converged.said[-8:]] == [3, 3, 3, 0, 0, 0, 0, 0]
    steps = converged.said[-6].json()["steps"]
    assert [step["id"] for step in steps if step["status"] == "done"] == ["update/SessionCookie/console"]
    said = {" ".join(one.args): one.out + one.err for one in converged.said}
    found = scan(converged.kept_files(), said, {"a key": SECRET, "a surprise": SURPRISE}, partial=True)
    assert list(map(str, found)) == []
