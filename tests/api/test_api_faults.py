"""What the network and the server can do to a request, and what it may become."""

from __future__ import annotations

import asyncio
import gzip
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.api import BrokenReply, Calls, Limits, Tls, make_http
from reconciler.api.retry import pause, retry_after
from reconciler.errors import ApiError, BadReply, InputError, ReconcilerError, ServerFault, Unanswered, Unreachable
from reconciler.wire import Flow, Request, Response
from tests.api.server import (
    QUICK,
    Handler,
    Password,
    Reply,
    Seen,
    client_of,
    get,
    go,
    listening,
    one,
    put,
    script,
    serving,
)


async def hang(_: Seen) -> Reply:
    await asyncio.sleep(60)
    return Reply()


async def trickle(seen: Seen) -> Reply | None:
    """Byte after byte, each well within any timeout between two reads."""
    seen.writer.write(Reply(length=10_000, body=b"").encode())
    while True:
        seen.writer.write(b" ")
        await seen.writer.drain()
        await asyncio.sleep(0.02)


async def trickling_head(seen: Seen) -> Reply | None:
    seen.writer.write(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        seen.writer.write(b"y")
        await seen.writer.drain()
        await asyncio.sleep(0.02)


async def endless(seen: Seen) -> Reply | None:
    """A chunked body that never ends."""
    seen.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        seen.writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await seen.writer.drain()


async def reset(seen: Seen) -> Reply | None:
    seen.writer.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
    )  # fmt: skip
    seen.writer.transport.abort()
    return None


async def nonsense(seen: Seen) -> Reply | None:
    seen.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    await seen.writer.drain()
    return None


BROKEN: dict[str, Handler] = {
    "hung up": script(None),
    "reset": reset,
    "truncated": script(Reply(body=b'{"a":', length=100, hang_up=True)),
    "silent": hang,
    "trickling body": trickle,
    "trickling head": trickling_head,
    "not HTTP": nonsense,
}
UNCLEAR: dict[str, Handler] = {
    **BROKEN,
    "endless": endless,
    "declared too large": script(Reply(length=10**12)),
    "encoded": script(Reply(body=gzip.compress(b"x" * 10**6), headers={"content-encoding": "gzip"})),
    "101": script(Reply(101, b"", headers={"connection": "upgrade", "upgrade": "h2c"}, hang_up=True)),
    **{str(status): script(Reply(status, b"oops")) for status in (500, 501, 502, 503, 504, 599)},
}
SLOW = (hang, trickle, trickling_head)


def limits_for(fault: object, seconds: float = 0.3) -> Limits:
    """A short deadline only where it is what ends the request, so that a busy machine changes nothing."""
    return replace(QUICK, request=seconds if fault in SLOW else 8, body=100_000)


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_a_read_that_breaks_is_tried_three_times(fault: Handler) -> None:
    async def main() -> None:
        calls = Calls()
        async with serving(fault) as server, client_of(server.url, limits=limits_for(fault), calls=calls) as client:
            with pytest.raises(BrokenReply):
                await client.run(one(get()))
        assert (calls.first, calls.extra) == ({"GET": 1}, {"GET": 2})

    go(main())


WRITES = [
    pytest.param(fault, method, id=f"{method}-{name}")
    for name, fault in UNCLEAR.items()
    for method in (["POST"] if fault in SLOW else ["POST", "PUT", "DELETE"])
]


@pytest.mark.parametrize(("fault", "method"), WRITES)
def test_a_write_is_never_repeated(fault: Handler, method: str) -> None:
    async def main() -> None:
        async with serving(fault) as server, client_of(server.url, limits=limits_for(fault, 1)) as client:
            with pytest.raises(Unanswered, match="may or may not have been done"):
                await client.run(one(Request("change", method, "/thing", write=True)))
            assert len(server.seen) == 1

    go(main())


@pytest.mark.parametrize("fault", [endless, UNCLEAR["declared too large"], UNCLEAR["encoded"]])
def test_an_answer_that_is_too_much_is_not_asked_for_again(fault: Handler) -> None:
    async def main() -> None:
        async with serving(fault) as server, client_of(server.url, limits=limits_for(fault)) as client:
            with pytest.raises(BadReply, match=r"larger than 100000 bytes|encoded \(gzip\)"):
                await client.run(one(get()))
            assert len(server.seen) == 1

    go(main())


def test_the_deadline_is_total() -> None:
    async def main() -> None:
        limits = replace(QUICK, request=0.3, tries=1)
        async with serving(trickle) as server, client_of(server.url, limits=limits) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(BrokenReply, match=r"no complete answer within 0\.3 s"):
                await client.run(one(get()))
            assert asyncio.get_running_loop().time() - started < 2

    go(main())


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_outlives_two_bad_answers(status: int) -> None:
    async def main() -> None:
        answers = script(Reply(status), Reply(status), Reply(body=b"fine"))
        async with serving(answers) as server, client_of(server.url) as client:
            assert (await client.run(one(get()))).text == "fine"
        async with serving(script(Reply(status, b"tired"))) as server, client_of(server.url) as client:
            with pytest.raises(ServerFault, match="tired") as caught:
                await client.run(one(get()))
            assert (caught.value.status, caught.value.text, len(server.seen)) == (status, "tired", 3)

    go(main())


def test_too_many_requests_means_that_a_write_was_not_done() -> None:
    async def main() -> None:
        answers = script(Reply(429, headers={"Retry-After": "120"}))
        async with serving(answers) as server, client_of(server.url) as client:
            with pytest.raises(ServerFault, match="it was not done") as caught:
                await client.run(one(put()))
            assert (caught.value.retry_after, len(server.seen)) == (120, 1)

    go(main())


def test_pauses_obey_the_server_and_have_a_cap() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> None:
        answers = script(Reply(503, headers={"Retry-After": "2"}), Reply(503, headers={"Retry-After": "999"}), Reply())
        limits = Limits(patience=5)
        async with serving(answers) as server, client_of(server.url, limits=limits, sleep=sleep) as client:
            await client.run(one(get()))
        assert slept == [2, 5]

    go(main())


def test_retry_after_in_all_its_forms() -> None:
    now = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    date = {"date": format_datetime(now, usegmt=True)}
    cases: list[tuple[str, float | None]] = [
        ("0", 0), ("120", 120), (format_datetime(now + timedelta(seconds=30), usegmt=True), 30),
        (format_datetime(now - timedelta(days=400), usegmt=True), 0),
        ("", None), ("-1", None), ("1e9", None), ("9" * 40, None), ("soon", None), ("٣", None),
        ("Tue, 99 May 2031 07:08:09 GMT", None),
    ]  # fmt: skip
    for value, seconds in cases:
        assert retry_after(date | {"retry-after": value}) == seconds, value
    assert retry_after({}) is None
    ahead = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=60))})
    assert ahead is not None
    assert 50 < ahead <= 60


def test_jitter_is_full_and_doubles() -> None:
    limits = Limits(backoff=1, patience=3)
    for tried, most in ((1, 1), (2, 2), (3, 3), (9, 3)):
        pauses = [pause(tried, Unreachable(""), limits) for _ in range(300)]
        assert min(pauses) < most * 0.2
        assert most * 0.8 < max(pauses) <= most


def test_nothing_is_sent_where_no_connection_can_be_made() -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server:
            port = server.port
        calls = Calls()
        async with client_of(f"http://127.0.0.1:{port}", calls=calls) as client:
            with pytest.raises(Unreachable, match="the connection was refused; nothing was sent"):
                await client.run(one(put()))
            assert calls.extra == {}
            with pytest.raises(Unreachable):
                await client.run(one(get()))
            assert calls.extra == {"GET": 2}
        async with client_of("https://no-such-host.invalid") as client:
            with pytest.raises(Unreachable, match="name can't be resolved"):
                await client.run(one(put()))
        calls = Calls()
        async with client_of(f"http://127.0.0.1:{port}", Password(), calls=calls) as client:
            with pytest.raises(Unreachable):
                await client.run(one(put()))
            assert calls.first == {"POST": 1}, "a login may be tried again while nothing was sent"
            assert calls.extra == {"POST": 2}

    go(main())


def test_a_server_that_takes_no_connection_in_time() -> None:
    async def main() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            address = deaf.getsockname()
            with socket.socket() as first, socket.socket() as second:
                for filler in (first, second):
                    filler.setblocking(False)
                    filler.connect_ex(address)
                for limits in (replace(QUICK, connect=0.1), replace(QUICK, connect=9, request=0.1)):
                    async with client_of(f"http://127.0.0.1:{address[1]}", limits=limits) as client:
                        with pytest.raises(Unreachable, match="nothing was sent"):
                            await client.run(one(put()))

    go(main())


def test_the_breaker_spares_a_dead_server_and_lets_it_come_back() -> None:
    async def main() -> None:
        now = 1000.0
        async with serving(script(Reply())) as server:
            port = server.port
        limits = replace(QUICK, tries=1, failures=2, cooldown=10)
        calls = Calls()
        async with client_of(f"http://127.0.0.1:{port}", limits=limits, calls=calls, clock=lambda: now) as client:
            for _ in range(4):
                with pytest.raises(Unreachable):
                    await client.run(one(put()))
            assert calls.first == {"PUT": 2}
            now += 10.5
            for _ in range(2):
                with pytest.raises(Unreachable):
                    await client.run(one(put()))
            assert calls.first == {"PUT": 3}, "one failure is enough after the pause"
            now += 10.5
            async with listening(server.connected, port):
                for _ in range(3):
                    await client.run(one(put()))
            assert calls.first == {"PUT": 6}

    go(main())


class Notes:
    """A journal in memory."""

    def __init__(self, server: Any = None, fail: Exception | None = None) -> None:
        self.events: list[Any] = []
        self.server = server
        self.fail = fail

    async def before(self, request: Request) -> int:
        await asyncio.sleep(0.01)
        self.events.append(("before", request.operation, len(self.server.seen)))
        if self.fail:
            raise self.fail
        return 7

    def departs(self, token: int) -> None:
        assert token == 7

    async def after(self, token: int, response: Response | None, error: ReconcilerError | None) -> None:
        self.events.append(("after", token, response.status if response else type(error).__name__))


def test_a_write_is_journalled_before_it_is_sent_and_closed_after() -> None:
    def flow() -> Flow[None]:
        yield get()
        yield put()
        yield put()
        yield Request("query", "POST", "/search")

    async def main() -> None:
        answers = script(Reply(), Reply(200), Reply(409), Reply(), Reply(500))
        async with serving(answers) as server, client_of(server.url) as client:
            journal = Notes(server)
            await client.run(flow(), journal)
            with pytest.raises(Unanswered):
                await client.run(one(put()), journal)
            assert journal.events == [
                ("before", "change", 1), ("after", 7, 200), ("before", "change", 2), ("after", 7, 409),
                ("before", "change", 4), ("after", 7, "Unanswered"),
            ]  # fmt: skip

    go(main())


@pytest.mark.parametrize("failure", [InputError("disk full"), OSError("disk full")])
def test_nothing_is_sent_without_a_journal_entry(failure: Exception) -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            with pytest.raises(type(failure), match="disk full"):
                await client.run(one(put()), Notes(server, failure))
            assert server.connections == 0

    go(main())


def test_an_interrupted_write_leaves_its_entry_open() -> None:
    async def main() -> None:
        async with serving(hang) as server, client_of(server.url) as client:
            journal = Notes(server)
            task = asyncio.create_task(client.run(one(put()), journal))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert journal.events == [("before", "change", 0)]

    go(main())


def test_closing_never_raises() -> None:
    async def main() -> None:
        async def dies(seen: Seen) -> Reply | None:
            if seen.target == "/logout":
                return await hang(seen)
            return Reply(body=b'{"session_id": "s"}')

        async with serving(dies) as server, client_of(server.url, Password()) as client:
            await client.run(one(get()))
            started = asyncio.get_running_loop().time()
            await client.close()
            assert asyncio.get_running_loop().time() - started < 1
            await client.close()
            with pytest.raises((ApiError, RuntimeError)):
                await client.run(one(get()))

    go(main())


def test_which_addresses_are_taken() -> None:
    for url in ("http://127.0.0.1:1", "http://[::1]", "http://localhost/x", "https://a.example/p"):
        go(make_http(url, tls=Tls()).aclose())
    go(make_http("http://cc.example", tls=Tls(allow_http=True)).aclose())
    go(make_http("http://localhost", tls=Tls(), proxy="http://u:p@proxy.example:3128").aclose())
    go(make_http("http://localhost", tls=Tls(), proxy="https://proxy.example").aclose())
    bad = [
        "http://cc.example",
        "ftp://a",
        "a.example",
        "",
        "https://",
        "https://a b",
        "https://u:p4ss@a",
        "https://a?q",
    ]
    for url in [
        *bad,
        "https://a#f",
        "https://a:99999",
        "https://[::1",
        "https://a/\0",
        "http://localhost.evil.example",
        "http://10.0.0.1",
    ]:
        with pytest.raises(InputError) as caught:
            make_http(url, tls=Tls())
        assert caught.value.remedy
        assert "p4ss" not in str(caught.value)
    for proxy in ("socks5://u:p4ss@h", "u:p4ss@h", "http://", "http://u:p4ss@[", "http://u:p4ss@h:x"):
        with pytest.raises(InputError) as caught:
            make_http("https://a", tls=Tls(), proxy=proxy)
        assert "p4ss" not in str(caught.value)


def test_a_proxy_is_used_and_the_environment_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def main() -> None:
        async with serving(script(Reply(407, b""))) as proxy, serving(script(Reply())) as server:
            async with client_of(server.url) as client:
                await client.run(one(get()))
            proxied = f"http://user:pr0xy@127.0.0.1:{proxy.port}"
            async with client_of(server.url, proxy=proxied) as client:
                assert (await client.run(one(get("/via")))).status == 407
            assert proxy.calls == [f"GET {server.url}/via"]
            async with client_of("https://cc.example", proxy=proxied) as client:
                with pytest.raises(Unreachable, match="the proxy refused; nothing was sent") as caught:
                    await client.run(one(put()))
            assert "apikey" not in proxy.seen[-1].headers
            assert "pr0xy" not in repr(caught.value) + str(caught.value)

    go(main())
