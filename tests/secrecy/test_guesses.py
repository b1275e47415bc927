"""Guessing tokens: refused ever more shortly and logged, and never at the cost of somebody who has one."""

from __future__ import annotations

import httpx
import pytest

from reconciler.web.gates import Guesses
from reconciler.web.problems import Refusal
from reconciler.web.settings import Role
from tests.web.serving import PLAIN, bearer, serving


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(guesses: Guesses, address: str) -> bool:
    try:
        guesses.wrong(address)
    except Refusal as error:
        refusal = error
    else:
        return False
    assert refusal.status == 429
    assert refusal.headers is not None
    assert 0 < int(refusal.headers["Retry-After"]) <= 60
    return True


def test_each_address_has_a_bound_of_its_own_that_fills_up_again():
    clock = Clock()
    guesses = Guesses(clock)
    assert [refused(guesses, "a") for _ in range(guesses.PER_MINUTE + 2)] == [False] * guesses.PER_MINUTE + [True] * 2
    assert not refused(guesses, "b")
    clock.now += 60 / guesses.PER_MINUTE + 0.001
    assert [refused(guesses, "a") for _ in range(2)] == [False, True]


def test_addresses_are_not_remembered_without_bound():
    guesses = Guesses(Clock())
    for number in range(guesses.ADDRESSES * 2):
        for _ in range(2 if number % 500 else guesses.PER_MINUTE + 1):
            refused(guesses, str(number))
    assert len(guesses._buckets) == guesses.ADDRESSES
    assert len(guesses._told) <= guesses.ADDRESSES


@pytest.mark.parametrize("path", ["/api/v1/targets", "/", "/metrics"])
def test_wrong_tokens_are_throttled_and_right_ones_never(path: str):
    with serving() as server, httpx.Client(base_url=server.url, trust_env=False, verify=PLAIN) as client:
        wrong = {"Authorization": "Bearer wrong-token-0123456789"}
        answers = [client.get(path, headers=wrong) for _ in range(Guesses.PER_MINUTE + 5)]
        assert {one.status_code for one in answers[: Guesses.PER_MINUTE]} == {401}
        last = answers[-1]
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) > 0
        assert "wrong-token" not in last.text
        # The same address, as behind an ingress: a token that is known is served as ever, and so is nobody at all.
        assert client.get(path, headers=bearer(Role.OPERATE)).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/v1/targets").status_code == 401


def test_guesses_at_the_sign_in_form_count_too():
    with serving() as server, httpx.Client(base_url=server.url, trust_env=False, verify=PLAIN) as client:
        origin = {"Origin": server.url.rstrip("/")}
        codes = [
            client.post("/login", data={"token": f"guess-{number}", "next": "/"}, headers=origin).status_code
            for number in range(Guesses.PER_MINUTE + 2)
        ]
        assert set(codes[: Guesses.PER_MINUTE]) == {403}
        assert codes[-1] == 429
        right = {"token": "operate-token-0123456789", "next": "/"}
        assert client.post("/login", data=right, headers=origin).status_code == 303
