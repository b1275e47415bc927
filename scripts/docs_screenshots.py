"""A picture of the status page: an emulated cluster, a daemon that looks after it, and a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from reconciler.emulator.running import running
from scripts.docs_daemon import TOKEN, Daemon, until
from scripts.docs_outputs import Stage
from scripts.docs_text import ROOT

IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDTH, HEIGHT = 1100, 780
CONFIG = """apiVersion: reconciler/v1
kind: Config
targets:
  - name: staging
    system: metadefender
    url: "URL"
    credentials: {user: cc-user, password: cc-password}
    policy: {prune: true}
"""


def main() -> None:
    """Write the picture of a target's page."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="docs-") as folder, running() as cluster, ExitStack() as stack:
        stage = Stage(Path(folder), cluster)
        shutil.copytree(ROOT / "examples" / "desired-state", stage.folder / "desired-state")
        stage.give_secrets()
        for secret in ("cc-user", "cc-password"):
            stage.write(f"secrets/{secret}", "admin")
        stage.write("reconciler.yaml", CONFIG.replace("URL", cluster.url))
        daemon = Daemon(stage, "run desired-state --config reconciler.yaml --interval 2s")
        stack.callback(daemon.kill)
        until(lambda: daemon.target("staging")["verdict"] == "converged")
        stage.take_away()
        until(lambda: daemon.target("staging")["verdict"] == "blocked")
        _shoot(daemon.url)
        daemon.end()


def _shoot(url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(f"{url}/login")
        page.fill("input[name=token]", TOKEN)
        page.press("input[name=token]", "Enter")
        page.wait_for_url(f"{url}/")
        page.goto(f"{url}/targets/staging")
        page.wait_for_selector("h1")
        page.screenshot(path=IMAGES / "target.png", animations="disabled")
        browser.close()


if __name__ == "__main__":
    main()
