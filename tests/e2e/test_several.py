"""Several targets from one configuration, and the systems that are told once, over the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.emulator.running import Running, running
from reconciler.render.schema import schema
from tests.e2e import processes
from tests.e2e.kit import PASSWORD, SECONDS, Result, document, until

A, B, C = (f"671e74ab-ca44-4d87-9346-ae8318c4477{number}" for number in range(3))
CREDENTIALS = {
    "metadefender": {"user": "cc-user", "password": "cc-password"},
    "brightriver": {"client_token": "br-client", "session_token": "br-session"},
    "bunnystudio": {"token": "bunny-token"},
}
SECRETS = {
    "cc-user": "admin",
    "cc-password": PASSWORD,
    "br-client": "canary-client",
    "br-session": "canary-session",
    "bunny-token": "canary-bunny",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "brightriver": {"client_token": "canary-client", "session_token": "canary-session"},
    "bunnystudio": {"token": "canary-bunny"},
}
USUAL: dict[str, dict[str, Any]] = {
    "brightriver": {"files_field": "files", "already": "200", "known_files": [], "gone_files": []},
    "bunnystudio": {"known": [], "forbidden": [], "failing": [], "failing_done": False},
}
OPERATIONS = {"brightriver": "rejectFiles", "bunnystudio": "rejectDeliverable"}
TARGETS = {"metadefender": "prod", "brightriver": "retouching", "bunnystudio": "studio"}


def rejected(name: str, *files: str, **spec: Any) -> str:
    """A FileRejection."""
    return _document("brightriver/v1", "FileRejection", name, {"files": list(files), **spec})


def refused(id: str, **spec: Any) -> str:
    """A DeliverableRejection."""
    return _document("bunnystudio/v1", "DeliverableRejection", id, spec)


def _document(version: str, kind: str, name: str, spec: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})


@dataclass
class Office:
    """A configuration, a tree, secrets and a state; the systems are emulated in processes of their own."""

    folder: Path
    systems: dict[str, Running]
    said: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "secrets").mkdir(mode=0o700)
        for name, value in SECRETS.items():
            (self.folder / "secrets" / name).write_text(value)
        targets = [self._target(name) for name in self.systems]
        config = {"apiVersion": "reconciler/v1", "kind": "Config", "targets": targets}
        (self.folder / "reconciler.yaml").write_text(json.dumps(config))
        for name in self.systems:
            (self.folder / "tree" / name).mkdir(parents=True)

    def _target(self, name: str) -> dict[str, Any]:
        here = {"url": self.systems[name].url, "path": name, "credentials": CREDENTIALS[name]}
        return {"name": TARGETS[name], "system": name, **here}

    def write(self, system: str, *documents: str) -> None:
        """The documents of one system, instead of those before."""
        (self.folder / "tree" / system / "a.yaml").write_text("\n---\n".join(documents))

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "RECONCILER_CONFIG": "reconciler.yaml",
            "RECONCILER_STATE": f"sqlite:///{self.folder}/state.db",
            "RECONCILER_SECRETS_DIR": str(self.folder / "secrets"),
            "PYTHONWARNINGS": "default",
            processes.HURRIED: "1",
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
        return {**others, **own}

    def run(self, *args: str, **variables: str) -> Result:
        """Run the command line as a process of its own."""
        done = processes.run(args, self.folder, {**self.environment, **variables}, b"", SECONDS)
        result = Result(args, done.code, done.out.decode(), done.err.decode())
        self.said.append(result)
        return result

    def plan(self, *args: str) -> Result:
        return self.run("plan", "tree", "-o", "json", *args)

    def apply(self, *args: str) -> Result:
        return self.run("apply", "tree", "-o", "json", "--yes", *args)

    def killed(self, system: str, *args: str) -> None:
        """An apply that is killed between a request and its answer."""
        self.systems[system].fault(OPERATIONS[system], {"delay": 3.0})
        command = [sys.executable, "-m", "reconciler", "apply", "tree", "--yes", *args]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                until(lambda: self.sent(system), f"{OPERATIONS[system]} is sent")
            finally:
                process.kill()
        self.systems[system].clear_faults()

    def sent(self, system: str) -> list[Any]:
        """The bodies of all rejections so far."""
        log = self.systems[system].requests()
        return [one["body"] for one in log if one["operationId"] == OPERATIONS[system]]

    def times(self, system: str) -> dict[str, int]:
        """How often each object was sent."""
        return {one["id"]: one["times"] for one in self.systems[system].state()["rejections"]}

    def opened(self, system: str) -> int:
        """How many writes have an outcome that isn't known."""
        status = self.run("status", "--offline", "-o", "json", "--target", TARGETS[system])
        count = len(status.json()["open"])
        assert status.code == (3 if count else 0)
        return count

    def check(self) -> None:
        """Nobody met a defect or saw a secret."""
        for result in self.said:
            for word in ("Traceback", "Warning: ", "a defect", "Exception ignored", "never awaited", "canary"):
                assert word not in result.out + result.err, f"{word} in {result.args}: {result.err}"


@pytest.fixture(scope="module")
def small() -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(running(OPTIONS[name], system=name)) for name in OPTIONS}


@pytest.fixture
def office(small: dict[str, Running], tmp_path: Path) -> Iterator[Office]:
    """Bright River and Bunny Studio, which know of nothing yet."""
    for name, system in small.items():
        system.clear_faults()
        system.edit("rejections", {}, delete=True)
        system.clear()
        system.options(**USUAL[name])
    made = Office(tmp_path, small)
    yield made
    made.check()


@pytest.fixture
def three(small: dict[str, Running], tmp_path: Path, office: Office) -> Iterator[Office]:
    """All three systems, each with something to do."""
    with running(system="metadefender", password=PASSWORD) as center:
        folder = tmp_path / "three"
        folder.mkdir()
        made = Office(folder, {"metadefender": center, **small})
        made.write("metadefender", document("Role", "operators", rights={"users": ["read"]}))
        made.write("brightriver", rejected("r", "a", "b", reason="colour cast"), rejected("s", "c"))
        made.write("bunnystudio", refused(A, reason="wrong accent"))
        yield made
        made.check()


BOTH = [
    ("brightriver", rejected("r", "a"), "a"),
    ("bunnystudio", refused(A), A),
]
both = pytest.mark.parametrize(("system", "document", "id"), BOTH, ids=[one[0] for one in BOTH])


# --- three targets


def valid(result: Result) -> list[dict[str, Any]]:
    """The items of a list in JSON that fits the published schema."""
    found = result.json()
    jsonschema.validate(found, schema(), jsonschema.Draft202012Validator)
    assert found["kind"] == "PlanList"
    items: list[dict[str, Any]] = found["items"]
    assert [one["target"] for one in items] == list(TARGETS.values())
    return items


def test_three_targets_from_validation_to_an_empty_plan(three: Office):
    assert three.run("validate", "tree").ended(0).out.startswith("Valid: 4 documents in 3 files")
    first = valid(three.plan("--detailed-exitcode").ended(2))
    assert [len(one["steps"]) for one in first] == [1, 3, 1]
    assert all(
        not system.violations() and not system.counts()["methods"].get("PUT") for system in three.systems.values()
    )
    reports = valid(three.apply().ended(0))
    assert [one["outcome"] for one in reports] == ["converged"] * 3
    assert sorted(body["files"] for body in three.sent("brightriver")) == [["a", "b"], ["c"]]
    assert three.sent("bunnystudio") == [{"status": "rejected", "reason": "wrong accent"}]
    second = valid(three.plan("--detailed-exitcode").ended(0))
    assert all(one["steps"] == one["blocked"] == [] for one in second)
    assert [system.violations() for system in three.systems.values()] == [[], [], []]
    for target in TARGETS.values():
        status = three.run("status", "-o", "json", "--target", target).ended(0).json()
        assert status["last"]["outcome"] == "converged"
        assert status["spent"] == {"prod": 0, "retouching": 3, "studio": 1}[target]
    assert len(three.run("history", "-o", "json", "--target", "retouching").ended(0).json()) == 1


@pytest.mark.ci
def test_commands_for_one_target_ask_which(office: Office):
    assert "--target: retouching, studio" in office.run("status").ended(1).err
    assert "--target: retouching, studio" in office.run("history").ended(1).err


@pytest.mark.ci
@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_renderers_show_every_target(office: Office, output: str):
    office.write("brightriver", rejected("r", "a"))
    office.write("bunnystudio", refused(A))
    shown = office.run("plan", "tree", "-o", output).ended(0).out
    assert "r/a" in shown
    assert A in shown.replace("\u200b", "")


@pytest.mark.ci
def test_the_worst_exit_code_counts_and_other_targets_go_on(office: Office):
    office.write("brightriver", rejected("r", "missing"))
    office.write("bunnystudio", refused(A))
    office.systems["brightriver"].options(known_files=["a"])
    first, second = office.apply().ended(1).json()["items"]
    assert (first["outcome"], second["outcome"]) == ("failed", "converged")
    assert "not there: 404" in first["steps"][0]["error"]
    assert office.times("bunnystudio") == {A: 1}
    assert office.opened("brightriver") == 0


@pytest.mark.ci
def test_a_target_is_picked(office: Office):
    office.write("brightriver", rejected("r", "a"))
    office.write("bunnystudio", refused(A))
    assert office.apply("--target", "studio").ended(0).json()["kind"] == "Report"
    assert (office.times("brightriver"), office.times("bunnystudio")) == ({}, {A: 1})


@pytest.mark.ci
def test_problems_of_the_tree_and_of_the_configuration(office: Office):
    office.write("brightriver", refused(A))
    for command in ("validate", "plan", "apply"):
        assert "brightriver/a.yaml:1:16: no target takes documents of this apiVersion here" in (
            office.run(command, "tree").ended(1).err
        )
    assert office.sent("bunnystudio") == []
    config = office.folder / "reconciler.yaml"
    config.write_text(config.read_text().replace('"path": "brightriver"', '"path": "../up"'))
    assert "reconciler.yaml:1:" in office.run("plan", "tree").ended(1).err


@pytest.mark.ci
def test_a_plan_of_several_is_saved_and_applied(office: Office):
    office.write("brightriver", rejected("r", "a"))
    office.write("bunnystudio", refused(A))
    office.run("state", "init", "--target", "retouching")
    office.run("state", "init", "--target", "studio")
    office.plan("--out", "plan.json").ended(0)
    assert json.loads((office.folder / "plan.json").read_text())["kind"] == "PlanList"
    saved = ("apply", "tree", "-o", "json", "--plan", "plan.json")
    office.write("bunnystudio", refused(A), refused(B))
    stale = office.run(*saved, "--target", "studio")
    assert stale.code == 1
    assert office.sent("bunnystudio") == []
    office.write("bunnystudio", refused(A))
    assert len(office.run(*saved).ended(0).json()["items"]) == 2
    assert (office.times("brightriver"), office.times("bunnystudio")) == ({"a": 1}, {A: 1})


@pytest.mark.ci
def test_a_plan_of_one_target_is_none_for_the_other(office: Office):
    office.write("brightriver", rejected("r", "a"))
    office.run("state", "init", "--target", "retouching").ended(0)
    office.plan("--out", "plan.json", "--target", "retouching").ended(0)
    result = office.run("apply", "tree", "--plan", "plan.json").ended(1)
    assert "holds no plan for the target studio" in result.err
    assert office.sent("brightriver") == []


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["FileRejection", "DeliverableRejection"])
def test_schemas(office: Office, kind: str):
    found = office.run("schema", kind).ended(0).json()
    jsonschema.Draft202012Validator.check_schema(found)
    system = "brightriver" if kind == "FileRejection" else "bunnystudio"
    assert kind in json.dumps(office.run("schema", "--system", system).ended(0).json())


# --- one target, without a configuration


@pytest.mark.ci
def test_one_target_from_the_environment(office: Office):
    office.write("brightriver", rejected("r", "a"))
    alone = {
        "RECONCILER_CONFIG": "",
        "RECONCILER_SYSTEM": "brightriver",
        "RECONCILER_URL": office.systems["brightriver"].url,
    }
    bare = office.run("plan", "tree/brightriver", **alone).ended(1)
    assert "client_token, session_token are missing" in bare.err
    keys = {"RECONCILER_CLIENT_TOKEN": "canary-client", "RECONCILER_SESSION_TOKEN": "canary-session"}
    command = ("apply", "tree/brightriver", "-o", "json", "--yes")
    assert office.run(*command, **alone, **keys).ended(0).json()["target"] == "default"
    assert office.times("brightriver") == {"a": 1}
    assert office.run(*command, **alone, **keys).ended(0).json()["steps"] == []
    assert office.systems["brightriver"].violations() == []


# --- told once


@pytest.mark.parametrize(("system", "document", "id"), [BOTH[0], pytest.param(*BOTH[1], marks=pytest.mark.ci)])
def test_an_answer_that_is_lost_is_asked_for_once_more(office: Office, system: str, document: str, id: str):
    office.write(system, document)
    target = ("--target", TARGETS[system])
    office.systems[system].fault(OPERATIONS[system], {"drop_reply": True})
    report = office.apply(*target).ended(1)
    [status] = report.statuses.values()
    assert status == "unknown"
    assert office.times(system) == {id: 1}
    assert office.opened(system) == 1
    assert office.apply(*target).ended(0).json()["outcome"] == "converged"
    assert office.times(system) == {id: 2}
    assert office.plan(*target).ended(0).json()["steps"] == []
    assert office.apply(*target).ended(0).json()["steps"] == []
    assert office.opened(system) == 0
    assert office.times(system) == {id: 2}


@pytest.mark.ci
@both
def test_nothing_is_sent_a_third_time(office: Office, system: str, document: str, id: str):
    office.write(system, document)
    target = ("--target", TARGETS[system])
    office.systems[system].fault(OPERATIONS[system], {"drop_reply": True}, times=2)
    office.apply(*target).ended(1)
    office.apply(*target).ended(1)
    assert office.opened(system) == 2
    for _ in range(2):
        assert list(office.apply(*target).ended(3).rules.values()) == ["unknown-outcome"]
    assert office.times(system) == {id: 2}
    office.plan(*target).ended(3)


@pytest.mark.ci
@both
def test_killed_between_request_and_answer(office: Office, system: str, document: str, id: str):
    office.write(system, document)
    target = ("--target", TARGETS[system])
    office.killed(system, *target)
    assert office.opened(system) == 1
    assert len(office.plan(*target).ended(0).json()["steps"]) == 1
    office.apply(*target).ended(0)
    office.apply(*target).ended(0)
    assert len(office.sent(system)) == 2
    assert office.opened(system) == 0
    # The server is still at what the killed process sent, and the next test is to begin with nothing.
    until(lambda: office.times(system) == {id: 2}, "both are done")


@pytest.mark.ci
@both
def test_what_fails_is_tried_once_more_in_a_later_run(office: Office, system: str, document: str, id: str):
    office.write(system, document)
    target = ("--target", TARGETS[system])
    office.systems[system].fault(OPERATIONS[system], {"status": 503}, times=2)
    assert list(office.apply(*target).ended(1).statuses.values()) == ["unknown"]
    assert len(office.sent(system)) == 1
    assert list(office.apply(*target).ended(1).statuses.values()) == ["unknown"]
    office.apply(*target).ended(3)
    assert len(office.sent(system)) == 2


@pytest.mark.ci
@both
def test_a_refusal_settles_a_request_that_was_lost(office: Office, system: str, document: str, id: str):
    office.write(system, document)
    target = ("--target", TARGETS[system])
    office.systems[system].fault(OPERATIONS[system], {"drop_request": True})
    office.apply(*target).ended(1)
    assert office.opened(system) == 1
    office.systems[system].fault(OPERATIONS[system], {"status": 404})
    assert list(office.apply(*target).ended(1).statuses.values()) == ["failed"]
    assert office.opened(system) == 0


@pytest.mark.ci
def test_gone_and_already_rejected_are_settled(office: Office):
    office.write("brightriver", rejected("r", "a", "b"))
    office.write("bunnystudio", refused(A))
    office.systems["brightriver"].options(gone_files=["a", "b"])
    office.systems["bunnystudio"].edit("rejections", add={"id": A})
    assert [one["outcome"] for one in office.apply().ended(0).json()["items"]] == ["converged"] * 2
    assert [one["steps"] for one in office.plan().ended(0).json()["items"]] == [[], []]


@pytest.mark.ci
def test_a_deliverable_that_is_forbidden_concerns_itself_alone(office: Office):
    office.write("bunnystudio", refused(A), refused(B), refused(C))
    office.systems["bunnystudio"].options(forbidden=[B])
    report = office.apply("--target", "studio").ended(1)
    assert report.statuses == {
        f"create/DeliverableRejection/{A}": "done",
        f"create/DeliverableRejection/{B}": "failed",
        f"create/DeliverableRejection/{C}": "done",
    }
    assert "credentials: 403" in report.steps[f"create/DeliverableRejection/{B}"]["error"]
    office.systems["bunnystudio"].options(forbidden=[])
    office.apply("--target", "studio").ended(0)
    assert office.times("bunnystudio") == {A: 1, B: 1, C: 1}
    assert office.systems["bunnystudio"].violations() == []


@pytest.mark.ci
def test_wrong_tokens(office: Office):
    office.write("brightriver", rejected("r", "a"))
    office.write("bunnystudio", refused(A))
    for name in ("br-session", "bunny-token"):
        (office.folder / "secrets" / name).write_text("canary-of-yesterday")
    reports = office.apply().ended(1).json()["items"]
    assert [one["steps"][0]["error"].partition(",")[0] for one in reports] == ["credentials: 401"] * 2
    assert (office.times("brightriver"), office.times("bunnystudio")) == ({}, {})


@pytest.mark.ci
def test_without_its_document_nothing_changes_there(office: Office):
    office.write("bunnystudio", refused(A), refused(B))
    office.apply("--target", "studio").ended(0)
    office.write("bunnystudio", refused(B, reason="another one"))
    for args in ((), ("--prune",)):
        plan = office.plan("--target", "studio", *args).ended(0).json()
        assert plan["steps"] == plan["blocked"] == []
        [warning] = plan["warnings"]
        assert "1 acknowledged has no document any more; that changes nothing there" in warning
    office.apply("--target", "studio").ended(0)
    office.write("bunnystudio", refused(A), refused(B))
    assert office.apply("--target", "studio").ended(0).json()["steps"] == []
    assert office.times("bunnystudio") == {A: 1, B: 1}


@pytest.mark.ci
def test_a_request_has_what_the_reference_asks_for(office: Office):
    office.write("brightriver", rejected("r", "a", reason="blur"))
    config = office.folder / "reconciler.yaml"
    document = json.loads(config.read_text())
    document["targets"][0]["settings"] = {"files": "ids", "reason": "comment"}
    config.write_text(json.dumps(document))
    office.systems["brightriver"].options(files_field="ids")
    office.apply("--target", "retouching").ended(0)
    assert office.sent("brightriver") == [{"ids": ["a"], "comment": "blur"}]
    assert office.systems["brightriver"].violations() == []
