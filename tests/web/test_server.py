"""The server itself: where it listens, how it ends, and that nobody can hold it up."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time

import httpx
import pytest

from reconciler.errors import InputError
from reconciler.web import server as module
from reconciler.web.app import create_app
from reconciler.web.server import bind, serve, url_of
from tests.web.control import MemoryControl
from tests.web.serving import Served, eventually, serving, settings


def raw(server: Served, data: bytes, seconds: float = 5) -> bytes:
    """What comes back for these bytes, until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(data)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
        return found


def drip(connection: socket.socket, data: bytes, size: int) -> None:
    """Send little by little."""
    for start in range(0, len(data), size):
        connection.sendall(data[start : start + size])
        time.sleep(0.02)


def test_it_tells_its_real_port(server: Served):
    assert httpx.URL(server.url).port not in (None, 0)


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("nowhere.invalid:0", "can't listen on nowhere.invalid:0: "),
        ("127.0.0.1:99999", "can't listen on 127.0.0.1:99999: "),
        ("203.0.113.7:0", "can't listen on 203.0.113.7:0: cannot assign requested address"),
        ("127.0.0.1", "can't listen on 127.0.0.1: it is no address"),
        (":8080", "can't listen on :8080: it is no address"),
    ],
)
def test_an_address_that_can_not_be_had(listen: str, words: str):
    with pytest.raises(InputError) as caught:
        bind(listen)
    assert caught.value.message.startswith(words)
    assert "--listen" in (caught.value.remedy or "")


def test_a_port_that_is_taken(server: Served):
    async def again() -> None:
        app = create_app(MemoryControl(), settings())
        await serve(app, server.url.removeprefix("http://"), on_ready=lambda _: None, stop=asyncio.Event())

    with pytest.raises(InputError, match="address already in use"):
        asyncio.run(again())


def test_ipv6():
    try:
        listener = bind("[::1]:0")
    except InputError:
        pytest.skip("no IPv6 here")
    with listener:
        assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_it_ends_at_once_without_requests():
    with serving() as server, server.client("read") as client:
        assert client.get("/api/v1/targets").status_code == 200
        assert server.end() < 1.5
        with pytest.raises(httpx.ConnectError):
            server.ask("GET", "/healthz")


def test_it_ends_within_three_seconds_whatever_is_under_way():
    """Streams and plans are told to end; who sends no body, reads no answer or acts without end is cut off."""
    control = MemoryControl()
    with serving(control, ping=0.01) as server:
        control.slow, found = 60.0, list[object]()

        def ask(path: str) -> None:
            try:
                found.append(server.ask("POST", path, json={"files": []} if "plan" in path else None))
            except httpx.TransportError as error:
                found.append(error)

        threads = [threading.Thread(target=ask, args=(f"/api/v1/{path}",)) for path in ("plan", "targets/prod/resume")]
        for thread in threads:
            thread.start()
        host, port = server.url.removeprefix("http://").split(":")
        deaf = socket.create_connection((host, int(port)))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer read-token-0123456789\r\n\r\n")
        mute = socket.create_connection((host, int(port)))
        mute.sendall(b"POST /api/v1/plan HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        eventually(lambda: control.planning == 1 and len(control.asked) == 2)
        eventually(lambda: server.app.state.services.streams.taken == 1)
        assert server.end() < 3
        deaf.close()
        mute.close()
        for thread in threads:
            thread.join(5)
        statuses = [one.status_code for one in found if isinstance(one, httpx.Response)]
        assert 503 in statuses
        assert len(found) == 2


def test_what_ends_in_time_is_answered():
    control = MemoryControl()
    control.slow = 0.6
    with serving(control) as server:
        found: list[int] = []

        def ask() -> None:
            found.append(server.ask("POST", "/api/v1/targets/prod/resume").status_code)

        thread = threading.Thread(target=ask)
        thread.start()
        eventually(lambda: control.asked)
        server.end()
        thread.join()
        assert found == [200]


def test_it_says_that_it_stops(server: Served):
    with server.client("read") as client:
        server.do(server.app.state.services.stopping.set)
        assert client.get("/readyz").json() == {"status": "stopping"}
        assert client.get("/healthz").status_code == 200
        refused = client.get("/api/v1/targets")
        assert (refused.status_code, refused.json()["detail"]) == (503, "the server is shutting down")


def test_signals_are_left_alone():
    """In the main thread, as the daemon runs it."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    seen: list[object] = []

    async def main() -> None:
        stop = asyncio.Event()

        def ready(_: str) -> None:
            seen.extend(signal.getsignal(number) for number in (signal.SIGTERM,))
            stop.set()

        await serve(create_app(MemoryControl(), settings()), "127.0.0.1:0", on_ready=ready, stop=stop)

    asyncio.run(main())
    assert seen == before[:1]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_cancelling_it_closes_all():
    async def main() -> str:
        ready = asyncio.get_running_loop().create_future()
        app = create_app(MemoryControl(), settings())
        task = asyncio.create_task(serve(app, "127.0.0.1:0", on_ready=ready.set_result, stop=asyncio.Event()))
        url: str = await ready
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{url}/healthz")).status_code == 200
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return url

    url = asyncio.run(main())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz", trust_env=False)


def test_a_head_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.3)
    with serving() as server:
        for data in (b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "):
            began = time.monotonic()
            assert raw(server, data) == b""
            assert time.monotonic() - began < 3
        assert server.ask("GET", "/healthz").status_code == 200


def test_drops_do_not_keep_a_connection_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.3)
    with serving() as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            began = time.monotonic()
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                drip(connection, b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 200, 1)
            assert time.monotonic() - began < 3


def test_a_long_answer_is_no_long_head(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.2)
    control = MemoryControl()
    control.slow = 0.8
    with serving(control) as server:
        assert server.ask("POST", "/api/v1/plan", json={"files": []}).status_code == 200


def test_what_is_answered_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "REST_SECONDS", 0.3)
    with serving() as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(b"POST /api/v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 401")
            began = time.monotonic()
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                drip(connection, b"x" * 1_000_000, 1000)
            assert time.monotonic() - began < 3


def test_heads_are_bounded(shared: Served):
    found = raw(shared, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000)
    assert found.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_http(shared: Served, data: bytes):
    assert raw(shared, data, 8).startswith(b"HTTP/1.1 400 ")
