"""Sessions: one login for all, renewed once, never after a refusal."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.api import Calls, Hooks
from reconciler.errors import BadReply, LoginRefused, SessionRenewed, Unreachable
from reconciler.wire import Flow, Request, Response
from tests.api.server import (
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

STATUSES = [400, 401, 403]


def test_concurrent_flows_share_one_login_and_close_it() -> None:
    async def main() -> None:
        backend = SessionServer()
        async with serving(backend) as server:
            async with client_of(server.url, Password()) as client:
                answers = await asyncio.gather(*(client.run(one(get())) for _ in range(8)))
            assert {answer.status for answer in answers} == {200}
            assert (backend.logins, server.calls[-1]) == (1, "POST /logout")
            assert server.seen[-1].headers["apikey"] == "s1"

    go(main())


@pytest.mark.parametrize("status", STATUSES)
def test_eight_flows_notice_the_end_and_one_logs_in(status: int) -> None:
    async def main() -> None:
        backend = SessionServer(status)
        async with serving(backend) as server, client_of(server.url, Password()) as client:
            await client.run(one(get()))
            backend.expire()
            answers = await asyncio.gather(*(client.run(one(get(f"/{n % 2}"))) for n in range(8)))
            assert {answer.status for answer in answers} == {200}
            assert backend.logins == 2

    go(main())


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("k", range(1, 7))
def test_a_session_that_ends_before_call_k(status: int, k: int) -> None:
    """One login, the read again, the write not: nothing is done twice, nothing is left out."""

    def flow() -> Flow[list[str]]:
        told = []
        for number in range(3):
            response = yield get(f"/{number}")
            assert response.status == 200
            try:
                yield put(f"/{number}")
            except SessionRenewed:
                told.append(f"/{number}")
                yield put(f"/{number}")
        return told

    async def main() -> None:
        backend = SessionServer(status)
        calls = 0

        async def handler(seen: Seen) -> Reply:
            nonlocal calls
            calls += seen.target not in ("/login", "/warm", "/probe")
            if calls == k and seen.headers.get("apikey") == "s1":
                backend.expire()
            return await backend(seen)

        async with serving(handler) as server, client_of(server.url, Password()) as client:
            await client.run(one(get("/warm")))
            told = await client.run(flow())
            assert told == ([f"/{k // 2 - 1}"] if k % 2 == 0 else [])
            assert backend.done[1:] == [f"{method} /{n}" for n in range(3) for method in ("GET", "PUT")]
            assert backend.logins == 2
            assert ("GET /probe" in server.calls) == (status == 400)

    go(main())


def test_how_renewing_is_counted() -> None:
    async def main() -> None:
        backend, calls = SessionServer(400), Calls()
        async with serving(backend) as server, client_of(server.url, Password(), calls=calls) as client:
            await client.run(one(get()))
            backend.expire()
            await client.run(one(get()))
            assert calls.first == {"POST": 1, "GET": 2}
            assert calls.extra == {"GET": 2, "POST": 1}
            assert calls.by_operation == {"login": 1, "read": 2}

    go(main())


def test_a_400_of_a_good_session_goes_to_the_flow() -> None:
    async def main() -> None:
        backend = SessionServer()
        async with serving(backend) as server, client_of(server.url, Password()) as client:
            await client.run(one(get()))
            assert (await client.run(one(put("/invalid")))).status == 400
            assert (backend.logins, server.calls[-1]) == (1, "GET /probe")

    go(main())


def test_a_400_whose_probe_fails_goes_to_the_flow() -> None:
    async def main() -> None:
        async def handler(seen: Seen) -> Reply:
            if seen.target == "/login":
                return Reply(body=b'{"session_id": "s"}')
            return Reply({"/probe": 503, "/invalid": 400}.get(seen.target, 200))

        async with serving(handler) as server, client_of(server.url, Password()) as client:
            await client.run(one(get()))
            assert (await client.run(one(put("/invalid")))).status == 400

    go(main())


class Forbidding(SessionServer):
    """Says 403 for a missing right too."""

    async def __call__(self, seen: Seen) -> Reply:
        reply = await super().__call__(seen)
        return Reply(403) if seen.target == "/forbidden" else reply


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_missing_right_costs_one_login_not_one_a_request(method: str) -> None:
    async def main() -> None:
        backend = Forbidding()
        request = Request("forbidden", method, "/forbidden", write=method == "PUT")
        async with serving(backend) as server, client_of(server.url, Password()) as client:
            await client.run(one(get()))
            if method == "PUT":
                with pytest.raises(SessionRenewed):
                    await client.run(one(request))
                await client.run(one(get()))
            for _ in range(4):
                assert (await client.run(one(request))).status == 403
                await client.run(one(get()))
            assert backend.logins == 2
            backend.expire()
            await client.run(one(get()))
            assert backend.logins == 3

    go(main())


def test_a_session_that_never_worked_is_not_renewed() -> None:
    async def main() -> None:
        async def handler(seen: Seen) -> Reply:
            return Reply(body=b'{"session_id": "s"}') if seen.target == "/login" else Reply(403)

        async with serving(handler) as server, client_of(server.url, Password()) as client:
            assert (await client.run(one(get()))).status == 403
            assert server.calls == ["POST /login", "GET /thing"]

    go(main())


def test_a_key_is_neither_renewed_nor_logged_out() -> None:
    async def main() -> None:
        answers = script(Reply(), Reply(403))
        async with serving(answers) as server:
            async with client_of(server.url, Key()) as client:
                await client.run(one(get()))
                assert (await client.run(one(get()))).status == 403
            assert server.calls == ["GET /thing", "GET /thing"]

    go(main())


def test_refused_credentials_are_never_tried_again() -> None:
    told: list[int] = []

    async def on_refused(error: LoginRefused) -> None:
        told.append(error.status)

    async def main() -> None:
        backend = SessionServer(refuse=True)
        hooks = Hooks(on_login_refused=on_refused)
        async with serving(backend) as server:
            async with client_of(server.url, Password(), hooks=hooks) as client:
                tries = [client.run(one(get())) for _ in range(8)]
                errors = await asyncio.gather(*tries, return_exceptions=True)
                assert {type(error) for error in errors} == {LoginRefused}
                with pytest.raises(LoginRefused) as caught:
                    await client.reader().run(one(get()))
                assert caught.value.status == 403
            assert server.calls == ["POST /login"]
        assert told == [403]

    go(main())


def test_a_refusal_at_the_renewal_is_final_too() -> None:
    async def main() -> None:
        backend = SessionServer()
        async with serving(backend) as server:
            async with client_of(server.url, Password()) as client:
                await client.run(one(get()))
                backend.expire()
                backend.refuse = True
                for request in (put(), get(), put()):
                    with pytest.raises(LoginRefused):
                        await client.run(one(request))
            assert backend.logins == 2
            assert "POST /logout" not in server.calls

    go(main())


def test_the_guard_comes_before_each_login() -> None:
    async def main() -> None:
        async def guard() -> None:
            raise LoginRefused("known to be refused", status=403)

        async with serving(SessionServer()) as server:
            async with client_of(server.url, Password(), hooks=Hooks(guard=guard)) as client:
                for _ in range(2):
                    with pytest.raises(LoginRefused, match="known"):
                        await client.run(one(get()))
            assert server.connections == 0

    go(main())


def test_a_login_without_an_answer_says_nothing_about_the_write() -> None:
    async def main() -> None:
        async with serving(script(None)) as server, client_of(server.url, Password()) as client:
            with pytest.raises(Unreachable, match="nothing else was sent"):
                await client.run(one(put()))
            assert server.calls == ["POST /login"]

    go(main())


def test_a_login_that_cannot_be_understood_can_be_tried_again() -> None:
    async def main() -> None:
        answers = script(Reply(body=b"<html>"), Reply(body=b'{"session_id": "s"}'), Reply())
        async with serving(answers) as server, client_of(server.url, Password()) as client:
            with pytest.raises(BadReply):
                await client.run(one(get()))
            assert (await client.run(one(get()))).status == 200

    go(main())


def test_a_reader_shares_the_session() -> None:
    async def main() -> None:
        backend = SessionServer()
        async with serving(backend) as server:
            async with client_of(server.url, Password()) as client:

                def flow() -> Flow[Response]:
                    return (yield get())

                await asyncio.gather(client.run(flow()), client.reader().run(flow()))
            assert backend.logins == 1
            assert server.calls.count("POST /logout") == 1

    go(main())
