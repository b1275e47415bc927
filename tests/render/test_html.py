"""The page: well-formed, self-contained, its contrast sufficient, and nothing in it but our own tags."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given, settings

from reconciler.render.html import plan_html, report_html
from reconciler.steps import Plan, Report
from tests.render import hostile, samples

VOID = {"meta"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article", "div"),
    *("h1", "h2", "h3", "p", "span", "small", "code", "ul", "li", "dl", "dt", "dd", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "del", "ins"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "aria-hidden", "aria-label", "scope", "open"}


class Page(HTMLParser):
    """Checks that tags are ours and closed in order; collects the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.csp = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.csp = given["content"] or ""
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def check(text: str) -> Page:
    """The page is whole and every character of it visible."""
    assert text.startswith("<!DOCTYPE html>\n")
    assert all(line.isprintable() for line in text.split("\n"))
    return Page(text)


@pytest.mark.parametrize(
    "plan", [samples.FULL, samples.EMPTY, samples.ONLY_BLOCKED, samples.STATELESS, samples.many(30)]
)
def test_samples(plan: Plan) -> None:
    page = check(plan_html(plan))
    assert page.seen.count("h1") == 1
    assert page.seen.count("table") == page.seen.count("caption")


def test_it_needs_nothing_from_elsewhere() -> None:
    text = plan_html(samples.FULL)
    assert not re.search(r"\b(?:src|href|action|style)=|@import|url\(", text)
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert check(text).csp == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_a_plan_without_state_says_so() -> None:
    assert "Made without the state: can't be applied." in "".join(check(plan_html(samples.STATELESS)).text)


def test_reports() -> None:
    text = "".join(check(report_html(samples.REPORT)).text)
    assert "✗ failed" in text
    assert "400: e-mail address bob@example.com is taken" in text
    assert "Failed: nobody can tell how 1 write ended" in text
    assert "no changes" in report_html(samples.NOTHING)


@settings(max_examples=50)
@given(hostile.plans)
def test_hostile_plans(plan: Plan) -> None:
    check(plan_html(plan))


@settings(max_examples=50)
@given(hostile.reports)
def test_hostile_reports(report: Report) -> None:
    check(report_html(report))


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast(scheme: int) -> None:
    css = files("reconciler.render").joinpath("templates/page.css.j2").read_text()
    blocks = [block for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL) if "--ink" in block]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    actions = ("create", "update", "delete", "replace")
    pairs = [(ink, back) for ink in ("ink", "quiet", *actions) for back in ("page", "card")]
    pairs += [("ink", f"{name}-back") for name in actions] + [(name, f"{name}-back") for name in actions]
    for ink, back in pairs:
        low, high = sorted((_luminance(colours[ink]), _luminance(colours[back])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, back)
