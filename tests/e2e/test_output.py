"""What comes out: JSON alone and as published, text that fits its terminal, progress where somebody looks."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import Any

import jsonschema
import pytest

from tests.e2e.kit import ROOT, SECONDS, Desk, Result, document, user

SCHEMA = json.loads((ROOT / "reconciler" / "render" / "plan.schema.json").read_text())
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\\\")


def conforms(result: Result) -> Any:
    """Standard output: one JSON document as the published schema has it."""
    found = result.json()
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def on_a_terminal(desk: Desk, *args: str, columns: int = 80, answer: str = "", **env: str) -> tuple[int, str]:
    """Run the command line on a terminal of that width; what it shows there, and its exit code."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *args],
        cwd=desk.folder,
        env={**os.environ, **desk.env, "TERM": "xterm-256color", "COLUMNS": str(columns), **env},
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    os.write(leader, answer.encode())
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(leader)
    code = process.wait(SECONDS)
    text = shown.decode().replace("\r\n", "\n")
    desk.said.append(Result(args, code, text, ""))
    return code, text


def test_json_is_as_published(example: Desk):
    """An empty server, an apply, a converged one, and one with something blocked."""
    plan = conforms(example.plan().ended(0))
    assert (plan["kind"], plan["apiVersion"], plan["target"]) == ("Plan", "reconciler/v1", "default")
    report = conforms(example.apply().ended(0))
    assert (report["kind"], report["outcome"]) == ("Report", "converged")
    assert {step["status"] for step in report["steps"]} == {"done"}
    assert conforms(example.plan())["steps"] == []
    example.edit("services.yaml", "redis.internal", "redis-2.internal")
    blocked = conforms(example.plan().ended(3))["blocked"][0]
    assert set(blocked) >= {"id", "action", "kind", "name", "changes", "rule", "reason", "remedy"}
    assert conforms(example.apply().ended(3))["outcome"] == "blocked"


@pytest.mark.ci
def test_a_failed_report_is_as_published(desk: Desk):
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]))
    desk.center.fault("createRole", {"status": 400}, times=0)
    report = conforms(desk.apply().ended(1))
    assert {step["status"] for step in report["steps"]} == {"failed", "skipped"}


@pytest.mark.ci
def test_the_same_plan_is_printed_byte_for_byte(converged: Desk):
    converged.center.edit("users", {"name": "alice"}, set={"email": "else@example.com"})
    plans = {converged.plan("--allow", "replace").out for _ in range(2)}
    plans.add(converged.plan("--allow", "replace", env={"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Tokyo"}).out)
    assert len(plans) == 1


@pytest.mark.parametrize("columns", [60, 160])
def test_text_fits_the_terminal(example: Desk, columns: int):
    code, shown = on_a_terminal(example, "plan", "desired-state", columns=columns)
    assert code == 0
    assert "\x1b[" in shown
    plain = ESCAPES.sub("", shown)
    assert [line for line in plain.splitlines() if len(line) > columns and "sha256:" not in line] == []
    assert "create Role/soc-analyst" in plain


@pytest.mark.ci
def test_short_words_fit_the_terminal_too(converged: Desk):
    """Of 80 columns; and where nobody looks, a line stays a line."""
    for args, words in ((("validate", "desired-state"), "Valid: "), (("export", "--out", "live"), "it (GET /admin")):
        code, shown = on_a_terminal(converged, *args)
        assert code == 0
        assert [line for line in shown.splitlines() if len(line) > 80] == []
        assert words in " ".join(shown.split())
    assert len(converged.run("validate", "desired-state").out.splitlines()) == 1


@pytest.mark.ci
def test_progress_calls_steps_what_the_plan_calls_them(converged: Desk):
    converged.edit("services.yaml", "redis.internal", "redis-2.internal")
    args = ("apply", "desired-state", "--yes", "--allow", "redeploy", "--poll", "0.05")
    code, shown = on_a_terminal(converged, *args)
    assert code == 0
    plain = ESCAPES.sub("", shown)
    assert "✓ redeploy Deployment/cores/worker-1 (1 of 2)" in plain
    assert "✓ update Service/cache" in plain
    assert "update/Service/cache" not in plain
    assert "#down" not in plain


@pytest.mark.ci
def test_no_colour_where_none_is_wanted(example: Desk):
    assert "\x1b" not in on_a_terminal(example, "plan", "desired-state", "--no-color")[1]
    assert "\x1b" not in on_a_terminal(example, "plan", "desired-state", NO_COLOR="anything")[1]


def test_a_terminal_is_asked(desk: Desk):
    desk.write(document("Role", "analyst"))
    code, shown = on_a_terminal(desk, "apply", "desired-state", answer="n\n")
    assert code == 1
    assert "Do this step? [y/N]" in shown
    assert "Nothing was done." in shown
    assert desk.center.writes() == []
    code, shown = on_a_terminal(desk, "apply", "desired-state", answer="y\n")
    assert code == 0
    assert desk.center.writes() == ["createRole"]


@pytest.mark.ci
def test_whoever_is_asked_is_shown_the_plan(desk: Desk):
    """With JSON on standard output, too."""
    desk.write(document("Role", "analyst"))
    _, shown = on_a_terminal(desk, "apply", "desired-state", "-o", "json", answer="n\n")
    assert "create Role/analyst" in shown


def test_progress_is_shown_on_a_terminal(example: Desk):
    example.center.options(latency_ms=20)
    code, shown = on_a_terminal(example, "apply", "desired-state", "--yes", "--poll", "0.05", columns=100)
    assert code == 0
    assert "━" in shown
    assert shown.count("steps") >= 1
    assert "Converged" in ESCAPES.sub("", shown)


@pytest.mark.ci
def test_no_progress_elsewhere(example: Desk):
    result = example.run("apply", "desired-state", "--yes", "--poll", "0.05").ended(0)
    assert result.err == ""
    assert "\x1b" not in result.out
    assert "━" not in result.out


@pytest.mark.ci
def test_a_terminal_that_knows_ascii_only(example: Desk):
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    result = example.run("apply", "desired-state", "--yes", "--poll", "0.05", env=ascii_only).ended(0)
    assert result.out.isascii()
