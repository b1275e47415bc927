"""A commit's status, as GitHub and GitLab get it: where, with which words, and how seldom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.errors import InputError
from reconciler.notify import CommitStatus, Notifier, StatusTo, make_status
from reconciler.notify.commit_status import LONGEST, judged
from reconciler.secret import Secret
from tests.notify.receiver import Answer, Receiver, go, receiving, until

TOKEN = "t0ken-c4nary"
ONE, TWO = "1" * 40, "2" * 64
FAST = (0.01,)


def status(receiver: Receiver, provider: Any = "github", **more: Any) -> CommitStatus:
    repository = "group/sub/app" if provider == "gitlab" else "owner/app"
    return make_status(StatusTo(provider, repository, Secret(TOKEN), api=f"{receiver.url}/api/v4", **more))


Step = tuple[str, Mapping[str, str | None], str | None]


def given(revision: str, outcomes: Mapping[str, str | None], error: str | None = None) -> Step:
    return revision, outcomes, error


def told(receiver: Receiver, *steps: Step, provider: str = "github", **more: Any) -> list[Any]:
    """Tell of each after the one before it was sent; gives what was logged."""
    notifier = Notifier(status=status(receiver, provider, **more), pauses=FAST)

    async def main() -> None:
        for step in steps:
            notifier.revision(*step)
            await notifier.drain(5)

    with capture_logs() as logs:
        go(notifier, main())
    assert TOKEN not in str(logs)
    return logs


def test_github():
    with receiving(Answer(201)) as receiver:
        told(
            receiver,
            given(ONE, {"a": "converged", "b": "failed"}),
            context="reconciler/prod",
            page="https://r.example/",
        )
    (got,) = receiver.got
    assert (got.method, got.path) == ("POST", f"/api/v4/repos/owner/app/statuses/{ONE}")
    assert got.headers["authorization"] == f"Bearer {TOKEN}"
    assert got.headers["accept"] == "application/vnd.github+json"
    assert got.headers["x-github-api-version"] == "2022-11-28"
    assert got.json == {
        "state": "failure",
        "context": "reconciler/prod",
        "description": "1 of 2 targets converged, 1 failed: b",
        "target_url": "https://r.example/",
    }


def test_gitlab():
    with receiving(Answer(201)) as receiver:
        told(receiver, given(TWO, {}, "the tree has 2 problems"), provider="gitlab")
    (got,) = receiver.got
    assert got.path == f"/api/v4/projects/group%2Fsub%2Fapp/statuses/{TWO}"
    assert got.headers["private-token"] == TOKEN
    assert "authorization" not in got.headers
    assert got.json == {"state": "failed", "name": "reconciler", "description": "the tree has 2 problems"}


def test_only_a_new_revision_or_state_is_sent():
    def steps() -> Iterator[Step]:
        yield given(ONE, {"a": None, "b": None})
        yield given(ONE, {"a": "converged", "b": "progressing"})
        yield given(ONE, {"a": "converged", "b": "converged"})
        yield given(ONE, {"a": "converged", "b": "converged"})
        yield given(TWO, {"a": "converged", "b": "converged"})
        yield given("not-a-commit", {"a": "failed"})

    with receiving(Answer(201)) as receiver:
        told(receiver, *steps())
    assert [(got.path[-1], got.json["state"]) for got in receiver.got] == [
        ("1", "pending"),
        ("1", "success"),
        ("2", "success"),
    ]


def test_only_the_newest_counts():
    with receiving(Answer(201, wait=0.3), Answer(201)) as receiver:
        notifier = Notifier(status=status(receiver), pauses=FAST)

        async def main() -> None:
            notifier.revision(ONE, {"a": None})
            await until(lambda: receiver.got)
            notifier.revision(ONE, {"a": "failed"})
            notifier.revision(TWO, {"a": None})
            notifier.revision(TWO, {"a": "converged"})

        go(notifier, main())
    assert [(got.path[-1], got.json["state"]) for got in receiver.got] == [("1", "pending"), ("2", "success")]


def test_a_refusal_is_said_once_and_not_repeated():
    def steps() -> Iterator[Step]:
        for _ in range(3):
            yield given(ONE, {"a": "converged"})

    with receiving(Answer(403, body=f'{{"message": "{TOKEN} may not"}}'.encode())) as receiver:
        logs = told(receiver, *steps())
    assert len(receiver.got) == 1
    assert [entry["error"] for entry in logs] == ['commit status refused with 403: {"message": "(secret) may not"}']


def test_a_server_that_is_down_is_asked_again_later():
    with receiving(Answer(502), Answer(502), Answer(201)) as receiver:
        one = status(receiver)

        class Soon(Notifier):
            async def run(self) -> None:
                await one.run((0.01,), again=0.05)

        notifier = Soon(status=one)

        async def main() -> None:
            notifier.revision(ONE, {"a": "converged"})
            await until(lambda: one.idle)
            await one.close()

        go(notifier, main())
    assert len(receiver.got) == 3


def test_a_state_that_gitlab_has_already_is_fine():
    body = b'{"message": "Cannot transition status via :succeed from :success (Reason(s): ...)"}'
    with receiving(Answer(400, body=body)) as receiver:
        logs = told(receiver, given(ONE, {"a": "converged"}), provider="gitlab")
    assert [entry["event"] for entry in logs] == ["the commit's status was set"]
    with receiving(Answer(400, body=b"{}")) as receiver:
        logs = told(receiver, given(ONE, {"a": "converged"}), provider="gitlab")
    assert [entry["event"] for entry in logs] == ["a notification was not delivered"]


@pytest.mark.parametrize(
    ("outcomes", "state", "description"),
    [
        ({}, "pending", "0 of 0 targets converged"),
        ({"a": "converged"}, "success", "1 of 1 targets converged"),
        ({"a": "converged", "b": None}, "pending", "1 of 2 targets converged, 1 waiting"),
        ({"a": "drifted", "b": "suspended"}, "pending", "0 of 2 targets converged, 1 drifted, 1 suspended"),
        ({"a": "progressing", "b": "blocked"}, "failure", "0 of 2 targets converged, 1 blocked, 1 progressing: b"),
        ({"a": "error"}, "failure", "0 of 1 targets converged, 1 error: a"),
    ],
)
def test_targets_together(outcomes: dict[str, str | None], state: str, description: str):
    assert judged(outcomes) == (state, description)


def test_a_description_is_one_short_line():
    _, many = judged({f"target-{number}": "failed" for number in range(100)})
    assert len(many) == LONGEST
    assert many.endswith("…")
    assert judged({}, "a\nb\x0bc") == ("error", "a b c")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"repository": "../../user"}, "dot segment"),
        ({"repository": "a//b"}, "empty segment"),
        ({"token": Secret("a\nb")}, "characters that no header may hold"),
        ({"api": "http://example.com"}, "unencrypted"),
        ({"api": "https://example.com/?x=1"}, "a query or credentials"),
        ({"api": "https://u:p@example.com/"}, "a query or credentials"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(more: dict[str, Any], words: str):
    given = {"provider": "github", "repository": "owner/app", "token": Secret(TOKEN), **more}
    with pytest.raises(InputError, match=words):
        make_status(StatusTo(**given))
