"""What goes out, what comes back, and what is refused before it goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reconciler.api import Calls, Hooks, Limits
from reconciler.errors import ApiError, InputError, NotFound, ReadOnly, ReconcilerError, Redirected, ServerFault
from reconciler.secret import Secret
from reconciler.wire import AsUser, Flow, Request, Response, Session
from tests.api.server import (
    QUICK,
    Key,
    Password,
    Reply,
    Seen,
    SessionServer,
    client_of,
    get,
    go,
    one,
    put,
    script,
    serving,
)


def test_an_answer_reaches_the_flow_and_its_result_the_caller() -> None:
    def flow() -> Flow[list[Any]]:
        first = yield get("/a?x=%2F1", border=lambda data: {**data, "sealed": True})
        second = yield put("/b")
        return [first.status, first.json(), first.headers["x-one"], second.status, second.text]

    async def main() -> None:
        answers = script(Reply(body=b'{"n": 1}', headers={"X-One": "1", "Set-Cookie": "id=c00kie"}), Reply(409, b"no"))
        async with serving(answers) as server, client_of(server.url) as client:
            assert await client.run(flow()) == [200, {"n": 1, "sealed": True}, "1", 409, "no"]
            assert server.calls == ["GET /a?x=%2F1", "PUT /b"]
            read, write = server.seen
            assert read.headers["apikey"] == "key-1"
            assert read.headers["accept-encoding"] == "identity"
            assert (write.headers["content-type"], write.body) == ("application/json", b'{"a": 1}')
            assert "cookie" not in write.headers
            assert server.connections == 1

    go(main())


def test_a_flow_can_handle_what_went_wrong() -> None:
    def flow() -> Flow[str]:
        with pytest.raises(ServerFault) as caught:
            yield put("/a")
        assert caught.value.retry_after == 7
        response = yield get("/b")
        return response.text

    async def main() -> None:
        answers = script(Reply(429, headers={"Retry-After": "7"}), Reply(body=b"fine"))
        async with serving(answers) as server, client_of(server.url) as client:
            assert await client.run(flow()) == "fine"
            assert server.calls == ["PUT /a", "GET /b"]

    go(main())


def test_the_flow_is_closed_however_it_ends() -> None:
    closed: list[str] = []

    def flow(name: str, *, greedy: bool = False) -> Flow[Response]:
        try:
            return (yield put())
        finally:
            closed.append(name)
            if greedy:
                yield put("/cleanup")

    async def main() -> None:
        async def hang(_: Seen) -> Reply:
            await asyncio.sleep(60)
            return Reply()

        async with serving(script(Reply(503))) as server, client_of(server.url) as client:
            with pytest.raises(ApiError):
                await client.run(flow("error"))
        async with serving(hang) as server, client_of(server.url) as client:
            task = asyncio.create_task(client.run(flow("cancelled", greedy=True)))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert closed == ["error", "cancelled"]

    go(main())


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 405, 408, 409, 413, 418])
def test_flows_judge_these_themselves(status: int) -> None:
    async def main() -> None:
        body = b"" if status == 204 else b"{}"
        async with serving(script(Reply(status, body))) as server, client_of(server.url) as client:
            assert (await client.run(one(put()))).status == status
            assert len(server.seen) == 1

    go(main())


@pytest.mark.parametrize("request_", [get(), put()], ids=["read", "write"])
@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_is_never_followed(status: int, request_: Request) -> None:
    async def main() -> None:
        async with serving(script(Reply())) as other:
            location = f"http://user:s3cret@127.0.0.1:{other.port}/thing?apikey=s3cret"
            answers = script(Reply(status, headers={"Location": location}))
            async with serving(answers) as server, client_of(server.url) as client:
                with pytest.raises(Redirected, match=r"points to 127\.0\.0\.1;") as caught:
                    await client.run(one(request_))
                assert "s3cret" not in str(caught.value)
                assert len(server.seen) == 1
            assert other.connections == 0

    go(main())


def test_a_redirect_without_a_readable_target() -> None:
    async def main() -> None:
        for location in ({}, {"Location": "/login"}, {"Location": "//[bad"}, {"Location": "http://a b/"}):
            async with serving(script(Reply(302, headers=location))) as server, client_of(server.url) as client:
                with pytest.raises(ApiError):
                    await client.run(one(put()))
                assert len(server.seen) == 1

    go(main())


@pytest.mark.parametrize(
    "path",
    [
        "thing",
        "",
        "//x",
        "/a//b",
        "/a/",
        "/a/../b",
        "/a/%2e%2E",
        "/a/.",
        "/a b",
        "/a\\b",
        "/a#b",
        "/a\r\nb",
        "/ä",
        "/%zz",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            with pytest.raises(InputError, match="nothing was sent"):
                await client.run(one(put(path)))
            assert server.connections == 0

    go(main())


@pytest.mark.parametrize("prefix", ["", "/", "/some/prefix", "/some/prefix/", "/p%2Fq"])
def test_a_path_joins_the_prefix_unchanged(prefix: str) -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url + prefix) as client:
            for path in ("/", "/a/b%2Fc%20d?x=1&y=%26", "/a@b:c;d=e/..f"):
                await client.run(one(get(path)))
                assert server.seen[-1].target == prefix.rstrip("/") + path

    go(main())


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0", " a", "a ", "ä"])
def test_a_header_that_could_become_two_is_refused(value: str) -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server:
            requests = [get(headers={"x": value}), get(session=AsUser({"x": Secret(value)}))]
            async with client_of(server.url) as client:
                for request in requests:
                    with pytest.raises(InputError) as caught:
                        await client.run(one(request))
                    assert value not in str(caught.value)
            assert server.connections == 0

    go(main())


def test_which_credentials_go_along() -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            await client.run(one(get()))
            await client.run(one(get(session=Session.NONE)))
            await client.run(one(get(session=AsUser({"apikey": Secret("other")}))))
            assert [seen.headers.get("apikey") for seen in server.seen] == ["key-1", None, "other"]

    go(main())


def test_a_body_of_no_length_still_says_so() -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            await client.run(one(Request("make", "POST", "/a", write=True)))
            assert server.seen[0].headers["content-length"] == "0"

    go(main())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize("write", [True, False])
def test_a_client_for_reading_sends_nothing_else(method: str, write: bool) -> None:
    async def main() -> None:
        request = Request("innocent", method, "/thing", write=write)
        backend = SessionServer()
        async with serving(backend) as server:
            async with client_of(server.url, Password(), read_only=True) as client:
                with pytest.raises(ReadOnly):
                    await client.run(one(request))
                assert server.connections == 0
                await client.run(one(get()))
            assert server.calls == ["POST /login", "GET /thing", "POST /logout"]
            async with client_of(server.url, Password()) as client:
                await client.run(one(put()))
                with pytest.raises(ReadOnly):
                    await client.reader().run(one(request))
                await client.reader().run(one(get()))
            assert backend.logins == 2

    go(main())


def test_calls_are_counted_apart() -> None:
    async def main() -> None:
        calls = Calls()
        answers = script(Reply(503), Reply(), Reply())
        async with serving(answers) as server, client_of(server.url, calls=calls) as client:
            await client.run(one(get()))
            await client.run(one(get()), polling=True)
            await client.run(one(put()))
            assert client.calls is calls
        assert calls.first == {"GET": 1, "PUT": 1}
        assert calls.extra == {"GET": 2}
        assert calls.by_operation == {"read": 1, "change": 1}

    go(main())


def test_each_try_is_reported() -> None:
    heard: list[tuple[str, int | str]] = []

    def on_call(request: Request, outcome: int | ReconcilerError, seconds: float) -> None:
        assert seconds >= 0
        heard.append((request.operation, outcome if isinstance(outcome, int) else type(outcome).__name__))

    async def main() -> None:
        answers = script(Reply(500), Reply(), None)
        async with serving(answers) as server, client_of(server.url, hooks=Hooks(on_call=on_call)) as client:
            await client.run(one(get()))
            with pytest.raises(ApiError):
                await client.run(one(put()))
        assert heard == [("read", 500), ("read", 200), ("change", "Unanswered")]

    go(main())


def test_no_more_at_once_than_allowed_and_waiting_for_a_turn_is_no_timeout() -> None:
    async def main() -> None:
        now = most = 0

        async def slow(_: Seen) -> Reply:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.2)
            now -= 1
            return Reply()

        limits = Limits(request=0.7, parallel=2)
        async with serving(slow) as server, client_of(server.url, limits=limits) as client:
            await asyncio.gather(*(client.run(one(put())) for _ in range(8)))
            assert (most, len(server.seen)) == (2, 8)

    go(main())


def test_errors_of_the_flow_itself_pass() -> None:
    def flow() -> Flow[None]:
        response = yield get()
        raise NotFound("gone", status=response.status)

    async def main() -> None:
        async with serving(script(Reply(404))) as server, client_of(server.url, Key(), limits=QUICK) as client:
            with pytest.raises(NotFound):
                await client.run(flow())

    go(main())
