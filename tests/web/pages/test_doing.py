"""What operators do on the pages: each form leads back with a message, or to what was wrong with it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reconciler.web.settings import Role
from tests.web.pages import stage
from tests.web.pages.conftest import Browser
from tests.web.pages.reading import Page


@pytest.fixture
def olga(signed: Any) -> Browser:
    browser: Browser = signed(Role.OPERATE)
    return browser


def test_reconcile_now(olga: Browser, made: stage.Stage):
    page = Page(olga.send("/targets/lab", "/targets/lab/reconcile").text)
    assert made.asked == [("wake", "lab", "olga")]
    assert page.one("div", role="status").text == "lab is looked at again now."
    assert not Page(olga.get("/targets/lab").text).of("div", role="status"), "it is said once"


def test_reconcile_all(olga: Browser, made: stage.Stage):
    page = Page(olga.send("/", "/reconcile").text)
    assert made.asked == [("wake", None, "olga")]
    assert "all targets are looked at again now" in page.text


@pytest.mark.parametrize(("chosen", "seconds"), [({}, 14_400), ({"for": "3600"}, 3600), ({"for": ""}, None)])
def test_suspend_and_resume(olga: Browser, made: stage.Stage, chosen: dict[str, str], seconds: int | None):
    page = Page(olga.send("/targets/emea", "/targets/emea/suspend", reason=" disk swap ", **chosen).text)
    (what, target, by, reason, until), *rest = made.asked
    assert (what, target, by, reason, rest) == ("suspend", "emea", "olga", "disk swap", [])
    assert until is None if seconds is None else abs(until - time.time() - seconds) < 30
    assert page.title == "emea: suspended – reconciler"
    assert "Suspended by olga" in page.text
    assert "disk swap" in page.text
    page = Page(olga.send("/targets/emea", "/targets/emea/resume").text)
    assert made.asked[1:] == [("resume", "emea", "olga")]
    assert "emea is no longer suspended" in page.text
    assert "/targets/emea/resume" not in page.actions


@pytest.mark.parametrize("typed", [{"reason": " "}, {"reason": "x" * 501}, {"reason": "why <b>", "for": "7"}])
def test_a_suspension_that_lacks_something_is_shown_again(olga: Browser, made: stage.Stage, typed: dict[str, str]):
    answer = olga.send("/targets/emea", "/targets/emea/suspend", **typed)
    page = Page(answer.text)
    assert answer.status_code == 422
    assert page.title == "Not done – emea: converged – reconciler"
    assert page.one("div", id="problem", role="alert").text.startswith(("Say why emea", "Choose how long"))
    field = page.one("input", name="reason")
    assert (field["value"], field["aria-describedby"]) == (typed["reason"], "problem")
    assert made.asked == []


def test_approve_shows_exactly_what_it_allows(olga: Browser, made: stage.Stage):
    page = Page(olga.get("/targets/prod").text)
    listed = [one.text for one in page.of("li") if one.text.startswith("delete User/former")]
    assert listed == ["delete User/former-1 (stops what runs)", *(f"delete User/former-{n}" for n in range(2, 8))]
    assert "7 steps wait for an approval" in page.text
    page = Page(olga.send("/targets/prod", "/targets/prod/approve").text)
    assert made.asked == [("approve", "prod", stage.OVER_BUDGET.digest, "olga")]
    assert "Approved by olga" in page.text
    assert "/targets/prod/approve" not in page.actions


def test_a_plan_that_has_changed_meanwhile_is_not_approved(olga: Browser, made: stage.Stage):
    answer = olga.send("/targets/prod", "/targets/prod/approve", digest="sha256:" + "0" * 64)
    assert answer.status_code == 409
    assert "The plan has changed since you saw it; nothing was approved" in Page(answer.text).text
    assert made.asked == []


def test_a_plan_that_no_budget_holds_back_needs_no_approval(olga: Browser):
    for name in ("lab", "emea", "apac"):
        assert f"/targets/{name}/approve" not in Page(olga.get(f"/targets/{name}").text).actions


def test_what_the_daemon_refuses_is_told_on_the_page(olga: Browser, made: stage.Stage):
    made.locked = True
    answer = olga.send("/targets/emea", "/targets/emea/suspend", reason="disk swap")
    page = Page(answer.text)
    assert answer.status_code == 409
    told = page.one("div", id="problem").text
    assert told == "The state is in use by another process Wait until it is done"
    assert page.one("input", name="reason")["value"] == "disk swap"


def test_an_unknown_target_is_not_acted_on(olga: Browser, made: stage.Stage):
    csrf = Page(olga.get("/").text).of("input", name="csrf")[0]["value"]
    answer = olga.client.post("/targets/nothing/reconcile", data={"csrf": csrf}, headers=olga.host)
    assert answer.status_code == 404
    assert made.asked == []


def test_a_form_is_not_a_link(olga: Browser):
    for path in ("/reconcile", "/logout", "/targets/prod/suspend"):
        assert olga.client.get(path).status_code == 405
