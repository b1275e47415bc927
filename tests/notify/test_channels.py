"""Notifications over real HTTP: what arrives, how often, and what is said when nothing does."""

from __future__ import annotations

import asyncio
import hmac
import sys
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.api import Tls
from reconciler.errors import InputError
from reconciler.notify import AppriseTo, Message, Notifier, Way, WebhookTo, make_channels
from reconciler.notify.chat import Apprise
from reconciler.notify.webhook import Webhook
from reconciler.secret import Secret
from tests.notify.receiver import Answer, Receiver, go, receiving, until

CANARY = "c4nary-5ecret"
FAST = (0.01, 0.02)


def message(outcome: str = "failed", target: str = "prod", **more: Any) -> Message:
    return Message(target, outcome, 1767323045.0, **more)


def webhook(receiver: Receiver, **more: Any) -> Webhook:
    return Webhook("the-hook", Secret(f"{receiver.url}/hook/{CANARY}?sig={CANARY}"), **more)


def arrived(receiver: Receiver, count: int) -> bool:
    return len(receiver.got) == count


def sent(
    receiver: Receiver, *messages: Message, pauses: tuple[float, ...] = FAST, **more: Any
) -> list[Mapping[str, Any]]:
    """Tell a webhook of these; gives what was logged."""
    notifier = Notifier([webhook(receiver, **more)], pauses=pauses)

    async def main() -> None:
        for one in messages:
            notifier.tell(one)

    with capture_logs() as logs:
        go(notifier, main())
    assert CANARY not in str(logs)
    return [*logs, notifier.lost]


def test_a_message_arrives_signed_and_as_documented():
    told = (
        message("converged"),
        message(
            "blocked",
            revision="3f2a",
            summary="1 object is blocked",
            counts={"blocked": 1},
            blocked=("budget",),
            page="p",
        ),
    )
    with receiving() as receiver:
        logs = sent(receiver, *told, signing=Secret("key"))
    (got,) = receiver.got
    assert (got.method, got.path) == ("POST", f"/hook/{CANARY}?sig={CANARY}")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-reconciler-delivery"] == told[1].id
    assert got.headers["x-reconciler-signature-256"] == f"sha256={hmac.new(b'key', got.body, 'sha256').hexdigest()}"
    assert got.json == {
        "apiVersion": "reconciler/v1",
        "kind": "Notification",
        "id": told[1].id,
        "target": "prod",
        "outcome": "blocked",
        "before": "converged",
        "revision": "3f2a",
        "at": "2026-01-02T03:04:05Z",
        "summary": "1 object is blocked",
        "counts": {"blocked": 1},
        "error": None,
        "blocked": ["budget"],
        "url": "p",
    }
    assert [entry["event"] for entry in logs[:-1]] == ["people were told"]


def test_without_a_signing_secret_nothing_is_signed():
    with receiving() as receiver:
        sent(receiver, message())
    assert "x-reconciler-signature-256" not in receiver.got[0].headers


@pytest.mark.parametrize("first", [Answer(503), Answer(429, {"retry-after": "0"}), Answer(0), Answer(408)], ids=str)
def test_what_may_pass_is_tried_again_with_the_same_id(first: Answer):
    with receiving(first, Answer()) as receiver:
        logs = sent(receiver, message())
    assert len(receiver.got) == 2
    assert receiver.got[0].headers["x-reconciler-delivery"] == receiver.got[1].headers["x-reconciler-delivery"]
    assert receiver.got[0].body == receiver.got[1].body
    assert logs[-1] == {}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404, body=CANARY.encode()), "the-hook refused with 404"),
        (Answer(302, {"location": "/elsewhere"}), "the-hook points elsewhere (302), which is not followed"),
    ],
)
def test_a_refusal_is_not_tried_again(answer: Answer, words: str):
    with receiving(answer) as receiver:
        logs = sent(receiver, message())
    assert len(receiver.got) == 1
    assert [entry.get("error") for entry in logs[:-1]] == [words]
    assert logs[-1] == {"the-hook": 1}


def test_after_the_last_try_it_is_lost_and_the_next_one_goes_out():
    with receiving(Answer(500), Answer(500), Answer(500), Answer()) as receiver:
        logs = sent(receiver, message("failed"), message("blocked"))
    assert receiver.outcomes == ["failed", "failed", "failed", "blocked"]
    assert [entry["log_level"] for entry in logs[:-1]] == ["warning", "info"]
    assert logs[-1] == {"the-hook": 1}


def test_a_server_that_asks_for_patience_gets_it():
    with receiving(Answer(429, {"retry-after": "1"}), Answer()) as receiver:
        started = time.monotonic()
        sent(receiver, message())
    assert time.monotonic() - started >= 1
    assert len(receiver.got) == 2


def test_an_answer_that_never_comes_is_given_up():
    with receiving(Answer(wait=3)) as receiver:
        started = time.monotonic()
        logs = sent(receiver, message(), pauses=(), deadline=0.2)
        assert time.monotonic() - started < 2
    assert "no complete answer within 0.2 s" in str(logs)


def test_an_endless_answer_is_not_read():
    with receiving(Answer(headers={"content-length": str(10**9)}, body=b"x" * 100_000)) as receiver:
        logs = sent(receiver, message())
    assert (len(receiver.got), logs[-1]) == (1, {})


def test_nobody_there():
    with receiving() as receiver:
        pass
    logs = sent(receiver, message())
    assert "the-hook can't be reached: the connection was refused" in str(logs)
    assert logs[-1] == {"the-hook": 1}


def test_a_slow_channel_delays_no_other_and_drops_the_oldest():
    lost: list[tuple[str, int]] = []
    gate = threading.Event()
    with receiving(Answer(gate=gate), Answer()) as slow, receiving() as quick:
        channels = [Webhook("slow", Secret(slow.url)), Webhook("quick", Secret(quick.url))]
        notifier = Notifier(channels, queue=2, pauses=FAST, on_lost=lambda *found: lost.append(found))

        async def main() -> None:
            for number in range(6):
                notifier.tell(message("failed" if number % 2 else "blocked"))
                await until(partial(arrived, quick, number + 1))
            assert len(slow.got) == 1
            gate.set()

        go(notifier, main())
    assert [got.json["before"] for got in slow.got] == [None, "failed", "blocked"]
    assert lost == [("slow", 1), ("slow", 2), ("slow", 3)]
    assert notifier.lost == {"slow": 3}


def test_a_channel_for_some_targets_hears_of_no_other():
    with receiving() as all_, receiving() as some:
        channels = make_channels(
            [
                WebhookTo("all", Secret(all_.url)),
                WebhookTo("some", Secret(some.url), targets=frozenset({"a"})),
            ]
        )
        notifier = Notifier(channels)

        async def main() -> None:
            assert notifier.tell(message(target="a"))
            assert notifier.tell(message(target="b"))
            assert not notifier.tell(message(target="b"))

        go(notifier, main())
    assert [got.json["target"] for got in all_.got] == ["a", "b"]
    assert [got.json["target"] for got in some.got] == ["a"]


def test_what_history_knows_and_what_is_no_longer_configured():
    with receiving() as receiver:
        notifier = Notifier([webhook(receiver)])
        notifier.known("a", "failed")
        notifier.known("b", "failed")
        notifier.forget("b")

        async def main() -> None:
            for target in ("a", "b"):
                notifier.tell(message("failed", target))
                notifier.tell(message("converged", target))

        go(notifier, main())
    told = [(got.json["target"], got.json["before"], got.json["outcome"]) for got in receiver.got]
    assert told == [("a", "failed", "converged"), ("b", None, "failed"), ("b", "failed", "converged")]


def test_secrets_in_texts_are_hidden():
    with receiving() as receiver:
        notifier = Notifier([webhook(receiver)], hide=lambda text: text.replace("hunter2", "(secret)"))

        async def main() -> None:
            notifier.tell(message(error="the key hunter2 is wrong", summary="hunter2"))

        go(notifier, main())
    assert b"hunter2" not in receiver.got[0].body
    assert receiver.got[0].json["error"] == "the key (secret) is wrong"


def test_a_defect_in_a_channel_ends_nothing():
    class Broken:
        name = "broken"
        targets: frozenset[str] = frozenset()

        async def send(self, message: Message) -> None:
            raise KeyError(CANARY)

        async def close(self) -> None:
            return None

    notifier = Notifier([Broken()], pauses=FAST)

    async def main() -> None:
        notifier.tell(message())
        await until(lambda: notifier.lost)

    with capture_logs() as logs:
        go(notifier, main())
    assert [entry["error"] for entry in logs] == ["an unexpected KeyError"]


def test_a_notifier_without_channels_waits_to_be_ended():
    async def main() -> None:
        notifier.tell(message())
        notifier.revision("0" * 40, {})
        await asyncio.sleep(0.05)

    notifier = Notifier()
    go(notifier, main())


def test_draining_ends_in_time():
    with receiving(Answer(503)) as receiver:
        notifier = Notifier([webhook(receiver)], pauses=(30.0,))

        async def main() -> None:
            notifier.tell(message())
            started = time.monotonic()
            await notifier.drain(0.3)
            assert 0.2 < time.monotonic() - started < 2
            raise Done

        with pytest.raises(Done):
            go(notifier, main())


class Done(Exception):
    """The test is over before the notifier is idle."""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"http://example.com/{CANARY}", "the-hook would be sent unencrypted"),
        (f"ftp://example.com/{CANARY}", "the-hook is no address that can be posted to"),
        (f"https://:99999/{CANARY}", "the-hook is no address that can be posted to"),
        (f"{CANARY}\n", "the-hook is no address that can be posted to"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_at_the_start(url: str, words: str):
    with pytest.raises(InputError) as caught:
        make_channels([WebhookTo("the-hook", Secret(url))])
    assert caught.value.message == words
    assert CANARY not in f"{caught.value.remedy}"


def test_plain_http_can_be_permitted():
    (channel,) = make_channels([WebhookTo("h", Secret("http://example.com/"))], Way(Tls(allow_http=True)))
    asyncio.run(channel.close())


# apprise's own client, over its json:// addresses. When it is loaded, Python complains of what it loads.
apprises = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@apprises
def test_apprise_tells_each_address_once_although_one_fails_at_first():
    with receiving() as good, receiving(Answer(500), Answer()) as bad:
        urls = " ".join(f"json://127.0.0.1:{one.port}/{CANARY}" for one in (good, bad))
        notifier = Notifier(make_channels([AppriseTo("chat", Secret(urls))]), pauses=FAST)

        async def main() -> None:
            notifier.tell(message("blocked", summary="1 object <is> blocked", page="https://r.example/"))

        with capture_logs() as logs:
            go(notifier, main())
    assert (len(good.got), len(bad.got)) == (1, 2)
    body = good.got[0].json
    assert (body["title"], body["type"]) == ("prod: blocked", "warning")
    assert body["message"] == "1 object <is> blocked\nhttps://r.example/"
    assert good.got[0].path == f"/{CANARY}"
    assert CANARY not in str(logs)


@apprises
def test_apprise_that_fails_is_said_without_the_address():
    with receiving(Answer(500)) as receiver:
        channels = make_channels([AppriseTo("chat", Secret(f"json://127.0.0.1:{receiver.port}/{CANARY}"))])
        notifier = Notifier(channels, pauses=FAST)

        async def main() -> None:
            notifier.tell(message())

        with capture_logs() as logs:
            go(notifier, main())
    assert len(receiver.got) == 3
    assert [entry["error"] for entry in logs] == ["chat: apprise could not deliver to 1 of 1 addresses"]


@apprises
def test_apprise_that_hangs_is_given_up():
    gate = threading.Event()
    with receiving(Answer(gate=gate)) as receiver:
        channel = Apprise("chat", Secret(f"json://127.0.0.1:{receiver.port}"), deadline=0.2)
        notifier = Notifier([channel], pauses=())

        async def main() -> None:
            notifier.tell(message())
            await until(lambda: notifier.lost)
            gate.set()

        go(notifier, main())
    assert notifier.lost == {"chat": 1}


@apprises
def test_an_address_that_apprise_does_not_understand():
    for url in (f"nonsense://{CANARY}", CANARY, ""):
        with pytest.raises(InputError, match="chat is no address that apprise understands"):
            make_channels([AppriseTo("chat", Secret(url))])


def test_apprise_that_is_not_installed_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(InputError, match="chat needs apprise, which is not installed") as caught:
        make_channels([AppriseTo("chat", Secret("json://127.0.0.1"))])
    assert caught.value.remedy == "in a clone of the reconciler: pip install '.[notify]'"
