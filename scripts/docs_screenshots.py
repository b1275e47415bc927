"""Pictures of the status page: three emulated clusters, a daemon that looks after them, and a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from reconciler.emulator.running import Running, running
from scripts.docs_daemon import COOKIE, TOKEN, Daemon, until
from scripts.docs_outputs import Stage
from scripts.docs_text import ROOT

IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDTH, HEIGHT = 1100, 780
CONFIG = """apiVersion: reconciler/v1
kind: Config
targets:
  - {name: lab, system: metadefender, url: "LAB", path: lab, mode: observe, credentials: {user: u, password: p}}
  - {name: prod, system: metadefender, url: "PROD", path: prod, credentials: {user: u, password: p}}
  - name: staging
    system: metadefender
    url: "STAGING"
    path: staging
    credentials: {user: u, password: p}
    policy: {prune: true}
"""


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="docs-") as folder, ExitStack() as stack:
        clusters = {name: stack.enter_context(running(fixture="empty")) for name in ("LAB", "PROD", "STAGING")}
        stage = Stage(Path(folder), clusters["PROD"])
        _prepare(stage, clusters)
        daemon = Daemon(stage, "run desired-state --config reconciler.yaml --interval 2s")
        stack.callback(daemon.kill)
        until(lambda: _verdicts(daemon) == {"lab": "drifted", "prod": "converged", "staging": "converged"})
        workers = stage.folder / "desired-state/staging/workers.yaml"
        workers.write_text(workers.read_text(encoding="utf-8").partition("---\n")[0], encoding="utf-8")
        until(lambda: _verdicts(daemon)["staging"] == "blocked")
        _shoot(daemon.url)
        daemon.end()


def _prepare(stage: Stage, clusters: dict[str, Running]) -> None:
    tree = stage.folder / "desired-state"
    shutil.copytree(ROOT / "examples" / "desired-state", tree / "prod")
    for name in ("lab", "staging"):
        (tree / name).mkdir()
    shutil.copy(tree / "prod/workers.yaml", tree / "staging")
    (tree / "lab/console.yaml").write_text(COOKIE.format(samesite="Strict"), encoding="utf-8")
    config = CONFIG
    for name, cluster in clusters.items():
        config = config.replace(name, cluster.url)
    stage.write("reconciler.yaml", config)
    for secret in ("u", "p"):
        stage.write(f"secrets/{secret}", "admin")
    stage.give_secrets()


def _verdicts(daemon: Daemon) -> dict[str, str | None]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = httpx.get(f"{daemon.url}/api/v1/targets", headers=headers, trust_env=False).raise_for_status()
    return {one["name"]: one["verdict"] for one in answer.json()["items"]}


def _shoot(url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(f"{url}/login")
        page.fill("input[name=token]", TOKEN)
        page.press("input[name=token]", "Enter")
        page.wait_for_url(f"{url}/")
        _picture(page, "overview.png")
        page.goto(f"{url}/targets/staging")
        _picture(page, "target.png")
        browser.close()


def _picture(page: Page, name: str) -> None:
    """The upper part of the page as a person meets it."""
    page.wait_for_selector("h1")
    page.screenshot(path=IMAGES / name, animations="disabled")


if __name__ == "__main__":
    main()
