"""The status page in a real browser: clicked, typed, watched, narrow, dark, and looked through by axe-core."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from reconciler.daemon.state import SourceState
from reconciler.web.settings import Role, WebSettings
from tests.web.pages import stage
from tests.web.pages.axe import violations

pytestmark = pytest.mark.ci

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
NARROW: ViewportSize = {"width": 360, "height": 740}
WIDE: ViewportSize = {"width": 1280, "height": 800}
Visit = Callable[..., Page]
BLANK = stage.Stage(SourceState("/srv/desired"), [])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What a browser's console complains of; a test that expects something takes it out."""
    return []


@pytest.fixture
def visit(chromium: Browser, complaints: list[str]) -> Iterator[Visit]:
    """Opens a stage's first page, signed in with the role's token; what the console complains of fails the test."""

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    with ExitStack() as stack:

        def open_it(
            control: stage.Stage, role: Role | None = Role.OPERATE, settings: WebSettings | None = None, **context: Any
        ) -> Page:
            url = stack.enter_context(stage.served(control, settings or stage.settings(*Role)))
            page = stack.enter_context(chromium.new_context(base_url=url, **{"viewport": WIDE, **context})).new_page()
            page.set_default_timeout(10_000)
            page.on("console", note)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto("/")
            if role is not None:
                page.get_by_label("Token").fill(stage.TOKENS[role])
                page.get_by_role("button", name="Sign in").click()
                page.wait_for_url(f"{url}/")
            return page

        yield open_it
    # What the page asks for in the moment in which somebody signs out is refused, as it should be.
    assert [one for one in complaints if "status of 401" not in one] == []


def walk(page: Page, made: stage.Stage) -> None:
    """Suspend, resume, approve, reconcile and sign out, by clicking."""
    page.get_by_role("link", name="prod").click()
    expect(page).to_have_title("prod: blocked – reconciler")
    page.get_by_text("Suspend…").click()
    page.get_by_label("Reason").fill("disk swap")
    page.get_by_label("For", exact=True).select_option("1 day")
    page.get_by_role("button", name="Suspend prod").click()
    expect(page.get_by_role("heading", name="Suspended by olga")).to_be_visible()
    expect(page.get_by_text("prod is suspended: nothing is written to it for 1 day.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("prod is no longer suspended.")).to_be_visible()
    page.get_by_role("button", name="Approve this plan").click()
    expect(page.get_by_text("Approved by olga")).to_be_visible()
    page.get_by_role("button", name="Reconcile now").click()
    expect(page.get_by_text("prod is looked at again now.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_title("Sign in – reconciler")
    assert [one[0] for one in made.asked] == ["suspend", "resume", "approve", "wake"]
    assert {one[2] if one[0] != "approve" else one[3] for one in made.asked} == {"olga"}


@pytest.mark.parametrize("script", [True, False], ids=["with-javascript", "without-javascript"])
def test_everything_can_be_clicked(visit: Visit, made: stage.Stage, script: bool):
    walk(visit(made, java_script_enabled=script), made)


def test_changes_appear_without_reloading(visit: Visit, made: stage.Stage):
    page = visit(made)
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.here = true")
    made.soon("emea", verdict="failed", error="it is on fire")
    expect(page.get_by_text("it is on fire")).to_be_visible()
    expect(page).to_have_title("3 failing, 1 blocked, 1 drifted – reconciler")
    expect(page.locator("#announce")).to_have_text("Now: 3 failing, 1 blocked, 1 drifted")
    page.get_by_role("link", name="emea").click()
    expect(page.locator("#live")).to_have_text("Live")
    page.get_by_text("Suspend…").click()
    page.get_by_label("Reason").fill("half a sen")
    page.get_by_text("Service 5").click()
    made.soon("emea", verdict="converged", error=None)
    expect(page).to_have_title("emea: converged – reconciler")
    expect(page.get_by_text("it is on fire")).to_have_count(0)
    expect(page.get_by_label("Reason")).to_have_value("half a sen")
    expect(page.get_by_role("rowheader", name="broker")).to_be_visible()
    page.goto("/")
    page.evaluate("window.here = true")
    made.soon("dmz", verdict="converged", error=None)
    expect(page).to_have_title("1 failing, 1 blocked, 1 drifted – reconciler")
    assert page.evaluate("window.here") is True, "the page was never loaded again"


def test_an_update_leaves_the_focus_where_it_is(visit: Visit, made: stage.Stage):
    page = visit(made)
    expect(page.locator("#live")).to_have_text("Live")
    page.get_by_role("link", name="staging").focus()
    made.soon("lab", verdict="converged")
    expect(page).to_have_title("1 failing, 1 blocked, 1 drifted – reconciler")
    assert page.evaluate("document.activeElement.textContent") == "staging"


def test_a_session_that_has_ended_is_told(visit: Visit, made: stage.Stage, complaints: list[str]):
    page = visit(made)
    expect(page.locator("#live")).to_have_text("Live")
    page.context.clear_cookies()
    made.soon("emea", verdict="failed")
    expect(page.locator("#live")).to_have_text("Signed out: reload the page")
    assert "401" in complaints.pop()


def test_objects_are_filtered_while_typing(visit: Visit, made: stage.Stage):
    page = visit(made)
    page.goto("/targets/prod")
    page.get_by_label("Filter by name").fill("BRoker")
    expect(page.locator("#found")).to_have_text("1 of 13 objects")
    expect(page.get_by_role("rowheader", name="broker", exact=True)).to_be_visible()
    expect(page.get_by_text("worker-9").last).to_be_hidden()
    page.get_by_label("Filter by name").fill("")
    expect(page.get_by_role("rowheader", name="broker", exact=True)).to_be_hidden()
    expect(page.get_by_role("rowheader", name="worker-9")).to_be_visible()


def test_times_go_on(visit: Visit, made: stage.Stage):
    page = visit(made)
    when = page.locator("#row-emea time")
    shown = when.inner_text()
    assert re.fullmatch(r"\d+ s ago", shown)
    expect(when).not_to_have_text(shown, timeout=15_000)
    expect(when).to_have_text(re.compile(r"^\d+ s ago$"))


def test_the_keyboard_is_enough(visit: Visit, made: stage.Stage):
    page = visit(made, role=None)
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    press("Enter")
    press("Tab")
    page.keyboard.type(stage.TOKENS[Role.OPERATE])
    press("Enter")
    expect(page).to_have_title(re.compile("^2 failing"))
    reach(page, "lab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "one sees where the focus is"
    press("Enter")
    expect(page).to_have_title(re.compile("^lab"))
    reach(page, "Suspend…")
    press("Enter")
    press("Tab")
    page.keyboard.type("by hand")
    press("Enter")
    expect(page.get_by_role("heading", name="Suspended by olga")).to_be_visible()
    reach(page, "Resume")
    press("Space")
    expect(page.get_by_text("lab is no longer suspended.")).to_be_visible()


def reach(page: Page, name: str) -> None:
    """Press Tab until the focus is on what is called so, always forwards and down the page's order."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"{name} can't be reached")


LOOKED_AT: list[tuple[str, Callable[[], stage.Stage], list[str]]] = [
    (
        "usual",
        stage.stage,
        ["/", "/events", *(f"/targets/{name}" for name in "prod lab dmz archive fresh edge".split())],
    ),
    ("broken", stage.broken, ["/", "/targets/prod"]),
    ("hostile", stage.hostile, ["/", "/targets/prod", "/events"]),
    ("crowd", lambda: stage.crowd(60), ["/", "/?q=nothing"]),
    ("blank", lambda: BLANK, ["/", "/events"]),
]


@pytest.mark.parametrize(("make", "paths"), [one[1:] for one in LOOKED_AT], ids=[one[0] for one in LOOKED_AT])
def test_pages_fit_and_are_for_everybody(visit: Visit, make: Any, paths: list[str]):
    page = visit(make())
    for path in paths:
        page.goto(path)
        look_through(page)


@pytest.mark.parametrize("loopback", [True, False])
def test_pages_without_tokens_fit_and_are_for_everybody(visit: Visit, made: stage.Stage, loopback: bool):
    look_through(visit(made, role=None, settings=stage.settings(loopback=loopback)))


def test_failures_fit_and_are_for_everybody(visit: Visit, made: stage.Stage, complaints: list[str]):
    page = visit(made, role=None)
    look_through(page)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no such token")
    look_through(page)
    page.get_by_label("Token").fill(stage.TOKENS[Role.READ])
    page.get_by_role("button", name="Sign in").click()
    page.goto("/targets/nothing")
    expect(page.get_by_role("alert")).to_contain_text("There is no target 'nothing'")
    look_through(page)
    assert [status for one in complaints for status in ("403", "404") if status in one] == ["403", "404"]
    complaints.clear()


def look_through(page: Page) -> None:
    """Look at everything there is on a page, narrow and wide, light and dark."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        assert violations(page) == [], (page.url, size)
        page.emulate_media(color_scheme="dark")
        assert violations(page, "color-contrast") == [], (page.url, size)
