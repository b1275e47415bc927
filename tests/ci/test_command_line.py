"""``validate -o …`` and ``comment`` as people and pipelines call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.render.json import dumps, list_json, plan_json
from tests.ci.forge import PERSON, ROBOT, WORKFLOW, forging
from tests.render.samples import EMPTY, FULL, ONLY_BLOCKED

BAD = "apiVersion: metadefender/v1\nkind: User\nmetadata: {name: bob}\nspec:\n  emial: x\n"
GOOD = "apiVersion: metadefender/v1\nkind: Role\nmetadata: {name: analyst}\nspec: {display_name: A}\n"

Done = subprocess.CompletedProcess[str]


def reconciler(
    folder: Path, *arguments: str, env: dict[str, str] | None = None, stdin: str = "", code: int = 0
) -> Done:
    names = ("GITHUB_", "GITLAB_", "CI_", "RECONCILER_")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=folder,
        env={**outside, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    (tmp_path / "trees" / "prod").mkdir(parents=True)
    (tmp_path / "trees" / "prod" / "users.yaml").write_text(BAD)
    return tmp_path


# --- validate


@pytest.mark.parametrize("path", ["trees", "trees/prod", "./trees/prod/users.yaml"])
def test_files_are_named_from_where_the_command_runs(bad: Path, path: str):
    told = reconciler(bad, "validate", path, "-o", "github", code=1)
    assert told.stdout.startswith("::error file=trees/prod/users.yaml,line=5,col=3,")
    assert "error: 1 problem in the desired state" in told.stderr


@pytest.mark.ci
def test_also_from_beside_the_tree(bad: Path):
    (bad / "elsewhere").mkdir()
    (problem,) = json.loads(
        reconciler(bad / "elsewhere", "validate", str(bad / "trees"), "-o", "gitlab", code=1).stdout
    )
    assert problem["location"]["path"] == "../trees/prod/users.yaml"


@pytest.mark.ci
def test_a_configuration_s_problems_are_in_its_own_file(bad: Path):
    (bad / "config.yaml").write_text("apiVersion: reconciler/v1\nkind: Config\ntargets: []\n")
    told = reconciler(bad, "validate", "trees", "--config", "config.yaml", "-o", "json", code=1)
    assert [one["file"] for one in json.loads(told.stdout)["problems"]] == ["config.yaml"]


def test_all_is_well_in_every_format(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(GOOD)
    told = {form: reconciler(tmp_path, "validate", ".", "-o", form).stdout for form in ("json", "github", "gitlab")}
    assert json.loads(told["json"]) == {"valid": True, "files": 1, "documents": {"Role": 1}, "problems": []}
    assert told["github"] == ""
    assert json.loads(told["gitlab"]) == []


# --- comment


def test_a_plan_file_becomes_a_comment(tmp_path: Path):
    (tmp_path / "plan.json").write_text(dumps(plan_json(FULL)))
    with forging("github") as forge:
        done = reconciler(tmp_path, "comment", "plan.json", env=forge.env(WORKFLOW))
        assert done.stdout == f"Commented: {forge.url}/pull/7#comment-1\n"
        again = reconciler(tmp_path, "comment", "plan.json", env=forge.env(WORKFLOW))
        assert again.stdout.startswith("Nothing new: ")
        (comment,) = forge.comments
    assert comment.author == ROBOT
    assert comment.body.startswith("<!-- reconciler plan: default -->\n\n## Plan for <code>prod</code>: ")
    assert WORKFLOW not in done.stdout + done.stderr


@pytest.mark.ci
def test_plans_of_several_targets_and_what_failed(tmp_path: Path):
    (tmp_path / "plan.json").write_text(dumps(list_json(map(plan_json, (EMPTY, ONLY_BLOCKED)))))
    (tmp_path / "errors").write_text("target lab:\nerror: no answer\n")
    with forging("gitlab") as forge:
        arguments = ("comment", "plan.json", "--failed", "errors", "--context", "all")
        done = reconciler(tmp_path, *arguments, env=forge.env(PERSON))
        assert done.stdout == "Commented: merge request 7 of 42\n"
        body = forge.comments[0].body
    assert body.startswith("<!-- reconciler plan: all -->\n\n## No plan for all\n")
    assert body.count("## Plan for") == 2
    assert ": no changes" in body


@pytest.mark.ci
def test_markdown_from_standard_input_and_a_token_in_a_file(tmp_path: Path):
    (tmp_path / "token").write_text(f"{PERSON}\n")
    with forging("github") as forge:
        env = {"RECONCILER_COMMENT_TOKEN_FILE": str(tmp_path / "token")}
        flags = ["--forge", "github", "--api", forge.url, "--repository", "acme/clusters", "--number", "7"]
        reconciler(tmp_path, "comment", "-", *flags, env=env, stdin="## Mine\n" + "line\n" * 50_000)
        (comment,) = forge.comments
    assert comment.author == "alice"
    assert "## Mine" in comment.body
    assert 60_000 < len(comment.body) <= 65536
    assert comment.body.endswith("the job's own output.\n")


def test_it_can_be_looked_at_before(tmp_path: Path):
    (tmp_path / "plan.json").write_text(dumps(plan_json(EMPTY)))
    shown = reconciler(tmp_path, "comment", "plan.json", "--print").stdout
    assert shown.startswith("<!-- reconciler plan: default -->\n\n## Plan for <code>prod</code>: no changes\n")


@pytest.mark.ci
@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        ((), {}, "there is nothing to put into a comment"),
        (("plan.json",), {}, "on GitHub or on GitLab"),
        (("plan.json",), {"CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "7"}, "no token to comment with"),
        (("nowhere.json",), {}, "nowhere.json can't be read"),
        (("broken.json",), {}, "the plan file is not JSON"),
        (("plan.json", "--context", "a b"), {"CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "7"}, "can't be a context"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path, arguments, env: dict[str, str], words: str):
    (tmp_path / "plan.json").write_text(dumps(plan_json(EMPTY)))
    (tmp_path / "broken.json").write_text("{")
    told = reconciler(tmp_path, "comment", *arguments, env=env, code=1)
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""


@pytest.mark.ci
def test_a_server_that_refuses_is_told_without_the_token(tmp_path: Path):
    (tmp_path / "plan.json").write_text(dumps(plan_json(EMPTY)))
    with forging("github") as forge:
        told = reconciler(tmp_path, "comment", "plan.json", env=forge.env("canary-of-nobody-0123"), code=1)
    assert "github answered 401: Bad credentials" in told.stderr
    assert "canary" not in told.stdout + told.stderr
