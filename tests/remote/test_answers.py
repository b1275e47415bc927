"""A daemon's client at the wire: what it sends, and what it makes of each answer."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import (
    BadReply,
    InputError,
    InvalidTree,
    LoginRefused,
    NoRights,
    NotFound,
    ReconcilerError,
    Redirected,
    Refused,
    ServerFault,
    TlsFailure,
    Unanswered,
    Unreachable,
)
from reconciler.model import SourceFile
from reconciler.remote import Drawing, Remote, Server, connected, server_from
from reconciler.secret import Secret
from tests.api.conftest import Authority
from tests.api.server import Handler, Reply, Seen, go, script, serving
from tests.api.server import Server as Wire

TOKEN = "canary-of-the-token"
FILES = (SourceFile("a/b.yaml", "name: zoë\n".encode()),)
PLAN = {"target": "prod", "steps": [], "blocked": []}


def problem(status: int, **content: Any) -> Reply:
    body = {"type": "about:blank", "title": "Words", "status": status, **content}
    return Reply(status, json.dumps(body).encode(), {"content-type": "application/problem+json"})


def answer(content: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(content).encode())


def ask(handler: Handler, call: str, *args: Any, token: str | None = TOKEN, **more: Any) -> tuple[Any, Wire]:
    """What a call gives or raises, and the server that was asked."""
    found: list[Any] = []

    async def main() -> None:
        async with serving(handler) as wire:
            found.append(wire)
            server = Server(wire.url, Secret(token) if token else None, **more)
            try:
                async with connected(server, 8) as remote:
                    found.append(await getattr(remote, call)(*args))
            except ReconcilerError as error:
                found.append(error)

    go(main())
    return found[1], found[0]


def refused(reply: Reply | None, call: str = "resume", *args: Any, token: str | None = TOKEN) -> ReconcilerError:
    error, _ = ask(script(reply), call, *(args or ("prod",) * (call == "resume")), token=token)
    assert isinstance(error, ReconcilerError), error
    assert TOKEN not in f"{error.message}{error.remedy}"
    return error


# --- what is sent


CALLS = [
    (("suspend", "prod", "tests", 7200.0), "POST /api/v1/targets/prod/suspend", {"reason": "tests", "for": 7200.0}),
    (("suspend", "prod", "tests", None), "POST /api/v1/targets/prod/suspend", {"reason": "tests"}),
    (("resume", "a b/c"), "POST /api/v1/targets/a%20b%2Fc/resume", {}),
    (("approve", "sha256:1", "prod"), "POST /api/v1/approvals", {"digest": "sha256:1", "target": "prod"}),
    (("approve", "sha256:1", None), "POST /api/v1/approvals", {"digest": "sha256:1"}),
    (
        ("adopt", "prod", "User", "alice", "7"),
        "POST /api/v1/targets/prod/adopt",
        {"kind": "User", "name": "alice", "id": "7"},
    ),
    (("adopt", "prod", "User", "alice", None), "POST /api/v1/targets/prod/adopt", {"kind": "User", "name": "alice"}),
    (("forget", "prod", "User", "alice"), "POST /api/v1/targets/prod/forget", {"kind": "User", "name": "alice"}),
    (("resolve", "prod", 3, "done"), "POST /api/v1/targets/prod/resolve", {"entry": 3, "ending": "done"}),
]


@pytest.mark.parametrize(("call", "line", "body"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_sent(call: tuple[Any, ...], line: str, body: dict[str, Any]):
    _, wire = ask(script(answer({"name": "prod", "target": "prod"})), *call)
    (seen,) = wire.seen
    assert f"{seen.method} {seen.target}" == line
    assert json.loads(seen.body) == body
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/json"


def test_reads():
    _, wire = ask(script(answer({"items": []})), "history", "prod", 20)
    assert wire.calls == ["GET /api/v1/history?target=prod&limit=20"]
    assert wire.seen[0].body == b""


def test_without_a_token_nobody_is_claimed_to_be():
    _, wire = ask(script(answer({"items": []})), "targets", token=None)
    assert "authorization" not in wire.seen[0].headers


def test_a_tree_is_sent_as_text():
    reply = answer({"items": [PLAN], "rendered": ["text"]})
    found, wire = ask(script(reply), "plan", FILES, ["prod"], Drawing("text", 120, True, True))
    assert found == ([PLAN], ["text"])
    assert json.loads(wire.seen[0].body) == {
        "files": [{"name": "a/b.yaml", "content": "name: zoë\n"}],
        "targets": ["prod"],
        "render": {"format": "text", "width": 120, "color": True, "full": True},
    }


def test_only_text_has_a_width():
    _, wire = ask(script(answer({"items": [PLAN], "rendered": ["x"]})), "plan", FILES, [], Drawing("html"))
    assert json.loads(wire.seen[0].body)["render"] == {"format": "html"}
    _, wire = ask(script(answer({"items": [PLAN]})), "plan", FILES, [], None)
    assert set(json.loads(wire.seen[0].body)) == {"files"}


def test_the_only_target_need_not_be_named():
    found, _ = ask(script(answer({"items": [{"name": "prod"}]})), "only", ())
    assert found == "prod"
    assert ask(script(answer({})), "only", ("named",))[0] == "named"
    several, _ = ask(script(answer({"items": [{"name": "a"}, {"name": "b"}]})), "only", ())
    assert "takes one target" in several.message
    assert "a, b" in several.remedy
    other, _ = ask(script(answer({"items": [{"name": "prod"}]})), "chosen", ("prdo",))
    assert "prod" in other.message + other.remedy


# --- what a refusal means


def test_each_problem_of_a_tree_comes_back_with_its_place():
    found = [{"file": "a.yaml", "line": 3, "column": 7, "message": "no such field"}, {"file": "b.yaml"}, "?"]
    error = refused(problem(422, detail="1200 problems in the desired state", problems=found), "plan", FILES, [], None)
    assert isinstance(error, InvalidTree)
    assert list(map(str, error.problems)) == ["a.yaml:3:7: no such field", "b.yaml:1:1: "]
    assert error.message == "1200 problems in the desired state"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InputError),
        (404, NotFound),
        (409, Refused),
        (413, InputError),
        (415, InputError),
        (422, InputError),
        (429, ServerFault),
        (500, ServerFault),
        (502, ServerFault),
        (503, ServerFault),
        (504, ServerFault),
    ],
)
def test_a_problem_is_one_sentence(status: int, kind: type[ReconcilerError]):
    error = refused(problem(status, detail="it can't\n be \x1b[31mdone", remedy="do it  later"))
    assert type(error) is kind
    assert error.message == "resume: it can't be \\u001b[31mdone"
    assert error.remedy == "do it later"
    assert error.exit_code == 1


def test_a_problem_without_words_has_its_title():
    assert refused(problem(500)).message == "resume: Words"
    assert "answered 500" in refused(problem(500, title=None)).message


def test_a_long_sentence_is_cut():
    assert len(refused(problem(409, detail="x" * 100_000)).message) < 1100


def test_patience_is_said_in_seconds():
    reply = problem(429, detail="too many plans")
    error = refused(Reply(429, reply.body, {**reply.headers, "retry-after": "7"}))
    assert isinstance(error, ServerFault)
    assert (error.retry_after, error.remedy) == (7.0, "try again in 7 s")


def test_who_is_not_known_learns_which_variable_is_missing():
    error = refused(problem(401, detail="no"), token=None)
    assert isinstance(error, LoginRefused)
    assert "asks for a token" in error.message
    assert error.remedy == "set RECONCILER_SERVER_TOKEN (or RECONCILER_SERVER_TOKEN_FILE) to one with the role operate"
    error = refused(problem(401, detail="no"))
    assert "doesn't know the token" in error.message
    assert "RECONCILER_SERVER_TOKEN" in str(error.remedy)


@pytest.mark.parametrize(
    ("call", "role"), [(("plan", FILES, [], None), "plan"), (("targets",), "read"), (("resume", "prod"), "operate")]
)
def test_whose_role_is_too_small_learns_which_one_it_takes(call: tuple[Any, ...], role: str):
    error, _ = ask(script(problem(403, detail="this takes more, and ci has less")), *call)
    assert isinstance(error, NoRights)
    assert error.message.endswith("this takes more, and ci has less")
    assert f"the role {role}" in str(error.remedy)


@pytest.mark.parametrize("status", [200, 404, 403, 401, 500])
def test_another_server_is_told_from_a_daemon(status: int):
    reply = Reply(status, b"<html>hello</html>", {"content-type": "text/html"})
    error = refused(reply)
    assert type(error) is (ServerFault if status == 500 else BadReply)
    assert f"answered {status}, and not as a reconciler does" in error.message


@pytest.mark.parametrize("content", [[], {}, {"items": 3}, {"items": [3]}, None, "items"])
def test_an_answer_of_another_shape_is_refused(content: Any):
    assert isinstance(refused(answer(content), "targets"), BadReply)


def test_a_plan_without_its_text_is_refused():
    assert isinstance(refused(answer({"items": [PLAN]}), "plan", FILES, [], Drawing("text")), BadReply)


# --- the way there


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    error = trouble(Server(f"http://127.0.0.1:{port}", Secret(TOKEN)))
    assert isinstance(error, Unreachable)
    assert f"127.0.0.1:{port} can't be reached" in error.message
    assert "nothing was sent" in error.message


def trouble(server: Server, call: str = "resume", *args: Any, seconds: float = 8) -> ReconcilerError:
    async def main() -> ReconcilerError:
        try:
            async with connected(server, seconds) as remote:
                await getattr(remote, call)(*(args or ("prod",)))
        except ReconcilerError as error:
            return error
        raise AssertionError("it was fine")

    return asyncio.run(asyncio.wait_for(main(), 15))


def test_a_redirect_is_never_followed_and_the_token_stays():
    async def main() -> None:
        async with serving(script(answer({}))) as other:
            there = Reply(307, b"", {"location": f"{other.url}/api/v1/targets/prod/resume"})
            async with serving(script(there)) as wire, connected(Server(wire.url, Secret(TOKEN))) as remote:
                with pytest.raises(Redirected, match="never followed"):
                    await remote.resume("prod")
            assert len(wire.seen) == 1
            assert other.seen == []

    go(main())


def test_a_call_that_was_cut_short_may_have_been_done():
    error, wire = ask(script(None), "resume", "prod")
    assert isinstance(error, Unanswered)
    assert "may or may not have been done" in error.message
    assert "status --server" in str(error.remedy)
    assert len(wire.seen) == 1, "it isn't sent again"


def test_a_read_that_was_cut_short_is_tried_again():
    found, wire = ask(script(None, answer({"items": []})), "targets")
    assert found == {"items": []}
    assert len(wire.seen) == 2


def test_a_server_that_dawdles_is_not_waited_for():
    async def slowly(seen: Seen) -> Reply | None:
        seen.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            seen.writer.write(b" ")
            await seen.writer.drain()
            await asyncio.sleep(0.02)

    async def main() -> None:
        async with serving(slowly) as wire, connected(Server(wire.url), 0.3) as remote:
            with pytest.raises(Unanswered, match="complete answer within"):
                await remote.resume("prod")

    go(main())


def test_an_answer_without_end_is_not_read():
    error = refused(Reply(200, b"{}", length=10**12), "targets")
    assert isinstance(error, BadReply)
    assert "larger than" in error.message


def test_a_token_that_comes_back_is_not_shown():
    error = refused(problem(409, detail=f"you said Bearer {TOKEN}"))
    assert error.message == "resume: you said Bearer (secret)"
    odd = 'canary"of\\the token'
    found, _ = ask(script(answer({"name": odd})), "target", "prod", token=odd)
    assert found == {"name": "(secret)"}


def test_a_token_that_no_header_may_hold_is_not_sent():
    error, wire = ask(script(answer({})), "resume", "prod", token=f"{TOKEN}\nX: y")
    assert isinstance(error, InputError)
    assert wire.seen == []
    assert TOKEN not in error.message


def test_http_to_another_machine_needs_permission():
    server = Server("http://reconciler.example:8080", Secret(TOKEN))
    assert "unencrypted" in trouble(server).message


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.ci
def test_a_private_authority_has_a_setting(authority: Authority):
    context = authority.server("daemon", "IP:127.0.0.1")

    async def main() -> None:
        async with serving(script(answer({"items": []})), tls=context) as wire:
            async with connected(Server(wire.url, Secret(TOKEN), str(authority.ca))) as remote:
                assert await remote.targets() == {"items": []}
            async with connected(Server(wire.url, Secret(TOKEN))) as remote:
                with pytest.raises(TlsFailure) as found:
                    await remote.targets()
            assert "RECONCILER_SERVER_CA" in str(found.value.remedy)
            assert len(wire.seen) == 1, "nobody is told a token who can't be told from others"

    go(main())


# --- which server is meant


def test_a_flag_goes_before_the_variable():
    environ = {
        "RECONCILER_SERVER": "https://a.example",
        "RECONCILER_SERVER_TOKEN": TOKEN,
        "RECONCILER_SERVER_CA": "/ca.pem",
        "RECONCILER_ALLOW_HTTP": "1",
    }
    assert server_from(None, environ) == Server("https://a.example", Secret(TOKEN), "/ca.pem", True)
    assert server_from("https://b.example", {}) == Server("https://b.example")
    assert server_from("", environ) is None
    assert server_from(None, {"RECONCILER_SERVER": ""}) is None


def test_the_token_may_be_in_a_file(tmp_path: Path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    found = server_from("https://a.example", {"RECONCILER_SERVER_TOKEN_FILE": str(tmp_path / "token")})
    assert found is not None
    assert found.token == Secret(TOKEN)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    "url", ["a.example", "ftp://a.example", f"https://u:{TOKEN}@a.example", "https://a?b", "http://"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str):
    with pytest.raises(InputError) as found:
        server_from(url, {})
    assert TOKEN not in found.value.message
    assert "RECONCILER_SERVER" in str(found.value.remedy)


def test_a_connection_can_be_left_without_a_call():
    async def main() -> None:
        async with connected(Server("http://127.0.0.1:1")) as remote:
            assert isinstance(remote, Remote)

    go(main())
