"""The site: it is built strictly, asks no other host for anything, and works from disk in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from playwright.sync_api import Page, sync_playwright

from scripts import docs_site
from scripts.docs_text import ROOT

FETCHING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "form": "action"}
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync"
)

pytestmark = pytest.mark.ci


class Tags(HTMLParser):
    """A page's tags, and each paragraph's first character."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.paragraphs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "p":
            self.paragraphs.append(data)


def build(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.docs_site", "--site-dir", str(folder), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Tags]:
    found = {path: Tags(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(found) > 50
    return found


def test_it_asks_no_other_host_for_anything(site: Path, pages: dict[Path, Tags]) -> None:
    wrong = [
        f"{path.relative_to(site)}: {attributes[FETCHING[tag]]}"
        for path, tags in pages.items()
        for tag, attributes in tags.found
        if tag in FETCHING and urlsplit(attributes.get(FETCHING[tag], "")).netloc
    ]
    assert wrong == []
    ours = [
        path for path in site.rglob("*.css") if re.search(r"url\(['\"]?(https?:)?//", path.read_text(encoding="utf-8"))
    ]
    assert ours == []


def test_every_link_inside_leads_to_a_file_and_an_anchor(site: Path, pages: dict[Path, Tags]) -> None:
    anchors = {path: {attributes.get("id") for _, attributes in tags.found} for path, tags in pages.items()}
    wrong = []
    for path, tags in pages.items():
        for link in (attributes.get("href", "") for tag, attributes in tags.found if tag == "a"):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = anchors.get(target, {parts.fragment})
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in known | {"__top"}):
                wrong.append(f"{path.relative_to(site)}: {link}")
    assert wrong == []


def test_tables_are_tables(site: Path, pages: dict[Path, Tags]) -> None:
    """A blank line in one makes a paragraph of the rest."""
    wrong = [
        path.relative_to(site) for path, tags in pages.items() if any(one.startswith("| ") for one in tags.paragraphs)
    ]
    assert wrong == []


def test_generated_pages_have_their_titles(site: Path) -> None:
    assert "<title>Rules and guards - reconciler</title>" in (site / "rules.html").read_text(encoding="utf-8")


def test_what_pages_link_to_comes_along(site: Path) -> None:
    assert 'id="helm-chart"' in (site / "repository/helm/about.html").read_text(encoding="utf-8")
    assert "pull_request" in (site / "repository/examples/ci/github.yml.html").read_text(encoding="utf-8")
    assert not list(site.glob("_*"))


def test_broken_links_end_the_build(tmp_path: Path) -> None:
    """A page, an anchor, and a file of the repository that aren't there."""
    config = yaml.unsafe_load(docs_site.CONFIG.read_text(encoding="utf-8"))
    (tmp_path / "docs").mkdir()
    text = "# x\n\n[x](nowhere.md) [x](index.md#nowhere) [x](../nowhere.py)\n"
    (tmp_path / "docs/index.md").write_text(text, encoding="utf-8")
    del config["extra"], config["extra_css"]
    config |= {"nav": ["index.md"], "docs_dir": "docs", "hooks": [str(ROOT / "scripts/docs_site.py")]}
    (tmp_path / "mkdocs.yml").write_text(yaml.dump(config), encoding="utf-8")
    done = build(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1
    links = ("nowhere.md", "index.md#nowhere", "../nowhere.py")
    assert [link for link in links if f"'{link}'" not in done.stderr] == []


@pytest.fixture(scope="module")
def browser_page(site: Path) -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(20_000)
        yield page
        browser.close()


def test_search_works_from_disk(site: Path, browser_page: Page) -> None:
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.goto((site / "index.html").as_uri())
    browser_page.click("input.md-search__input")
    browser_page.keyboard.type("fence guarantees")
    browser_page.wait_for_selector(".md-search-result__item a[href*='daemon.html']")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_copying_takes_the_commands_alone(site: Path, browser_page: Page) -> None:
    browser_page.goto((site / "tutorial.html").as_uri())
    copied = browser_page.evaluate(
        """() => {
            const block = [...document.querySelectorAll("code")].find((one) => one.innerText.includes("state list"));
            block.setAttribute("data-md-copying", "");
            return block.innerText;
        }"""
    )
    assert [line.split(" ")[0] for line in copied.splitlines() if line.strip()] == ["mkdir", "reconciler", "reconciler"]


@pytest.mark.parametrize(
    "name", ["index", "configuration", "rules", "tutorial", "commands/plan", "repository/helm/about"]
)
def test_no_page_is_wider_than_a_phone(name: str, site: Path, browser_page: Page) -> None:
    browser_page.set_viewport_size({"width": 390, "height": 844})
    browser_page.goto((site / f"{name}.html").as_uri())
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= 390
