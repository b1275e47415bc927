"""The files that CI systems read are what those systems take, and the scripts in them are sound."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.steps import ACTION, COMPONENT, ROOT, WORKFLOW, component

RECIPE = ROOT / "examples/ci/recipe.sh"


def check(*arguments: str | Path) -> None:
    """check-jsonschema, with the schemas that it brings along."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema isn't installed")
    command = [sys.executable, "-m", "check_jsonschema", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def lint(script: str, shell: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck isn't installed")
    command = ["shellcheck", f"--shell={shell}", "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.ci
def test_the_action_is_one():
    check("--builtin-schema", "vendor.github-actions", ACTION)


@pytest.mark.ci
def test_the_workflow_is_one():
    check("--builtin-schema", "vendor.github-workflows", WORKFLOW)


@pytest.mark.ci
def test_the_component_is_one(tmp_path: Path):
    for name, part in zip(("head", "body"), COMPONENT.read_text().split("\n---\n"), strict=True):
        (tmp_path / f"{name}.yml").write_text(part)
        check("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", tmp_path / f"{name}.yml")


def test_every_input_of_the_component_is_used_and_every_used_one_is_there():
    head, body = component()
    text = COMPONENT.read_text().split("\n---\n")[1]
    assert {name for name in head["spec"]["inputs"] if f"$[[ inputs.{name} ]]" in text} == set(head["spec"]["inputs"])
    assert text.count("$[[") == sum(text.count(f"$[[ inputs.{name} ]]") for name in head["spec"]["inputs"])
    assert len(body) == 1


def test_nothing_that_an_event_tells_is_pasted_into_a_script():
    """An expression in a script is how a branch's name becomes a command."""
    for path in (ACTION, WORKFLOW):
        for step in steps(yaml.safe_load(path.read_text())):
            assert "${{" not in step.get("run", "")
    assert "$[[" not in "".join(next(iter(component()[1].values()))["script"])


def test_the_workflow_gives_the_action_only_what_it_takes():
    inputs = set(yaml.safe_load(ACTION.read_text())["inputs"])
    used = [step for step in steps(yaml.safe_load(WORKFLOW.read_text())) if "reconciler@" in step.get("uses", "")]
    assert len(used) == 2
    assert all(set(step["with"]) <= inputs for step in used)


def test_the_action_installs_what_is_locked_and_runs_nothing_of_the_pull_request():
    (step,) = (one for one in steps(yaml.safe_load(ACTION.read_text())) if one["name"] == "Install")
    lines = [line for line in step["run"].replace("\\\n", " ").splitlines() if not line.startswith("#")]
    installs = [line for line in lines if "/pip" in line]
    assert len(installs) == len(lines) - 1 == 2
    assert all(
        "--require-hashes" in line or {"--no-index", "--no-build-isolation"} <= set(line.split()) for line in installs
    )
    assert lines[0].startswith("python3 -I -m venv ")


def test_a_fork_s_job_has_no_secret():
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    assert "secrets." not in str(jobs["fork"])
    assert "permissions" not in jobs["fork"]
    assert jobs["fork"]["runs-on"] == "ubuntu-latest"


def test_the_scripts_are_sound():
    lint(RECIPE.read_text(), "bash")
    for step in steps(yaml.safe_load(ACTION.read_text())):
        lint(step["run"], "bash")
    for script in next(iter(component()[1].values()))["script"]:
        lint(script, "sh")


def steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All steps of a workflow or an action."""
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]
