"""Events as they happen: replayed, live, kept alive, and ended when the server stops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from reconciler.daemon.events import KEPT
from tests.web.serving import Served, eventually, serving

JSON = {"Accept": "application/json"}


class Stream:
    """What a server sends, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def block(self) -> list[str]:
        """The lines up to the next empty one."""
        found: list[str] = []
        for line in self._lines:
            if not line:
                return found
            found.append(line)
        return found

    def event(self) -> dict[str, Any]:
        """The next event, comments left out."""
        while True:
            lines = self.block()
            assert lines, "the stream has ended"
            fields = dict(line.split(": ", 1) for line in lines)
            if "data" in fields:
                data: dict[str, Any] = json.loads(fields["data"])
                assert (fields["id"], fields["event"]) == (str(data["id"]), data["type"])
                return data


@contextmanager
def streaming(server: Served, query: str = "", **headers: str) -> Iterator[Stream]:
    with server.client("read") as client, client.stream("GET", f"/api/v1/events{query}", headers=headers) as response:
        assert response.status_code == 200
        stream = Stream(response)
        assert stream.block() == ["retry: 2000", ": connected"]
        yield stream


def test_live(server: Served):
    server.tell("earlier")
    with streaming(server) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        server.tell("pass-ended", "prod", verdict="converged", note="two\nlines")
        found = stream.event()
        assert (found["id"], found["type"], found["target"]) == (2, "pass-ended", "prod")
        assert found["data"] == {"verdict": "converged", "note": "two\nlines"}
        assert found["at"].endswith("Z")
        server.tell("source-changed")
        assert stream.event()["target"] is None


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [
        ("?since=0", {}, 1),
        ("?since=2", {}, 3),
        ("", {"Last-Event-ID": "1"}, 2),
        ("?since=0", {"Last-Event-ID": "2"}, 3),
        ("?since=1", {"Last-Event-ID": "what?"}, 2),
        ("", {"Last-Event-ID": "900"}, 1),
    ],
)
def test_replay(server: Served, query: str, headers: dict[str, str], first: int):
    """The last one comes back to a process that has begun to count anew."""
    for number in range(1, 4):
        server.tell(f"type-{number}")
    with streaming(server, query, **headers) as stream:
        for number in range(first, 4):
            assert stream.event()["id"] == number
        server.tell("live")
        assert stream.event()["id"] == 4


def test_ping():
    with serving(ping=0.05) as server, streaming(server) as stream:
        assert [stream.block() for _ in range(3)] == [[": ping"]] * 3
        server.tell("live")
        assert stream.event()["type"] == "live"


def test_the_end_of_the_server_ends_streams():
    with serving() as server, streaming(server) as stream:
        assert server.end() < 2
        assert stream.block() == []


def test_whoever_leaves_is_forgotten(server: Served):
    feed = server.control.feed
    with streaming(server), streaming(server):
        assert feed.listeners == 2
    eventually(lambda: feed.listeners == 0)
    eventually(lambda: server.app.state.services.streams.taken == 0)


def test_listeners_are_bounded():
    with serving(streams=1) as server:
        with streaming(server):
            refused = server.ask("GET", "/api/v1/events", "read")
            assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
            assert refused.headers["retry-after"] == "2"
        eventually(lambda: server.app.state.services.streams.taken == 0)
        with streaming(server):
            pass


def test_recent_ones_as_json(server: Served):
    assert server.ask("GET", "/api/v1/events", headers=JSON).json() == {"items": []}
    for number in range(KEPT + 10):
        server.tell("tick", "prod", number=number)
    found = server.ask("GET", "/api/v1/events", headers=JSON).json()["items"]
    assert [one["data"]["number"] for one in found] == list(range(10, KEPT + 10))
    assert list(found[0]) == ["id", "at", "type", "target", "data"]
    newer = server.ask("GET", f"/api/v1/events?since={KEPT + 8}", headers=JSON).json()["items"]
    assert [one["id"] for one in newer] == [KEPT + 9, KEPT + 10]


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "text/event-stream, application/json", "text/html"])
def test_a_stream_unless_json_is_asked_for(server: Served, accept: str):
    with streaming(server, Accept=accept) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")


def test_what_happens_in_the_daemon_is_seen(server: Served):
    with streaming(server) as stream:
        server.ask("POST", "/api/v1/targets/lab/suspend", json={"reason": "x"})
        found = stream.event()
        assert (found["type"], found["target"]) == ("target-changed", "lab")
