"""No credential in what is raised, shown or logged; and no error of the library that we have no word for."""

from __future__ import annotations

import dataclasses
import logging
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from reconciler.api.errors_map import LIBRARY_ERRORS, WORDS, chain, failed
from reconciler.api.outgoing import Departure
from reconciler.errors import ApiError, BadReply, ReconcilerError, TlsFailure, Unanswered, Unreachable
from reconciler.secret import Secret
from reconciler.wire import AsUser, FileBody, Request
from tests.api.server import Key, Reply, Seen, client_of, get, go, one, put, script, serving
from tests.api.test_api_faults import SLOW, UNCLEAR, limits_for

CANARY = "c4nary-5ecret"


async def echo(seen: Seen) -> Reply:
    """A server whose error page repeats what it was sent."""
    return Reply(503, f"apikey {seen.headers['apikey']} is not welcome".encode())


async def shout(seen: Seen) -> Reply | None:
    """What isn't HTTP, and repeats what it was sent."""
    seen.writer.write(f"garbage {seen.headers['apikey']}\r\nx\r\n\r\n".encode())
    await seen.writer.drain()
    return None


async def point(seen: Seen) -> Reply:
    """A host to go to whose name is the key."""
    return Reply(307, headers={"Location": f"https://{seen.headers['apikey']}.example/"})


async def encode(seen: Seen) -> Reply:
    return Reply(200, b"x", headers={"Content-Encoding": seen.headers["apikey"]})


async def misdirect(seen: Seen) -> Reply:
    return Reply(302, headers={"Location": f"//[{seen.headers['apikey']}"})


def shown(error: BaseException) -> str:
    """All that a careless report could print of an error, local variables included."""
    parts = [repr(part) + str(part) + repr(part.args) for part in chain(error)]
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    own = [line for line in frames.format() if "/tests/" not in line]
    return "\n".join([*parts, *own])


@pytest.mark.parametrize(
    "handler",
    [*UNCLEAR.values(), echo, shout, misdirect, point, encode],
    ids=[*UNCLEAR, "echo", "shout", "misdirect", "point", "encode"],
)
@pytest.mark.parametrize("request_", [get(), put()], ids=["read", "write"])
def test_no_error_shows_a_credential(handler: object, request_: Request) -> None:
    async def main() -> None:
        limits = replace(limits_for(handler), tries=1)
        sent = dataclasses.replace(request_, session=AsUser({"apikey": Secret(CANARY), "x-more": Secret(CANARY + "2")}))
        async with serving(handler) as server:  # type: ignore[arg-type]
            for request in (request_, sent):
                async with client_of(server.url, Key(CANARY), limits=limits) as client:
                    with pytest.raises(ApiError) as caught:
                        await client.run(one(request))
                assert handler in SLOW or CANARY in str(server.seen[-1].headers)
                assert CANARY not in shown(caught.value)

    go(main())


def test_errors_without_an_answer_show_none_either(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    body = FileBody(str(tmp_path / "f"), 100, "00" * 32)

    async def main() -> None:
        async with serving(script(Reply())) as server:
            url = server.url
            async with client_of(url, Key(CANARY)) as client:
                for request in (put("/a/../b"), dataclasses.replace(put(), body=body), put(headers={"apikey\n": "x"})):
                    with pytest.raises(ReconcilerError) as caught:
                        await client.run(one(request))
                    assert CANARY not in shown(caught.value)
            async with client_of(url, Key(CANARY + "\n")) as client:
                with pytest.raises(ReconcilerError) as caught:
                    await client.run(one(put()))
                assert CANARY not in repr(caught.value) + str(caught.value)
        async with client_of(url, Key(CANARY)) as client:
            with pytest.raises(Unreachable) as caught:
                await client.run(one(put()))
            assert CANARY not in shown(caught.value)

    go(main())


def test_the_libraries_log_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)

    async def main() -> None:
        answers = script(Reply(headers={"Set-Cookie": CANARY, "x-token": CANARY}))
        async with serving(answers) as server, client_of(server.url, Key(CANARY)) as client:
            await client.run(one(get()))

    go(main())
    assert [record.name for record in caplog.records if record.name.startswith("http")] == []
    assert CANARY not in caplog.text


def library_errors() -> Iterator[type[BaseException]]:
    """Every exception that httpx defines."""
    for name in httpx.__all__:
        value = getattr(httpx, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            yield value


def test_every_error_of_the_library_has_words() -> None:
    known = set(library_errors())
    assert len(known) > 25
    assert known - set(WORDS) == set()
    assert set(WORDS) - known == {OSError}
    assert [kind for kind in known if not issubclass(kind, LIBRARY_ERRORS)] == []


@pytest.mark.parametrize("kind", sorted(set(library_errors()), key=str))
def test_every_error_of_the_library_becomes_ours(kind: type[BaseException]) -> None:
    error = kind.__new__(kind)
    error.args = (f"quotes {CANARY}",)
    for request, sent, ours in ((put(), False, Unreachable), (get(), True, BadReply), (put(), True, Unanswered)):
        departure = Departure()
        departure.sent = sent
        failure = failed(request, error, departure, where="host:1", seconds=1)
        assert type(failure) is ours or (ours is BadReply and isinstance(failure, BadReply))
        assert CANARY not in str(failure)
        assert not isinstance(failure, TlsFailure)


def test_groups_are_searched_too() -> None:
    error = httpx.ConnectError("all attempts failed")
    error.__cause__ = ExceptionGroup("both", [OSError("one"), ConnectionRefusedError("two")])
    failure = failed(put(), error, Departure(), where="host:1", seconds=1)
    assert "the connection was refused" in str(failure)


def test_a_tls_error_that_we_know_nothing_of_is_named() -> None:
    error = httpx.ConnectError("no")
    error.__cause__ = ssl.SSLError(1, "[SSL: BAD_ECC_CERT] bad ecc cert")
    failure = failed(put(), error, Departure(), where="host:1", seconds=1)
    assert isinstance(failure, TlsFailure)
    assert "host:1: TLS failed" in str(failure)
