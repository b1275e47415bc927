"""Runs what the action and the component run, with the shells and the variables of GitHub and GitLab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "action.yml"
WORKFLOW = ROOT / "examples/ci/github.yml"
COMPONENT = ROOT / "examples/ci/gitlab-component.yml"
SECONDS = 120

Done = subprocess.CompletedProcess[str]


def component() -> tuple[dict[str, Any], dict[str, Any]]:
    """The component's head and body."""
    head, body = yaml.safe_load_all(COMPONENT.read_text())
    return head, body


def run_action(folder: Path, inputs: Mapping[str, str], env: Mapping[str, str]) -> tuple[Done, dict[str, str]]:
    """Run the action's steps in the folder; gives the last one's end and the outputs. The reconciler is this one."""
    action = yaml.safe_load(ACTION.read_text())
    assert set(inputs) <= set(action["inputs"])
    values = {name: str(one["default"]) for name, one in action["inputs"].items()}
    values |= {"command": f"{sys.executable} -m reconciler", **inputs}
    runner = folder / "runner"
    runner.mkdir(exist_ok=True)
    output = runner / "output"
    output.write_text("")
    (step,) = (one for one in action["runs"]["steps"] if one.get("if") != "${{ inputs.command == '' }}")
    given = {name: _evaluated(str(value), values, env) for name, value in step["env"].items()}
    files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(runner / "summary"), "RUNNER_TEMP": str(runner)}
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = _run(script, folder, {"GITHUB_ACTIONS": "true", **files, **env, **given})
    found = dict(line.split("=", 1) for line in output.read_text().splitlines())
    told = {name: found.get(re.sub(r".*outputs\.(\w+) }}", r"\1", one["value"]), "") for name, one in _outputs(action)}
    return done, told


def run_component(folder: Path, inputs: Mapping[str, str], env: Mapping[str, str]) -> Done:
    """Run the component's script in the folder."""
    head, body = component()
    values = {name: _text(one["default"]) for name, one in head["spec"]["inputs"].items()} | dict(inputs)
    assert set(inputs) <= set(head["spec"]["inputs"])
    (job,) = body.values()
    given = {
        name: re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: values[found[1]], value)
        for name, value in job["variables"].items()
    }
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    (bin_folder / "reconciler").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
    (bin_folder / "reconciler").chmod(0o755)
    path = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "GITLAB_CI": "true"}
    return _run(["sh", "-e", "-c", "\n".join(job["script"])], folder, {**path, **env, **given})


def run_recipe(folder: Path, *arguments: str, env: Mapping[str, str]) -> Done:
    """Run the generic recipe."""
    command = {"PLAN_COMMAND": f"{sys.executable} -m reconciler"}
    return _run([str(ROOT / "examples/ci/recipe.sh"), *arguments], folder, {**command, **env})


def _run(command: list[str], folder: Path, env: Mapping[str, str]) -> Done:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI_", "GITLAB_"))}
    return subprocess.run(
        command, cwd=folder, env={**outside, **env}, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _evaluated(text: str, inputs: Mapping[str, str], env: Mapping[str, str]) -> str:
    """The expressions that the action uses, as GitHub would fill them in."""
    known = {f"inputs.{name}": value for name, value in inputs.items()}
    known |= {"github.action_path": str(ROOT), "github.token": env.get("GITHUB_TOKEN", "")}
    once = re.sub(r"\$\{\{ ([a-z_.-]+) \}\}", lambda found: known[found[1]], text)
    return re.sub(r"\$\{\{ ([a-z_.-]+) \}\}", lambda found: known[found[1]], once)


def _outputs(action: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(action["outputs"].items())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
