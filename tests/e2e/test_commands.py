"""Each command, once through the real command line."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from reconciler.cli.main import commands
from tests.e2e.kit import PASSWORD, Desk, document, mostly_ci, until, user, worker

MakeDesk = Callable[..., Desk]


# --- validate


def test_validate_needs_no_target(example: Desk):
    nothing = {"RECONCILER_URL": "", "RECONCILER_PASSWORD": "", "RECONCILER_SECRETS_DIR": ""}
    result = example.run("validate", "desired-state", env=nothing).ended(0)
    assert result.out.startswith("Valid: 18 documents in 6 files (1 Cleanup, 1 Deployment, 1 Installer, 2 Role, 5 Serv")
    assert result.err == ""
    assert example.center.requests() == []


def test_validate_tells_every_problem_with_its_place(desk: Desk):
    (desk.tree / "a.yaml").write_text(
        "apiVersion: metadefender/v1\nkind: User\nmetadata: {name: alice}\nspec:\n  emial: a@example.com\n---\n"
        "apiVersion: metadefender/v1\nkind: Worker\nmetadata: {name: w}\nspec: {host: w, port: 70000}\n"
    )
    result = desk.run("validate", "desired-state").ended(1)
    assert result.out == ""
    places = [line.split(": ")[0] for line in result.err.splitlines()]
    assert places[0].startswith("a.yaml:5:")
    assert places[1].startswith("a.yaml:10:")
    assert "Did you mean 'email'?" in result.err
    assert "error: 2 problems in the desired state" in result.err


# --- plan


def test_plan_as_text(converged: Desk):
    converged.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    result = converged.run("plan", "desired-state").ended(0)
    assert '  ~ update SessionCookie/console\n      ~ samesite = "None" -> "Strict"\n' in result.out
    assert "Plan: 0 to create, 1 to update, 0 to replace, 0 to delete." in result.out
    assert "\x1b" not in result.out


@pytest.mark.ci
@pytest.mark.parametrize("output", ["markdown", "html"])
def test_plan_as_a_document(converged: Desk, output: str):
    converged.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    result = converged.run("plan", "desired-state", "-o", output).ended(0)
    assert "SessionCookie/console" in result.out
    assert result.err == ""
    if output == "html":
        assert result.out.lower().startswith("<!doctype html>")


def test_plan_to_a_file_of_its_owner(converged: Desk):
    converged.run("plan", "desired-state", "--out", "plan.json").ended(0)
    saved = json.loads((converged.folder / "plan.json").read_text())
    assert saved == converged.plan().json()
    assert stat.S_IMODE((converged.folder / "plan.json").stat().st_mode) == 0o600
    assert [one.name for one in converged.folder.iterdir() if "part" in one.name] == []


def test_a_pipe_is_written_to_and_stays_a_pipe(converged: Desk):
    pipe = converged.folder / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text)
        converged.run("plan", "desired-state", "--out", "pipe").ended(0)
        assert json.loads(read.result(10)) == converged.plan().json()
    assert pipe.is_fifo()


def test_plan_tells_by_its_exit_code_that_there_are_changes(example: Desk):
    example.plan("--detailed-exitcode").ended(2)
    example.plan().ended(0)


def test_plan_only_some_documents(example: Desk):
    plan = example.plan("--only", "User/alice").ended(0)
    assert [*plan.steps] == ["create/Role/soc-analyst", "create/User/alice"]
    unknown = example.plan("--only", "User/alise").ended(1)
    assert "Did you mean 'User/alice'?" in unknown.err


@pytest.mark.ci
def test_plan_in_full(desk: Desk):
    desk.write(*(worker(f"w-{number:02}") for number in range(40)))
    short, full = desk.run("plan", "desired-state").out, desk.run("plan", "desired-state", "--full").out
    assert full.count("host") == 40
    assert short.count("host") < 40


@pytest.mark.ci
def test_a_plan_without_the_state_says_so(example: Desk):
    assert "made without the state: can't be applied" in example.run("plan", "desired-state").out.splitlines()[0]
    plan = example.plan().json()
    assert plan["lineage"] is None
    assert any("state" in warning for warning in plan["warnings"])


# --- apply


def test_apply_asks_for_a_word_where_nobody_can_be_asked(example: Desk):
    result = example.run("apply", "desired-state").ended(1)
    assert "nobody is there to be asked" in result.err
    assert "--yes" in result.err
    assert result.out == ""
    assert example.center.requests() == []


@pytest.mark.ci
def test_apply_tells_what_became_of_each_step(desk: Desk):
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]))
    result = desk.run("apply", "desired-state", "--yes", "--out", "report.json").ended(0)
    assert "create Role/analyst" in result.out
    assert "create User/carol" in result.out
    assert json.loads((desk.folder / "report.json").read_text())["outcome"] == "converged"


def test_a_saved_plan_is_applied_without_asking(desk: Desk):
    desk.write(document("Role", "analyst"))
    desk.apply().ended(0)
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]))
    desk.plan("--out", "plan.json").ended(0)
    desk.run("apply", "desired-state", "--plan", "plan.json").ended(0)
    assert "carol" in desk.center.names("users")


def test_a_saved_plan_is_refused_once_the_live_side_has_moved(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    desk.apply().ended(0)
    desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    desk.plan("--out", "plan.json").ended(0)
    desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "Lax"})
    before = desk.center.last()
    result = desk.run("apply", "desired-state", "--plan", "plan.json", "-o", "json").ended(1)
    assert "the saved plan is no longer what would be done" in result.err
    assert result.out == ""
    assert desk.center.writes(before) == []


@pytest.mark.ci
@pytest.mark.parametrize("change", ["the documents", "the flags"])
def test_a_saved_plan_is_refused_once_something_else_has_changed(desk: Desk, change: str):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    desk.apply().ended(0)
    desk.write(document("SessionCookie", "console", samesite="Lax"))
    desk.plan("--out", "plan.json").ended(0)
    flags = ["--allow", "replace"]
    if change == "the documents":
        desk.write(document("SessionCookie", "console", samesite="None"))
        flags = []
    before = desk.center.last()
    desk.run("apply", "desired-state", "--plan", "plan.json", *flags).ended(1)
    assert desk.center.writes(before) == []


def test_a_plan_made_without_the_state_is_refused(example: Desk):
    example.plan("--out", "plan.json").ended(0)
    result = example.run("apply", "desired-state", "--plan", "plan.json").ended(1)
    assert "was made without the state" in result.err
    assert example.center.writes() == []


@pytest.mark.ci
@pytest.mark.parametrize(
    "content", mostly_ci(["", "{}", "[]", "null", "no json", '{"kind": "Plan", "digest": 5}', "\udcff"], "", "{}")
)
def test_what_is_no_plan_is_refused(desk: Desk, content: str):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    (desk.folder / "plan.json").write_bytes(content.encode(errors="surrogateescape"))
    result = desk.run("apply", "desired-state", "--plan", "plan.json").ended(1)
    assert "plan.json" in result.err
    assert desk.center.requests() == []


# --- export, adopt, forget


def test_an_export_plans_to_no_changes(converged: Desk):
    converged.center.options(cleanup_get="value", session_get="value")
    result = converged.run("export", "--out", "exported").ended(0)
    assert result.out == "Exported 18 documents to exported.\n"
    assert "secret to fill in: alice-password" in result.err
    converged.run("validate", "exported").ended(0)
    before = converged.center.last()
    plan = converged.run("plan", "exported", "-o", "json", "--detailed-exitcode").ended(0).json()
    assert plan["steps"] == plan["blocked"] == []
    assert converged.center.writes(before) == []


@pytest.mark.ci
def test_an_export_of_a_server_that_nobody_knows(make: MakeDesk):
    """Everything unlike the example: other ids, hidden settings, roles that can't be listed, a stranger's objects."""
    desk = make("deployed", role_list="404", user_roles="names", worker_list="map", id_type="string")
    desk.center.edit("roles", {}, set={"editable": True})
    desk.center.edit("users", add={"name": "ünï cödé/§", "password": "x", "roles": [], "display_name": "no: #x"})
    desk.run("export", "--out", "exported").ended(0)
    plan = desk.run("plan", "exported", "-o", "json", "--detailed-exitcode").ended(0).json()
    assert plan["steps"] == plan["blocked"] == []


@pytest.mark.ci
def test_an_export_overwrites_nothing(converged: Desk):
    (converged.folder / "exported").mkdir()
    (converged.folder / "exported" / "mine").write_text("mine")
    result = converged.run("export", "--out", "exported").ended(1)
    assert "isn't empty" in result.err
    assert os.listdir(converged.folder / "exported") == ["mine"]


def test_adopt_by_name_and_forget(desk: Desk):
    desk.center.edit("users", add={"name": "carol", "password": "x", "roles": []})
    desk.write(document("SessionCookie", "console", samesite="Lax"))
    assert "Adopted User/carol" in desk.run("adopt", "User", "carol").ended(0).out
    assert desk.owned() == ["User/carol"]
    assert [*desk.plan("--prune").ended(0).steps] == ["delete/User/carol"]
    assert desk.run("forget", "User", "carol").ended(0).out == "Forgot User/carol.\n"
    assert desk.owned() == []
    assert desk.plan("--prune").ended(0).steps == {}
    assert desk.center.writes() == []


@pytest.mark.ci
def test_adopt_what_isnt_there(desk: Desk):
    desk.center.edit("users", add={"name": "carol", "password": "x", "roles": []})
    assert "carol" in desk.run("adopt", "User", "carl").ended(1).err
    assert "User" in desk.run("adopt", "Usr", "carol").ended(1).err
    assert "KIND and NAME" in desk.run("adopt").ended(1).err
    assert "isn't ours" in desk.run("forget", "User", "carol").ended(1).err


@pytest.mark.ci
def test_adopt_by_id_among_namesakes(make: MakeDesk):
    desk = make(user_create_existing="duplicate")
    for directory in (1, 2):
        desk.center.edit("users", add={"name": "carol", "password": "x", "roles": [], "directory_id": directory})
    result = desk.run("adopt", "User", "carol").ended(1)
    ids = [str(one["id"]) for one in desk.center.state()["users"] if one["name"] == "carol"]
    assert all(id in result.err for id in ids)
    desk.run("adopt", "User", "carol", "--id", ids[0]).ended(0)
    assert desk.owned() == ["User/carol"]


def test_adopt_a_whole_tree(make: MakeDesk):
    desk = make("services")
    desk.write(
        worker("worker-1", host="worker-1.local"),
        worker("worker-9"),
        document("Service", "broker", type="broker", host="broker.local", port=5672),
    )
    result = desk.run("adopt", "--all", "desired-state").ended(0)
    assert "2 objects adopted." in result.out
    assert desk.owned() == ["Service/broker", "Worker/worker-1"]
    assert desk.center.writes() == []


# --- import-workers

IMPORT = """
- display_name: Rack 1
  host: rack-1.internal
  port: 8893
  connection_key: imported-key-one
- display_name: Rack 2
  host: rack-2.internal
  port: 8893
  connection_key: imported-key-two
"""


def test_import_workers(desk: Desk):
    (desk.folder / "desired-state").mkdir(exist_ok=True)
    source = desk.secrets / "import.yml"
    source.write_text(IMPORT)
    desk.canaries |= {"imported-key-one", "imported-key-two"}
    result = desk.run("import-workers", str(source), "--secrets-dir", str(desk.secrets)).ended(0)
    documents = list(yaml.safe_load_all(result.out))
    assert [one["metadata"]["name"] for one in documents] == ["Rack 1", "Rack 2"]
    (desk.tree / "workers.yaml").write_text(result.out)
    desk.converges()
    assert desk.center.names("workers") == ["Rack 1", "Rack 2"]


@pytest.mark.ci
def test_import_workers_without_writing_keys(desk: Desk):
    (desk.secrets / "import.yml").write_text(IMPORT)
    desk.canaries |= {"imported-key-one", "imported-key-two"}
    result = desk.run("import-workers", str(desk.secrets / "import.yml")).ended(0)
    assert "2 secrets to fill in" in result.err
    assert desk.run("import-workers", "nowhere.yml").ended(1).out == ""


# --- schema, version, help


def test_schema_of_all_and_of_one(desk: Desk):
    whole = desk.run("schema").ended(0).json()
    assert set(whole["properties"]["kind"]["enum"]) >= {"User", "Deployment"}
    assert "email" in json.dumps(desk.run("schema", "User").ended(0).json())
    result = desk.run("schema", "Usr").ended(1)
    assert "User" in result.err


def test_version(desk: Desk):
    assert re.fullmatch(r"reconciler \d+\.\d+\.\d+\S*\n", desk.run("version").ended(0).out)


@pytest.mark.ci
def test_help_of_each_command(desk: Desk):
    whole = desk.run("--help").ended(0).out
    for name, summary in commands().items():
        assert name in whole
        assert summary in " ".join(whole.split())
    for name in commands():
        assert desk.run(name, "--help").ended(0).out.startswith(f"Usage: reconciler {name}")


def test_an_unknown_command(desk: Desk):
    result = desk.run("aply").ended(1)
    assert result.err == "error: No such command 'aply'. Did you mean 'apply'?\n  see reconciler --help\n"
    assert result.out == ""


@pytest.mark.ci
def test_an_unknown_flag(desk: Desk):
    assert "--prune" in desk.run("plan", "desired-state", "--prne").ended(1).err


# --- status, history, state


def test_status(converged: Desk):
    result = converged.run("status").ended(0)
    for words in ("Ours    1 Cleanup, 2 Deployment", "Last    #1", "converged", "Budget  1 destructive", "Health  "):
        assert words in result.out
    found = converged.run("status", "-o", "json").ended(0).json()
    assert found["open"] == []
    assert found["last"]["outcome"] == "converged"
    assert converged.center.writes() == []


@pytest.mark.ci
def test_status_of_nothing(desk: Desk):
    result = desk.run("status", "--offline").ended(0)
    assert "nothing" in result.out
    assert "no pass yet" in result.out
    assert desk.center.requests() == []
    assert not list((desk.folder / "state").iterdir())


@pytest.mark.ci
def test_status_of_a_server_that_is_gone(desk: Desk):
    result = desk.run("status", env={"RECONCILER_URL": "http://127.0.0.1:9"})
    assert "can't be reached" in result.out


def test_history(converged: Desk):
    converged.apply().ended(0)
    lines = converged.run("history").ended(0).out.splitlines()
    assert len(lines) == 2
    assert "nothing to do" in lines[0]
    assert "15 create, 4 update" in lines[1]
    listed = converged.run("history", "-o", "json", "--limit", "1").ended(0).json()
    assert [one["id"] for one in listed] == [2]
    assert listed[0]["outcome"] == "converged"


@pytest.mark.ci
def test_history_of_nothing(desk: Desk):
    assert desk.run("history").ended(0).out == "No pass yet.\n"
    assert desk.run("history", "-o", "json").ended(0).json() == []


def test_state_is_listed_backed_up_and_restored(converged: Desk):
    before = converged.run("state", "list").ended(0).out
    assert before.endswith("\n19 objects.\n")
    converged.run("state", "backup", "backup.db").ended(0)
    assert stat.S_IMODE((converged.folder / "backup.db").stat().st_mode) == 0o600
    converged.run("forget", "User", "alice").ended(0)
    assert "User/alice" not in converged.owned()
    converged.run("state", "restore", "backup.db").ended(0)
    assert converged.run("state", "list").ended(0).out == before
    converged.is_converged()


@pytest.mark.ci
def test_state_of_nothing(desk: Desk):
    assert desk.run("state", "list").ended(0).out == "0 objects.\n"
    assert "no state" in desk.run("state", "backup", "backup.db").ended(1).err
    assert desk.run("state", "restore", "nowhere.db").ended(1).out == ""
    (desk.folder / "junk.db").write_bytes(b"junk" * 1000)
    assert desk.run("state", "restore", "junk.db").ended(1).out == ""


@pytest.mark.ci
def test_the_state_is_for_its_owner_only(converged: Desk):
    for path in (converged.folder / "state").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    with sqlite3.connect(converged.folder / "state" / "state.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


# --- doctor, emulator, demo


def test_doctor_only_reads(converged: Desk):
    result = converged.run("doctor").ended(0)
    assert re.search(r"role_list +list +Does GET /admin/role list the roles\?", result.out)
    asked = converged.center.requests()
    assert {one["method"] for one in asked if one["operationId"] not in ("login", "logout")} == {"GET"}
    found = converged.run("doctor", "-o", "json").ended(0).json()
    assert {one["answer"] for one in found["collections"]} == {"readable", "not offered"}


@pytest.mark.ci
def test_doctor_says_what_cant_be_read(converged: Desk):
    converged.center.fault("listServices", {"body": "<html>"}, times=0)
    result = converged.run("doctor").ended(1)
    assert "unreadable" in result.out


def test_emulator_and_a_plan_of_it(desk: Desk):
    process = desk.start("emulator", "--listen", "127.0.0.1:0", "--password", PASSWORD, "--set", "role_list=404")
    try:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        desk.write(document("SessionCookie", "console", samesite="Strict"))
        desk.plan("--detailed-exitcode", env={"RECONCILER_URL": url}).ended(2)
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.ci
def test_emulator_refuses_what_it_doesnt_know(desk: Desk):
    result = desk.run("emulator", "--set", "role_list=maybe").ended(1)
    assert "role_list is one of" in result.err


@pytest.mark.ci
def test_demo(desk: Desk):
    mine = {"RECONCILER_CONFIG": "/nowhere/reconciler.yaml", "RECONCILER_SERVER": "http://127.0.0.1:1"}
    result = desk.run("demo", env=mine).ended(0)  # never touches what the user's settings name
    assert "service-frozen-after-deploy" in result.out
    assert result.out.count("$ reconciler") == 8
    assert result.out.count("step=update/SessionCookie/console status=done") == 2


@pytest.mark.ci
def test_a_reader_that_goes_away(example: Desk):
    process = example.start("plan", "desired-state")
    assert process.stdout is not None
    process.stdout.close()
    until(lambda: process.poll() is not None, "the plan has ended")
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
