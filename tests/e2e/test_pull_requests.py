"""A pull request from its first push to the merge: the action, the component and the recipe, run for real."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ci.forge import PERSON, READER, ROBOT, TOKENS, WORKFLOW, FakeForge, forging
from tests.ci.steps import Done, run_action, run_component, run_recipe
from tests.e2e.kit import Desk, Result, document, user
from tests.e2e.test_offline import NO_SOCKETS, record
from tests.remote.daemon import PlanningControl
from tests.web.serving import Served, serving

pytestmark = pytest.mark.ci

NOTHING = {f"RECONCILER_{name}": "" for name in ("URL", "USER", "PASSWORD", "STATE", "SECRETS_DIR")}
PLAN_TOKEN = "plan-token-0123456789"
PATH = {"path": "desired-state"}


@dataclass
class PullRequest:
    """One pull request: its desk, the daemon that plans for it, and the forge that it is on."""

    desk: Desk
    daemon: Served
    forge: FakeForge

    def action(
        self, *, token: str = WORKFLOW, code: int = 0, env: Mapping[str, str] | None = None, **inputs: str
    ) -> Done:
        server = {"server": self.daemon.url, "server-token": PLAN_TOKEN} if "offline" not in inputs else {}
        given = {**PATH, **server, **{name.replace("_", "-"): value for name, value in inputs.items()}}
        done, self.outputs = run_action(self.desk.folder, given, {**NOTHING, **self.forge.env(token), **(env or {})})
        return self.noted(done, code)

    def component(self, *, code: int = 0, **inputs: str) -> Done:
        env = {**NOTHING, **self.forge.env(PERSON), "RECONCILER_SERVER_TOKEN": PLAN_TOKEN}
        return self.noted(run_component(self.desk.folder, {**PATH, "server": self.daemon.url, **inputs}, env), code)

    def noted(self, done: Done, code: int) -> Done:
        """What was said is looked through for secrets at the end, as all else is."""
        self.desk.said.append(Result(("a job",), done.returncode, done.stdout, done.stderr))
        self.desk.said[-1].ended(code)
        return done

    @property
    def comment(self) -> str:
        """The one comment that there is."""
        (found,) = self.forge.comments
        assert found.author in (ROBOT, "alice")
        return found.body

    @property
    def summary(self) -> str:
        return (self.desk.folder / "runner" / "summary").read_text()


def opened(desk: Desk, kind: str) -> Iterator[PullRequest]:
    desk.canaries |= {*TOKENS, PLAN_TOKEN}
    desk.run("state", "init").ended(0)
    with serving(PlanningControl(desk)) as daemon, forging(kind) as forge:
        yield PullRequest(desk, daemon, forge)


@pytest.fixture
def pr(desk: Desk) -> Iterator[PullRequest]:
    yield from opened(desk, "github")


@pytest.fixture
def mr(desk: Desk) -> Iterator[PullRequest]:
    yield from opened(desk, "gitlab")


def tree(desk: Desk, display_name: str = "Analyst") -> None:
    desk.write(document("Role", "analyst", display_name=display_name), user("alice", roles=["analyst"]))


def test_from_the_first_push_to_the_merge(pr: PullRequest):
    """Plan, comment, another push, and what was reviewed is what is applied."""
    tree(pr.desk)
    pr.action()
    assert pr.outputs["code"] == "2"
    assert "2 to create" in pr.comment
    assert pr.comment.strip() == pr.summary.strip()
    tree(pr.desk, "Analyst of the night")
    pr.action()
    assert "Analyst of the night" in pr.comment
    assert pr.forge.writes == ["POST", "PATCH"]
    pr.desk.apply("--plan", pr.outputs["plan"]).ended(0)
    pr.action()
    assert pr.outputs["code"] == "0"
    assert "no changes" in pr.comment


def test_a_plan_that_the_live_side_left_behind_is_refused(pr: PullRequest):
    tree(pr.desk)
    pr.action()
    pr.desk.center.edit("roles", add={"name": "analyst", "display_name": "x", "rights": {}})
    refused = pr.desk.apply("--plan", pr.outputs["plan"]).ended(1)
    assert "no longer what would be done" in refused.err


def test_invalid_documents_are_shown_at_their_lines(pr: PullRequest):
    tree(pr.desk)
    pr.action()
    (pr.desk.tree / "bad.yaml").write_text(document("User", "bob", emial="x"))
    done = pr.action(code=1)
    assert "::error file=desired-state/bad.yaml,line=1,col=" in done.stdout
    assert "No plan for default" in pr.comment
    assert "unknown field" in pr.comment
    assert pr.outputs["code"] == "1"
    (pr.desk.tree / "bad.yaml").unlink()
    pr.action()
    assert "2 to create" in pr.comment


def test_a_reference_that_only_a_plan_can_judge_is_shown_at_its_line(pr: PullRequest):
    pr.desk.write(user("alice", roles=["nobody"]))
    done = pr.action(code=1)
    assert "::error file=desired-state/tree.yaml,line=1,col=" in done.stdout
    assert "nobody" in pr.comment
    assert "::error" not in pr.comment


def test_something_blocked_fails_the_job_or_not(pr: PullRequest):
    pr.desk.write(document("Installer", "core", file="ometascan-5.15.0-1-x64.msi"))
    pr.action(code=3)
    assert "1 blocked" in pr.comment
    assert "installer-file-missing" in pr.comment
    pr.action(blocked="pass")
    assert pr.outputs["code"] == "3"


def test_a_plan_too_long_is_shortened(pr: PullRequest):
    rights = {f"area-{number}": ["read", "write"] for number in range(20)}
    pr.desk.write(*(document("Role", f"role-{number}", display_name="x" * 200, rights=rights) for number in range(300)))
    pr.action()
    assert len(pr.comment) <= 65536
    assert "Shortened to fit" in pr.comment
    assert "300 to create" in pr.comment


def test_a_comment_that_can_t_be_made_is_a_warning(pr: PullRequest):
    tree(pr.desk)
    done = pr.action(token=READER)
    assert "::warning title=reconciler::" in done.stdout
    assert "pull-requests: write" in done.stderr
    assert pr.forge.comments == []
    assert "2 to create" in pr.summary


def test_a_fork_s_pull_request_needs_no_secret_and_no_network(pr: PullRequest):
    tree(pr.desk)
    record(pr.desk)
    folder = pr.desk.folder / "no-sockets"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NO_SOCKETS)
    pr.action(token="", offline="live.json", comment="false", env={"PYTHONPATH": str(folder)})
    pr.desk.said.pop()  # "Warning:" is a word of its own in Markdown
    assert "2 to create" in pr.summary
    assert "made from a recording of 2" in pr.summary
    assert pr.forge.asked == []


def test_what_a_stranger_writes_is_no_workflow_command(pr: PullRequest):
    """A file's name and a document's texts are printed by the job, and GitHub's runner reads what is printed."""
    name = "::add-mask::x.yaml"
    pr.desk.write(user("alice", display_name="::stop-commands::x\n::error::y", emial="z"), file=name)
    done = pr.action(code=1)
    assert commands(done.stdout) == ["error"]
    (pr.desk.tree / name).unlink()
    pr.desk.write(user("alice", display_name="a\n::error::y"))
    assert commands(pr.action().stdout) == []


def commands(text: str) -> list[str]:
    """The commands that the runner would obey."""
    found: list[str] = []
    token = None
    for line in text.splitlines():
        if token is not None:
            token = None if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        elif line.startswith("::"):
            found.append(line[2:].split(" ")[0].split("::")[0])
    assert token is None
    return found


def test_a_merge_request(mr: PullRequest):
    tree(mr.desk)
    mr.component()
    assert "2 to create" in mr.comment
    assert json.loads((mr.desk.folder / "gl-code-quality-report.json").read_text()) == []
    (mr.desk.tree / "bad.yaml").write_text(document("User", "bob", emial="x"))
    mr.component(code=1)
    assert "No plan for default" in mr.comment
    (problem,) = json.loads((mr.desk.folder / "gl-code-quality-report.json").read_text())
    assert problem["location"] == {"path": "desired-state/bad.yaml", "lines": {"begin": 1}}
    assert mr.forge.writes == ["POST", "PUT"]


def test_a_plan_that_a_merge_request_brings_along_is_never_shown(mr: PullRequest):
    """Where there is no plan, the file of that name may be anybody's."""
    tree(mr.desk)
    mr.component()
    forged = mr.desk.folder / "plan.json"
    forged.write_text(forged.read_text().replace("alice", "mallory"))
    assert "mallory" in forged.read_text()
    (mr.desk.tree / "bad.yaml").write_text("kind: [")
    mr.component(code=1)
    assert "mallory" not in mr.comment
    assert not forged.exists()


def test_any_other_ci(desk: Desk):
    """The recipe alone: the target's own variables, no comment, and the exit code."""
    tree(desk)
    done = run_recipe(desk.folder, "desired-state", "--only", "Role/analyst", env=desk.env)
    assert done.returncode == 0, done.stderr
    assert "1 to create" in done.stdout
    desk.write(document("Installer", "core", file="ometascan-5.15.0-1-x64.msi"))
    assert run_recipe(desk.folder, "desired-state", env=desk.env).returncode == 3
    assert run_recipe(desk.folder, "nowhere", env=desk.env).returncode == 1
    assert list(Path(desk.folder).glob("plan.*")) == []
