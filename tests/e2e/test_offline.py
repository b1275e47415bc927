"""A recorded live state, and plans made from it: no credential, no socket, no secret, and nothing believed blindly."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.offline import offline_plans
from reconciler.errors import InputError
from reconciler.policy import Policy
from reconciler.settings import Where
from tests.e2e.conftest import MakeDesk
from tests.e2e.kit import PASSWORD, Desk, Result, document, mostly_ci, user

NOTHING = {f"RECONCILER_{name}": "" for name in ("URL", "USER", "PASSWORD", "STATE", "SECRETS_DIR")}
CAN_T = "can't be applied"

NO_SOCKETS = """
import sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"a socket was wanted: {event} {arguments}")

sys.addaudithook(refuse)
"""


def record(desk: Desk, *args: str) -> Path:
    desk.run("observe", "--out", "live.json", *args).ended(0)
    return desk.folder / "live.json"


def offline(desk: Desk, *args: str, output: str = "json", **more: Any) -> Result:
    """A plan with no credential, no state, no secret, and with sockets forbidden."""
    folder = desk.folder / "no-sockets"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(NO_SOCKETS)
    env = {**NOTHING, "PYTHONPATH": str(folder), **more.pop("env", {})}
    return desk.run("plan", "desired-state", "--offline", "live.json", "-o", output, *args, env=env, **more)


def test_sockets_are_forbidden_indeed(desk: Desk):
    desk.write(user("alice"))
    record(desk)
    offline(desk).ended(0)
    env = {"PYTHONPATH": str(desk.folder / "no-sockets")}
    online = desk.run("plan", "desired-state", env=env)
    assert "a defect of the reconciler: RuntimeError" in online.err
    desk.said.remove(online)


def test_a_converged_target_has_no_changes_offline(converged: Desk):
    record(converged)
    plan = offline(converged, "--detailed-exitcode").ended(0).json()
    assert plan["steps"] == plan["blocked"] == []
    assert plan["lineage"] is None
    assert plan["summary"]["unchanged"] == 19
    assert "made from a recording of 2" in plan["warnings"][0]
    unknown = {path for one in plan["unknown"] for path in one["paths"]}
    assert {"/password", "/connection_key", "/auditlog", "/sessionTimeout"} <= unknown


@pytest.mark.parametrize("output", mostly_ci(["text", "markdown", "html"], "text"))
def test_its_first_lines_say_what_it_was_made_from(converged: Desk, output: str):
    record(converged)
    result = offline(converged, output=output).ended(0)
    converged.said.remove(result)  # "Warning:" is a word of its own in Markdown
    text = " ".join(result.out.replace("&#39;", "'").split())
    assert CAN_T in text
    assert "recording of 2" in text
    assert text.index("recording of 2") < text.index("as desired")


def test_offline_and_online_come_to_the_same_steps(converged: Desk):
    """Also about what is ours: a pruned object, a costly change, one that is refused for a rule's sake."""
    desk = converged
    record(desk)
    desk.drop_document("users.yaml", "alice")
    desk.write(document("Role", "auditor", display_name="Auditor", rights={"scan": ["read"]}), file="more.yaml")
    desk.edit("services.yaml", "host: ", "host: other.")
    online = desk.plan("--prune").ended(3)
    plan = offline(desk, "--prune").ended(3)
    told = {id: (step["action"], step["destructive"], step["changes"]) for id, step in plan.steps.items()}
    assert told == {id: (step["action"], step["destructive"], step["changes"]) for id, step in online.steps.items()}
    assert plan.rules == online.rules
    assert {"delete/User/alice", "create/Role/auditor"} <= set(told)


def test_a_plan_made_offline_is_never_applied(converged: Desk):
    record(converged)
    converged.write(document("Role", "auditor"), file="more.yaml")
    offline(converged, "--out", "plan.json").ended(0)
    since = converged.center.last()
    refused = converged.apply("--plan", "plan.json").ended(1)
    assert "made without the state" in refused.err
    assert converged.center.writes(since) == []


def test_a_recording_holds_no_secret(make: MakeDesk):
    """The desk looks for each canary, in each form that it may have, in every file and output, this one too."""
    desk = make("deployed")
    desk.write(user("alice", api_key={"secret": "alice-key"}), document("Session", "s", sessionTimeout="30m"))
    desk.secret("alice-key", "9f8e7d6c5b4a9f8e7d6c5b4a9f8e7d6c5b4a")
    desk.secret("storage-salt", "canary-of-the-salt")
    desk.write(
        document(
            "ServiceSetting", "filestorage", storage={"type": "salt", "config": {"salt": {"secret": "storage-salt"}}}
        ),
        file="setting.yaml",
    )
    desk.apply().ended(0)
    desk.run("observe", "--out", "-").ended(0)
    text = record(desk).read_text()
    held = json.loads(text)
    sent = {(one["kind"], one["path"]) for one in held["sent"]}
    assert {("User", "password"), ("User", "api_key"), ("ServiceSetting", "storage/config/salt")} <= sent
    assert "sealed_key" not in text
    assert "fingerprint" not in text


def test_only_named_fields_are_recorded(converged: Desk):
    """Fields of the server's that nobody knows stay out, whatever they hold."""
    users = json.loads(record(converged).read_text())["collections"]["users"]["body"]
    fields = {name for one in users for name in one}
    shown = {
        "id",
        "name",
        "directory_id",
        "roles",
        "editable",
        "is_self",
        "display_name",
        "email",
        "description",
        "ui_settings",
    }
    assert fields <= shown
    assert {"id", "name", "directory_id", "roles"} <= fields


def test_two_recordings_differ_in_their_time_only(converged: Desk):
    first = json.loads(record(converged).read_text())
    text = converged.run("observe", "--out", "-").ended(0).out
    second = json.loads(text)
    assert list(second) == sorted(second)
    del first["at"], second["at"]
    assert first == second


@pytest.mark.ci
def test_observing_writes_nothing_to_the_target(converged: Desk):
    since = converged.center.last()
    record(converged)
    assert converged.center.writes(since) == []
    sent = converged.center.sent(since)
    assert len(sent) == len(set(sent))


def test_what_could_not_be_read_is_recorded_as_that(converged: Desk):
    converged.center.fault("listUsers", {"status": 500}, times=0)
    seen = converged.run("observe", "--out", "live.json").ended(1)
    assert "default: users couldn't be read" in seen.err
    plan = offline(converged).ended(3)
    assert plan.rules["update/User/alice"] == "unreadable"


# --- a file that somebody else has written

DAMAGED = "a damaged recording"
SPOILT: dict[str, tuple[Any, str | None]] = {
    "nothing": (b"", "is not JSON"),
    "no JSON": (b"{", "is not JSON"),
    "deep": (b"[" * 100_000, "is not JSON"),
    "a list": (b"[]", "no recording of a live state"),
    "another document": (b'{"apiVersion": "reconciler/v1", "kind": "Plan"}', "no recording of a live state"),
    "an empty list": (b'{"apiVersion": "reconciler/v1", "kind": "RecordingList", "items": []}', "no recording"),
    "another format": ({"format": 2}, "of another format (2, not 1)"),
    "no format": ({"format": None}, "of another format (none, not 1)"),
    "an unknown field": ({"\x1b[31mred": 1}, DAMAGED),
    "a time that is none": ({"at": "2026-11-22T10:00:00Z\x1b[31m"}, DAMAGED),
    "an address that is none": ({"url": "https://user:password@host"}, DAMAGED),
    "a wrong type": ({"spent": "1"}, DAMAGED),
    "a number too small": ({"spent": -1}, DAMAGED),
    "a system that isn't there": ({"system": "../evil"}, "there is no system"),
    "users that are none": ({"collections": {"users": {"status": 200, "body": [1]}}}, "it says of users"),
    "a status that is none": ({"collections": {"users": {"status": 500}}}, DAMAGED),
    "no users but a 404": ({"collections": {"users": {"status": 404}}}, None),
    "no collections": ({"collections": {}}, None),
}


@pytest.mark.parametrize("how", mostly_ci(SPOILT, "no JSON", "users that are none", "another format"))
def test_a_spoilt_recording_is_refused_in_one_sentence(desk: Desk, how: str):
    desk.write(user("alice"))
    live = record(desk)
    change, words = SPOILT[how]
    data = change if isinstance(change, bytes) else json.dumps({**json.loads(live.read_text()), **change}).encode()
    live.write_bytes(data)
    if words is None:
        assert offline(desk).ended(3).rules == {"update/User/alice": "unreadable"}
        return
    result = offline(desk).ended(1)
    assert words in result.err
    assert "\x1b" not in result.err
    assert len([line for line in result.err.splitlines() if line.startswith("error:")]) == 1
    assert result.out == ""


def test_a_recording_of_another_target_is_refused(desk: Desk):
    desk.write(user("alice"))
    record(desk)
    other = offline(desk, "--url", "https://another.example").ended(1)
    assert f"the recording is of {desk.center.url}" in other.err
    config = {
        "apiVersion": "reconciler/v1",
        "kind": "Config",
        "targets": [
            {
                "name": "prod",
                "system": "metadefender",
                "url": desk.center.url,
                "credentials": {"user": "u", "password": "p"},
            }
        ],
    }
    (desk.folder / "config.yaml").write_text(json.dumps(config))
    assert "holds no target 'prod'" in offline(desk, "--config", "config.yaml").ended(1).err


@pytest.mark.ci
def test_what_is_no_file_or_too_large(desk: Desk):
    desk.write(user("alice"))
    live = desk.folder / "live.json"
    assert "can't be read" in offline(desk).ended(1).err
    live.mkdir()
    assert "can't be read" in offline(desk).ended(1).err
    live.rmdir()
    with live.open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    assert "larger than 32 MiB" in offline(desk).ended(1).err


def test_flags_that_would_not_be_heeded_are_refused(desk: Desk):
    desk.write(user("alice"))
    record(desk)
    assert "--state is of no use" in offline(desk, "--state", "sqlite:///x.db").ended(1).err
    server = offline(desk, "--server", "https://reconciler.example").ended(1)
    assert "doesn't heed --offline" in server.err


@pytest.mark.ci
def test_several_targets_of_a_configuration(desk: Desk):
    """Recorded into one file; the configuration's credentials aren't asked for."""
    (desk.tree / "prod").mkdir()
    (desk.tree / "lab").mkdir()
    for name in ("prod", "lab"):
        desk.write(user(f"user-of-{name}"), file=f"{name}/users.yaml")
    desk.secret("cc-password", PASSWORD)
    (desk.secrets / "cc-user").write_text("admin")
    common = {"system": "metadefender", "credentials": {"user": "cc-user", "password": "cc-password"}}
    port = desk.center.url.rpartition(":")[2]
    targets = [
        {"name": "prod", "url": desk.center.url, "path": "prod", **common},
        {"name": "lab", "url": f"http://localhost:{port}", "path": "lab", **common},
    ]
    config = {"apiVersion": "reconciler/v1", "kind": "Config", "targets": targets}
    (desk.folder / "config.yaml").write_text(json.dumps(config))
    env = {"RECONCILER_URL": "", "RECONCILER_USER": "", "RECONCILER_PASSWORD": ""}
    desk.run("observe", "--config", "config.yaml", "--out", "live.json", env=env).ended(0)
    plans = offline(desk, "--config", "config.yaml").ended(0).json()
    assert [[step["name"] for step in one["steps"]] for one in plans["items"]] == [["user-of-prod"], ["user-of-lab"]]
    one = offline(desk, "--config", "config.yaml", "--target", "lab").ended(0).json()
    assert one["target"] == "lab"
    assert "give the --config" in offline(desk).ended(1).err


@pytest.mark.ci
def test_whatever_is_changed_in_a_recording_it_is_refused_or_planned_with(
    converged: Desk, monkeypatch: pytest.MonkeyPatch
):
    """500 recordings that somebody has meddled with: an error of ours in one sentence, or a plan; nothing else."""
    whole = json.loads(record(converged).read_text())
    monkeypatch.chdir(converged.folder)
    for name in ("URL", "SYSTEM", "CONFIG", "INSTALLERS"):
        monkeypatch.delenv(f"RECONCILER_{name}", raising=False)
    chance = random.Random(5)  # noqa: S311 - it meddles and guards nothing
    ends: Counter[str] = Counter()
    lines: set[int] = set()
    for _ in range(500):
        document_ = json.loads(json.dumps(whole))
        meddle(document_, chance)
        Path("spoilt.json").write_text(json.dumps(document_))
        try:
            offline_plans("desired-state", Where(), Policy(), "spoilt.json")
        except InputError as error:
            ends["refused"] += 1
            lines.add(error.message.count("\n"))
        else:
            ends["planned"] += 1
    assert lines == {0}
    assert min(ends["refused"], ends["planned"]) > 50


def meddle(data: Any, chance: random.Random) -> None:
    """Put something else into one place of it, or take the place away."""
    place = data
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.9:
            place = place[key]
        elif chance.random() < 0.2:
            del place[key]
            return
        else:
            place[key] = chance.choice([None, 0, -1, 10**30, "", "x" * 500, "\x1b[31m", [], [[]], {}, {"a": {}}, True])
            return
