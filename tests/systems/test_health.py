"""How an object itself is, told from the words that the server shows; a word that nobody knows is no alarm."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.systems.base import Verb, Waiting, Work
from reconciler.systems.health import Condition, Health
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    SYSTEM,
    live_installer,
    live_service,
    live_worker,
    plan,
    view,
    worker,
)

H, P, D, U = Health.HEALTHY, Health.PROGRESSING, Health.DEGRADED, Health.UNKNOWN
NO_STATUS = Condition(U, "the server shows no status")


def condition(kind: str, **live: Any) -> Condition:
    """The condition of the only object of a kind."""
    (found,) = view(live=live).live(kind)
    return SYSTEM.kinds[kind].condition(found)


@pytest.mark.parametrize(
    ("word", "health"),
    [
        ("Connected", H),
        ("ok", H),
        ("Connecting", P),
        ("Disconnected", D),
        ("DOWN", D),
        ("Rebalancing", U),
    ],
)
def test_a_service_is_as_its_status_says(word: str, health: Health) -> None:
    service = live_service("s", "broker", "h", 1, status=word)
    assert condition("Service", listServices=[service]) == Condition(health, word)


@pytest.mark.parametrize("status", [None, "", 7])
def test_no_status_is_not_known(status: Any) -> None:
    assert condition("Service", listServices=[live_service("s", "broker", "h", 1, status=status)]) == NO_STATUS
    assert condition("Worker", listWorkers=[live_worker("w", status=status)]) == NO_STATUS
    assert condition("Deployment", listWorkers=[live_worker("w", "5.15.0", status=status)]) == NO_STATUS


@pytest.mark.parametrize(
    ("word", "worker", "instance"),
    [
        ("Deployed", H, H),
        ("Running", H, H),
        ("Deploying", H, P),
        ("Upgrading", H, P),
        ("Undeploying", H, P),
        ("Failed", H, D),
        ("Disconnected", D, D),
        ("Rebooting", U, P),
    ],
)
def test_a_worker_and_its_instance_are_told_apart(word: str, worker: Health, instance: Health) -> None:
    shown = [live_worker("w", "5.15.0", status=word)]
    assert condition("Worker", listWorkers=shown).health is worker
    assert condition("Deployment", listWorkers=shown).health is instance


@pytest.mark.parametrize(("word", "health"), [("Available", H), ("Failed", D), ("Disconnected", D), ("Rebooting", U)])
def test_a_worker_without_an_instance_speaks_for_itself(word: str, health: Health) -> None:
    assert condition("Worker", listWorkers=[live_worker("w", status=word)]).health is health


@pytest.mark.parametrize("word", ["Deployed", "Running", "Deploying", "Failed", "Rebooting", None])
def test_an_instance_is_healthy_when_a_deploy_would_be_over(word: str | None) -> None:
    """One reading of the words for both: what a pass goes on waiting for isn't healthy yet."""
    seen = view(live={"listWorkers": [live_worker("w", "5.15.0", status=word)]})
    (live,) = seen.live("Deployment")
    found = SYSTEM.kinds["Deployment"].settled(Verb.CREATE, Work("m", None, live), seen)
    health = SYSTEM.kinds["Deployment"].condition(live).health
    assert isinstance(found, Waiting) == (health in (P, U))


def test_what_shows_no_state_of_its_own_is_healthy_when_it_is_there() -> None:
    seen = view(
        live={"listUsers": [ADMIN], "listRoles": [ADMINISTRATOR], "listInstallers": {"i": live_installer("5.15.0")}}
    )
    for name in ("User", "Role", "Installer", "Session", "SessionCookie", "Cleanup", "ServiceSetting"):
        assert seen.live(name), name
        assert [SYSTEM.kinds[name].condition(live) for live in seen.live(name)] == [Condition(H)], name


def test_people_are_warned_of_what_is_unwell_and_not_of_what_is_unknown() -> None:
    for word, warned in (("Disconnected", True), ("Rebooting", False), ("Available", False), (None, False)):
        made = plan(view(worker("w"), live={"listWorkers": [live_worker("w", status=word)]}))
        assert made.unchanged == 1
        assert made.warnings == (("Worker/w: disconnected",) if warned else ())
