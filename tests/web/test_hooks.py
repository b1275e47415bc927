"""Webhooks: each provider's proof, everything that is none, and that a flood becomes a few looks."""

from __future__ import annotations

import asyncio
import hmac
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from reconciler.web.gates import Bucket, Waker
from tests.web.control import MemoryControl
from tests.web.serving import HOOK, Served, eventually, serving

BODY = b'{"ref": "refs/heads/main", "text": "\xc3\xa4"}'
WOKEN = [("wake", None, "")]


def signature(body: bytes, key: str = HOOK.reveal(), digest: str = "sha256") -> str:
    return hmac.new(key.encode(), body, digest).hexdigest()


GENUINE = {
    "github": {"X-Hub-Signature-256": f"sha256={signature(BODY)}", "X-GitHub-Event": "push"},
    "gitea": {"X-Gitea-Signature": signature(BODY), "X-Gitea-Event": "push"},
    "gitea-both": {"X-Gitea-Signature": signature(BODY), "X-Hub-Signature-256": f"sha256={signature(BODY)}"},
    "gitlab": {"X-Gitlab-Token": HOOK.reveal(), "X-Gitlab-Event": "Push Hook"},
}
FORGED = {
    "nothing": {},
    "empty": {"X-Hub-Signature-256": ""},
    "old": {"X-Hub-Signature": f"sha1={signature(BODY, digest='sha1')}"},
    "wrong key": {"X-Hub-Signature-256": f"sha256={signature(BODY, 'other')}"},
    "other body": {"X-Hub-Signature-256": f"sha256={signature(BODY + b' ')}"},
    "half": {"X-Hub-Signature-256": f"sha256={signature(BODY)[:32]}"},
    "no latin": {"X-Hub-Signature-256": b"sha256=\xff\xfe".decode("latin-1")},
    "gitea wrong": {"X-Gitea-Signature": signature(BODY, "other")},
    "gitea empty": {"X-Gitea-Signature": ""},
    "one of two": {"X-Gitea-Signature": signature(BODY), "X-Hub-Signature-256": "sha256=" + "0" * 64},
    "gitlab wrong": {"X-Gitlab-Token": HOOK.reveal() + "x"},
    "gitlab empty": {"X-Gitlab-Token": ""},
    "gitlab and a wrong signature": {"X-Gitlab-Token": HOOK.reveal(), "X-Gitea-Signature": "0" * 64},
    "a bearer": {"Authorization": f"Bearer {HOOK.reveal()}"},
    "an operator": {"Authorization": "Bearer operate-token-0123456789"},
}


def post(server: Served, headers: dict[str, str], body: bytes = BODY) -> httpx.Response:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    with server.client() as client:
        return client.post("/hooks/git", content=body, headers=raw)


@pytest.mark.parametrize("provider", GENUINE)
def test_genuine(server: Served, provider: str):
    answer = post(server, GENUINE[provider])
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    assert server.control.asked == WOKEN


@pytest.mark.parametrize("what", FORGED)
def test_forged(shared: Served, what: str):
    answer = post(shared, FORGED[what])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"]
    assert HOOK.reveal() not in answer.text
    assert shared.control.asked == []


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_the_body_is_not_looked_at(server: Served, kind: str):
    body = b"payload=%7B%"
    headers = {"X-Hub-Signature-256": f"sha256={signature(body)}", "Content-Type": kind}
    assert post(server, headers, body).status_code == 202


def test_an_empty_body_can_be_signed(server: Served):
    assert post(server, {"X-Gitea-Signature": signature(b"")}, b"").status_code == 202


def test_without_a_secret_there_is_no_webhook():
    with serving(webhook=None) as server:
        for headers in (GENUINE["gitlab"], {"X-Gitea-Signature": signature(BODY, "")}):
            assert post(server, headers).status_code == 404
        assert server.control.asked == []


def test_a_large_body_is_signed_as_it_comes(server: Served):
    body = b"x" * (3 * 1024**2)
    assert post(server, {"X-Gitea-Signature": signature(body)}, body).status_code == 202


def test_too_large_a_body(shared: Served):
    """It is refused by what it says of itself, before any of it is read."""
    host, port = shared.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = (
            f"POST /hooks/git HTTP/1.1\r\nHost: x\r\nContent-Length: {26 * 1024**2 + 1}\r\nX-Gitea-Signature: 0\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert shared.control.asked == []


def test_without_proof_nothing_is_read(shared: Served):
    host, port = shared.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"POST /hooks/git HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_senders_at_once_are_bounded():
    gate = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"x"
        gate.wait(10)

    def ask(server: Served) -> None:
        with server.client() as client:
            client.post("/hooks/git", content=slowly(), headers={"X-Gitea-Signature": "0"})

    with serving() as server:
        threads = [threading.Thread(target=ask, args=(server,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        eventually(lambda: server.app.state.services.hook_slots.taken == 8)
        assert post(server, GENUINE["gitea"]).status_code == 503
        gate.set()
        for thread in threads:
            thread.join()
        assert post(server, GENUINE["gitea"]).status_code == 202


def test_a_flood_becomes_a_few_looks():
    with serving(hooks_per_minute=3) as server:
        assert [post(server, GENUINE["gitlab"]).status_code for _ in range(20)] == [202] * 20
        assert server.control.asked == WOKEN * 3


def test_the_last_of_a_flood_is_served():
    async def flood() -> tuple[int, int]:
        woken: list[float] = []
        waker = Waker(lambda: woken.append(asyncio.get_running_loop().time()), Bucket(300))
        for _ in range(1000):
            waker.wake()
        at_once = len(woken)
        await asyncio.sleep(0.5)
        return at_once, len(woken)

    assert asyncio.run(flood()) == (300, 301)


def test_no_provider_has_to_wait_for_the_daemon():
    control = MemoryControl()
    control.slow = 30
    with serving(control) as server:
        assert post(server, GENUINE["github"]).status_code == 202
