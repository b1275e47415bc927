"""What is news, and what isn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.notify.changes import PASSING, Changes
from reconciler.notify.message import LONGEST, Message, to_text

OUTCOMES = ("converged", "drifted", "blocked", "failed", "error", "progressing", "suspended")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(*outcomes: str) -> list[str]:
    """``before>outcome`` of what is told of a target whose passes ended so, a minute apart."""
    clock = Clock()
    changes = Changes(clock=clock)
    news = []
    for outcome in outcomes:
        if (message := changes.news(Message("prod", outcome, 0.0))) is not None:
            news.append(f"{message.before}>{message.outcome}")
        clock.now += 60
    return news


@pytest.mark.parametrize(
    ("outcomes", "news"),
    [
        (["converged", "converged"], []),
        (["converged", "failed", "failed", "converged"], ["converged>failed", "failed>converged"]),
        (["failed", "failed"], ["None>failed"]),
        (["progressing", "converged"], []),
        (["progressing", "failed"], ["None>failed"]),
        (["converged", "progressing", "converged"], []),
        (["converged", "progressing", "failed"], ["converged>failed"]),
        (["failed", "progressing", "failed"], ["None>failed"]),
        (["failed", "suspended", "converged"], ["None>failed", "failed>converged"]),
        (["blocked", "drifted", "error"], ["None>blocked", "blocked>drifted", "drifted>error"]),
    ],
)
def test_a_changed_outcome_is_told_once(outcomes: list[str], news: list[str]):
    assert told(*outcomes) == news


def test_what_is_passing_is_told_when_it_lasts():
    assert told("converged", *["progressing"] * 15) == []
    assert told("converged", *["progressing"] * 30, "converged") == [
        "converged>progressing",
        "progressing>converged",
    ]
    assert told(*["suspended"] * 17) == ["None>suspended"]
    # Each has to last by itself, and in one piece.
    assert told("converged", *["progressing"] * 10, *["suspended"] * 10) == []
    assert told("converged", *["progressing"] * 10, "converged", *["progressing"] * 10) == []


def test_targets_are_looked_at_by_themselves():
    changes = Changes()
    assert changes.news(Message("a", "failed", 0.0))
    assert changes.news(Message("b", "failed", 0.0))
    assert not changes.news(Message("a", "failed", 0.0))
    changes.forget("a")
    assert changes.news(Message("a", "failed", 0.0))


def test_what_history_knows_is_not_told_again():
    changes = Changes()
    changes.known("a", "failed")
    assert not changes.news(Message("a", "failed", 0.0))
    news = changes.news(Message("a", "converged", 0.0))
    assert news is not None
    assert news.before == "failed"


@given(st.lists(st.sampled_from(OUTCOMES), max_size=40))
def test_what_is_told_is_a_chain_that_ends_where_things_are(outcomes: list[str]):
    pairs = [entry.split(">") for entry in told(*outcomes)]
    assert all(before != outcome for before, outcome in pairs)
    assert [before for before, _ in pairs[1:]] == [outcome for _, outcome in pairs[:-1]]
    if outcomes and outcomes[-1] not in PASSING:
        assert (pairs[-1][1] if pairs else "converged") == outcomes[-1]


def test_a_message_is_bounded_and_its_texts_are_cleaned():
    message = Message("prod", "failed", 0.0, summary="x" * 9999, error="key hunter2 refused", blocked=("r",) * 99)
    clean = message.without(lambda text: text.replace("hunter2", "(secret)"))
    assert (len(clean.summary), clean.error, len(clean.blocked)) == (LONGEST, "key (secret) refused", 50)
    assert clean.id == message.id


def test_text_for_people():
    message = Message(
        "prod",
        "blocked",
        0.0,
        revision="3f2a",
        summary="2 objects are blocked",
        counts={"synced": 18},
        blocked=("budget", "frozen"),
        page="https://r.example/t/prod",
        before="converged",
    )
    assert to_text(message) == (
        "prod: blocked (was converged)",
        "2 objects are blocked\nBlocked by: budget, frozen\nObjects: 18 synced\nRevision: 3f2a\nhttps://r.example/t/prod",
    )
    assert to_text(Message("prod", "converged", 0.0)) == ("prod: converged", "prod: converged")


def test_somebody_elses_words_stay_on_their_line_and_ring_nobody():
    _, body = to_text(Message("prod", "failed", 0.0, error="no\nRevision: forged @everyone \x1b[2J"))
    assert body == "Error: no\\nRevision: forged @\u200beveryone \\u001b[2J"
