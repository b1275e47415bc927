"""Signing in with a browser, and what keeps others from using its cookie."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from reconciler.web.auth import Caller
from reconciler.web.pages.sessions import Sessions
from reconciler.web.settings import Role
from tests.web.pages import stage
from tests.web.pages.conftest import Browser, Opened
from tests.web.pages.reading import Page, form_values

FORMS = ["/reconcile", *(f"/targets/prod/{what}" for what in ("reconcile", "suspend", "resume", "approve"))]
TOKEN = stage.TOKENS[Role.OPERATE]


def origin(client: httpx.Client) -> dict[str, str]:
    return {"Origin": str(client.base_url).rstrip("/")}


@pytest.mark.parametrize("path", ["/", "/events", "/targets/prod?all=1"])
def test_strangers_are_asked_to_sign_in_and_led_back(opened: Opened, made: stage.Stage, path: str):
    client = opened(made)
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={quote(path, safe='')}")
    form = form_values(client.get(answer.headers["location"]).text, "/login") | {"token": TOKEN}
    answer = client.post("/login", data=form, headers=origin(client))
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("more", "name", "secure"),
    [
        ({}, "reconciler", False),
        ({"loopback": False}, "reconciler", True),
        ({"secure": True}, "__Host-reconciler", True),
    ],
)
def test_the_cookie_is_for_this_site_alone(opened: Opened, made: stage.Stage, more: Any, name: str, secure: bool):
    client = opened(made, stage.settings(*Role, **more))
    answer = client.post("/login", data={"token": TOKEN}, headers=origin(client))
    cookie, *rules = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert cookie.startswith(f"{name}=")
    assert len(cookie) > 40
    assert TOKEN not in answer.headers["set-cookie"]
    assert {rule.lower() for rule in rules} == {"httponly", "path=/", "samesite=strict", *(["secure"] * secure)}


def test_where_the_browser_cannot_keep_the_cookie_the_page_says_so(opened: Opened, made: stage.Stage):
    client = opened(made, stage.settings(*Role, loopback=False))
    told = "the browser won’t keep the sign-in"
    assert told in Page(client.get("/login", headers={"Host": "status.example:8080"}).text).text
    assert told not in Page(client.get("/login").text).text
    behind_tls = opened(made, stage.settings(*Role, loopback=False, secure=True))
    assert told not in Page(behind_tls.get("/login", headers={"Host": "status.example"}).text).text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "é\udcff".encode("utf-8", "surrogateescape")])
def test_a_wrong_token_is_refused_on_the_page(opened: Opened, made: stage.Stage, token: Any):
    client = opened(made)
    answer = client.post("/login", data={"token": token, "next": "/events"}, headers=origin(client))
    assert answer.status_code in (400, 403)
    assert "set-cookie" not in answer.headers
    page = Page(answer.text)
    assert page.one("input", name="token")["aria-invalid"] == "true"
    assert page.of("div", role="alert")
    if answer.status_code == 403:
        assert page.one("input", name="next")["value"] == "/events"
        assert "There is no such token" in page.text


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/\n/x"]
)
def test_nobody_is_led_to_another_site(opened: Opened, made: stage.Stage, wanted: str):
    client = opened(made)
    answer = client.post("/login", data={"token": TOKEN, "next": wanted}, headers=origin(client))
    assert answer.headers["location"] == "/"
    assert form_values(client.get("/login", params={"next": wanted}).text, "/login")["next"] == "/"


def test_from_another_site_the_page_is_asked_for_twice(opened: Opened, made: stage.Stage):
    """A browser keeps a strict cookie back when it follows a link from elsewhere, such as a chat."""
    answer = opened(made).get("/targets/prod", headers={"Sec-Fetch-Site": "cross-site"})
    page = Page(answer.text)
    assert answer.status_code == 200
    assert page.one("meta", **{"http-equiv": "refresh"})["content"] == "0"
    assert page.of("a", href="/targets/prod")


def test_signing_out_ends_the_session_everywhere(signed: Any, made: stage.Stage):
    browser = signed(Role.READ)
    cookies = dict(browser.client.cookies)
    page = browser.send("/", "/logout")
    assert page.url.path == "/login"
    assert "reconciler" not in browser.client.cookies
    kept = httpx.get(f"{browser.client.base_url}", cookies=cookies)
    assert kept.status_code == 303


def test_signing_in_anew_gives_another_session(signed: Any):
    browser = signed(Role.READ)
    before = browser.client.cookies["reconciler"]
    browser.client.post("/login", data={"token": TOKEN}, headers=browser.host)
    assert browser.client.cookies["reconciler"] != before
    assert "olga" in browser.get("/").text
    old = httpx.get(f"{browser.client.base_url}", cookies={"reconciler": before})
    assert old.status_code == 303


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        ({}, "right"),
        ({"Origin": "https://evil.example"}, "right"),
        ({"Origin": "null"}, "right"),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "own"}, "right"),
        ({"Sec-Fetch-Site": "same-site", "Origin": "own"}, "right"),
        ({"Origin": "own"}, ""),
        ({"Origin": "own"}, "wrong"),
        ({"Origin": "own"}, "another's"),
        ({"Sec-Fetch-Site": "same-origin"}, "wrong"),
    ],
)
def test_a_form_that_is_not_ours_does_nothing(signed: Any, made: stage.Stage, headers: dict[str, str], csrf: str):
    browser, other = signed(Role.OPERATE), signed(Role.OPERATE)
    tokens = {"right": form_values(browser.get("/").text, "/reconcile")["csrf"]}
    tokens["another's"] = form_values(other.get("/").text, "/reconcile")["csrf"]
    assert tokens["right"] != tokens["another's"]
    sent = {name: browser.host["Origin"] if value == "own" else value for name, value in headers.items()}
    form = {"csrf": tokens.get(csrf, csrf), "reason": "x", "for": "", "digest": stage.OVER_BUDGET.digest}
    for path in FORMS:
        answer = browser.client.post(path, data=form, headers=sent)
        assert answer.status_code == 403
        assert Page(answer.text).of("div", role="alert")
    assert browser.client.post("/logout", data=form, headers=sent).status_code == 403
    assert made.asked == []


@pytest.mark.parametrize("role", [Role.READ, Role.PLAN])
def test_who_may_only_read_sees_no_forms_and_can_do_nothing(signed: Any, made: stage.Stage, role: Role):
    browser = signed(role)
    for path in ("/", "/targets/prod", "/targets/archive"):
        assert Page(browser.get(path).text).actions == ["/logout"]
    assert "Somebody with the role operate can approve it" in Page(browser.get("/targets/prod").text).text
    csrf = form_values(browser.get("/").text, "/logout")["csrf"]
    for path in FORMS:
        answer = browser.client.post(path, data={"csrf": csrf}, headers=browser.host)
        assert answer.status_code == 403
        assert f"this takes the role operate; {stage.NAMES[role]} has {role}" in answer.text.replace("This", "this")
    assert made.asked == []


def test_a_bearer_token_needs_no_form_of_ours(opened: Opened, made: stage.Stage):
    client = opened(made)
    answer = client.post("/targets/prod/reconcile", data={"x": ""}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/targets/prod")
    assert made.asked == [("wake", "prod", "olga")]
    wrong = client.post("/targets/prod/reconcile", data={"x": ""}, headers={"Authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
    assert len(made.asked) == 1


def test_a_wrong_bearer_token_is_no_cookie(signed: Any):
    browser: Browser = signed(Role.OPERATE)
    assert browser.client.get("/", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_api_takes_no_cookie(signed: Any, made: stage.Stage):
    browser = signed(Role.OPERATE)
    assert browser.client.get("/api/v1/targets").status_code == 401
    assert browser.client.post("/api/v1/reconcile", headers=browser.host).status_code == 401


def test_without_tokens_this_machine_may_read_and_is_told_how_to_do_more(opened: Opened, made: stage.Stage):
    client = opened(made, stage.settings())
    for path in ("/", "/targets/prod", "/events"):
        page = Page(client.get(path).text)
        assert page.actions == []
        assert "read-only" in page.one("header").text
    page = Page(client.get("/").text)
    assert "This page is read-only, because no tokens are configured" in page.text
    assert "role: operate" in page.text
    assert "nothing to sign in with" in Page(client.get("/login").text).text
    for path in FORMS:
        assert client.post(path, data={"x": ""}, headers=origin(client)).status_code == 403
    assert made.asked == []


def test_without_tokens_other_machines_see_nothing(opened: Opened, made: stage.Stage):
    client = opened(made, stage.settings(loopback=False))
    assert client.get("/").status_code == 303
    assert "nobody can sign in here" in Page(client.get("/login").text).text
    assert client.post("/login", data={"token": ""}, headers=origin(client)).status_code == 403


def test_a_fragment_without_a_session_is_a_401(opened: Opened, made: stage.Stage):
    assert opened(made).get("/", headers={"Reconciler-Fragment": "1"}).status_code == 401


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"data": {"token": "x" * 70_000}}, 413),
        ({"json": {"token": TOKEN}}, 415),
        ({"content": b"\xff=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": {f"f{n}": "1" for n in range(30)}}, 400),
    ],
)
def test_a_form_is_bounded(opened: Opened, made: stage.Stage, given: dict[str, Any], status: int):
    client = opened(made)
    given["headers"] = origin(client) | given.get("headers", {})
    assert client.post("/login", **given).status_code == status


def test_sessions_end_and_are_bounded():
    caller = Caller("ada", Role.READ)
    sessions = Sessions(most=2)
    first, second = sessions.open(caller), sessions.open(caller)
    assert sessions.find(first)
    third = sessions.open(caller)
    assert [sessions.find(id) is not None for id in (first, second, third)] == [True, False, True]
    sessions.close(first)
    assert (sessions.find(first), len(sessions)) == (None, 1)
    for ending in (Sessions(life=0.0), Sessions(idle=0.0)):
        assert ending.find(ending.open(caller)) is None
        assert len(ending) == 0
    assert first not in repr(vars(sessions))
