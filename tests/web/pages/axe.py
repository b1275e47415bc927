"""axe-core in a page: what would make it hard to use for some. ``scripts/axe`` fetches it, once a machine."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[3] / "scripts" / "axe"
SURROUNDINGS = dict(os.environ)
"""As they were before the tests' own homes: the cache, and what npm needs to reach its registry."""

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def source() -> str:
    """axe-core's script; skips the test where it can't be had."""
    try:
        done = subprocess.run(
            [SCRIPT],
            env=SURROUNDINGS,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        pytest.skip(f"axe-core can't be had from npm: {str(said).strip()[-200:]}")
    return Path(done.stdout.strip()).read_text(encoding="utf-8")


def violations(page: Page, rule: str | None = None) -> list[str]:
    """``rule: selector: what to do`` for all (or all of one rule) that axe-core finds wrong with the page now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    only = {"type": "rule", "values": [rule]} if rule else {"type": "tag", "values": RULES}
    options = {"runOnly": only, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(options)", options)
    assert len(found["passes"]) > (0 if rule else 15), "it has looked at the page"
    return [
        f"{one['id']}: {node['target']}: {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
