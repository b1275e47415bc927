"""Commands that ask a daemon (``--server``), and those that tell the state what a daemon would be told."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.cli.main import BUILT_IN, built_in
from reconciler.errors import InputError
from reconciler.render import render_plan
from reconciler.secret import Keyring
from reconciler.settle import settled_by_hand
from reconciler.sources.directory import read
from reconciler.store import Store
from reconciler.store.records import Entry, EntryRecord, PassStart, Quarantine, Settlement
from reconciler.systems.registry import default_system, systems
from tests import postgres as postgresql
from tests.api.server import Reply, script
from tests.api.server import serving as scripted
from tests.e2e.conftest import MakeDesk
from tests.e2e.daemon.kit import OPERATE, PLAN, READ, Daemon, eventually, running
from tests.e2e.kit import Desk, Result, document, mostly_ci, user
from tests.remote.daemon import PlanningControl
from tests.web.control import MemoryControl, planned
from tests.web.serving import Served, serving

CANARIES = {f"{role}-token-0123456789" for role in ("read", "plan", "operate")}
NOTHING = {f"RECONCILER_{name}": "" for name in ("URL", "USER", "PASSWORD", "STATE", "SECRETS_DIR")}
DIGEST = f"sha256:{'1' * 64}"


@pytest.fixture
def daemon() -> Iterator[Served]:
    with serving(MemoryControl()) as served:
        yield served


def ask(desk: Desk, url: str, *args: str, role: str = "operate", token: str | None = None, **more: Any) -> Result:
    """Run a command that knows of a server only: no target, no credentials, no state."""
    desk.canaries |= CANARIES
    known = f"{role}-token-0123456789" if token is None else token
    env = {**NOTHING, "RECONCILER_SERVER": url, "RECONCILER_SERVER_TOKEN": known}
    return desk.run(*args, env=env, **more)


# --- plans


def tree_of(desk: Desk) -> None:
    """Something to create, and something that is held back by a reference."""
    desk.write(
        document("Role", "analyst", display_name="Analyst ✓"), user("alice", roles=["analyst"], display_name="A")
    )


@pytest.mark.parametrize("output", mostly_ci(["text", "json", "markdown", "html"], "text", "json"))
def test_a_server_plans_as_one_does_oneself(desk: Desk, output: str):
    tree_of(desk)
    desk.run("state", "init").ended(0)
    (desk.tree / "reconciler.yaml").write_text("no: document")
    own = desk.run("plan", "desired-state", "-o", output, "--out", "own.json", "--detailed-exitcode", "--full").ended(2)
    with serving(PlanningControl(desk)) as served:
        arguments = ("plan", "desired-state", "-o", output, "--out", "its.json", "--detailed-exitcode", "--full")
        its = ask(desk, served.url, *arguments, role="plan").ended(2)
        assert served.control.asked == [("plan", ("tree.yaml",), ())]
    assert its.out == own.out
    assert its.err == own.err == ""
    assert (desk.folder / "its.json").read_text() == (desk.folder / "own.json").read_text()
    assert desk.center.writes() == []


@pytest.mark.ci
def test_a_plan_of_a_server_can_be_applied(desk: Desk):
    tree_of(desk)
    desk.run("state", "init").ended(0)
    with serving(PlanningControl(desk)) as served:
        ask(desk, served.url, "plan", "desired-state", "--out", "plan.json", role="plan").ended(0)
    desk.apply("--plan", "plan.json").ended(0)


def test_problems_of_a_tree_are_told_as_ever(desk: Desk):
    desk.write(document("User", "alice", nonsense=1), document("Rolle", "x"))
    own = desk.run("plan", "desired-state").ended(1)
    with serving(PlanningControl(desk)) as served:
        its = ask(desk, served.url, "plan", "desired-state", role="plan").ended(1)
    assert "tree.yaml:1:" in its.err
    assert its.err == own.err
    assert its.out == ""


@pytest.mark.ci
def test_what_is_not_text_is_told_before_it_is_sent(desk: Desk, daemon: Served):
    (desk.tree / "a.yaml").write_bytes(b"name: \xff\xfe\n")
    result = ask(desk, daemon.url, "plan", "desired-state").ended(1)
    assert "a.yaml:1:7: this isn't UTF-8" in result.err
    assert daemon.control.asked == []


@pytest.mark.ci
def test_several_targets_come_one_after_the_other(desk: Desk, daemon: Served):
    tree_of(desk)
    listed = ask(desk, daemon.url, "plan", "desired-state", "-o", "json").ended(0).json()
    assert [one["target"] for one in listed["items"]] == ["prod", "lab"]
    assert listed["kind"] == "PlanList"
    assert "rendered" not in listed
    text = ask(desk, daemon.url, "plan", "desired-state").ended(0).out
    plans = [planned(name, read(desk.tree).files) for name in ("prod", "lab")]
    assert text == "\n".join(render_plan(plan, "text", width=100) for plan in plans)
    one = ask(desk, daemon.url, "plan", "desired-state", "-o", "json", "--target", "lab").ended(0).json()
    assert (one["kind"], one["target"]) == ("Plan", "lab")


@pytest.mark.ci
def test_a_server_plans_with_its_own_policy(desk: Desk, daemon: Served):
    tree_of(desk)
    for flags in (["--prune"], ["--allow", "replace"], ["--allow", "deletions=3"], ["--only", "Role/x"], ["--resend"]):
        result = ask(desk, daemon.url, "plan", "desired-state", *flags).ended(1)
        assert f"doesn't heed {flags[0]}" in result.err
    for flag in ("--url", "--state", "--secrets-dir", "--system", "--config"):
        assert f"doesn't heed {flag}" in ask(desk, daemon.url, "plan", "desired-state", flag, "x").ended(1).err
    assert daemon.control.asked == []


# --- a daemon as its users start it


def pending_deletions(daemon: Daemon) -> str | None:
    """The digest of a plan that would delete only, once the budget holds it back."""
    target = daemon.target()
    waits = target["summary"]["blocked"] and not target["summary"]["create"]
    return str(target["digest"]) if waits else None


@pytest.mark.ci
def test_everything_can_be_asked_of_a_running_daemon(desk: Desk):
    desk.write(*(document("Role", f"r{number}") for number in range(7)))
    with running(desk, "--prune") as daemon:
        daemon.becomes("converged")
        refused = desk.run("suspend", "--reason", "x").ended(1)
        assert "the state is in use by process" in refused.err
        assert "--server" in refused.err

        def operate(*args: str) -> Result:
            return ask(desk, daemon.url, *args, token=OPERATE)

        plan = ("plan", "desired-state", "-o", "json", "--detailed-exitcode")
        shown = operate("suspend", "--reason", "look first", "--for", "1h").ended(0)
        desk.write(document("Role", "r0"), document("Role", "new"))
        assert shown.out.startswith("Suspended default by operate-token since 2")
        its = ask(desk, daemon.url, *plan, token=PLAN).ended(3).json()
        assert [one["id"] for one in its["steps"]] == ["create/Role/new"]
        assert {one["rule"] for one in its["blocked"]} == {"budget"}
        assert "Paused  by operate-token since" in ask(desk, daemon.url, "status", token=READ).ended(0).out
        assert operate("resume").ended(0).out.startswith("Resumed default, suspended by operate-token")
        eventually(lambda: "new" in desk.center.names("roles"))
        digest = eventually(lambda: pending_deletions(daemon))
        assert operate("approve", digest).ended(0).out == f"Approved for default: {digest}\n"
        eventually(lambda: "r6" not in desk.center.names("roles"))
        daemon.becomes("converged")
        operate("forget", "Role", "r0").ended(0)
        assert "isn't ours" in operate("forget", "Role", "r0").ended(1).err
        assert operate("adopt", "Role", "r0").ended(0).out == "Adopted Role/r0.\n1 object adopted.\n"
        assert operate("resolve").ended(0).out == "Nothing is open.\n"
        assert "entry 7 isn't open" in operate("resolve", "7", "--as", "done").ended(1).err
        passes = ask(desk, daemon.url, "history", "-o", "json", token=READ).ended(0).json()
        assert {"converged"} <= {one["outcome"] for one in passes}


# --- what operators say


@pytest.mark.ci
@pytest.mark.parametrize(
    ("args", "out", "asked"),
    [
        (
            ("suspend", "--reason", "an  upgrade", "--target", "lab"),
            "Suspended lab by the-operateer since 2",
            ("suspend", "lab", "the-operateer", "an upgrade", None),
        ),
        (
            ("resume", "--target", "prod"),
            "Resumed prod, suspended by ops since 2026-",
            ("resume", "prod", "the-operateer"),
        ),
        (("resume", "--target", "lab"), "lab wasn't suspended.", ("resume", "lab", "the-operateer")),
        (
            ("adopt", "User", "alice", "--id", "7", "--target", "prod"),
            "Adopted User/alice (id 7).\n1 object adopted.",
            ("adopt", "prod", "User", "alice", "the-operateer", "7"),
        ),
        (
            ("forget", "User", "alice", "--target", "prod"),
            "Forgot User/alice.",
            ("forget", "prod", "User", "alice", "the-operateer"),
        ),
        (
            ("resolve", "7", "--as", "not-done", "--target", "prod"),
            "#7 createUser of User/alice: not done.\nThe next pass makes what",
            ("resolve", "prod", 7, "not-done", "the-operateer"),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_server_is_told(desk: Desk, daemon: Served, args: tuple[str, ...], out: str, asked: tuple[Any, ...]):
    result = ask(desk, daemon.url, *args).ended(0)
    assert result.out.startswith(out)
    assert daemon.control.asked[-1] == asked


@pytest.mark.ci
def test_a_suspension_by_a_server_ends(desk: Desk, daemon: Served):
    ask(desk, daemon.url, "suspend", "--reason", "x", "--for", "2h", "--target", "prod").ended(0)
    *_, until = daemon.control.asked[-1]
    assert 7100 < until - time.time() < 7300


@pytest.mark.ci
def test_a_plan_is_approved_by_its_digest_or_its_file(desk: Desk, daemon: Served):
    pending = daemon.control.targets["prod"].plan
    assert pending is not None
    result = ask(desk, daemon.url, "approve", pending.digest).ended(0)
    assert result.out == f"Approved for prod: {pending.digest}\n"
    assert daemon.control.asked == [("approve", None, pending.digest, "the-operateer")]
    (desk.folder / "plan.json").write_text(render_plan(replace(pending, lineage="l"), "json"))
    result = ask(desk, daemon.url, "approve", "plan.json").ended(0)
    assert result.out == f"Approved for prod: {pending.digest} (2 to create)\n"
    assert daemon.control.asked[-1] == ("approve", "prod", pending.digest, "the-operateer")
    refused = ask(desk, daemon.url, "approve", DIGEST).ended(1)
    assert "no pending plan has this digest" in refused.err
    assert "look at the pending plan again" in refused.err


@pytest.mark.ci
def test_status_of_a_server(desk: Desk, daemon: Served):
    result = ask(desk, daemon.url, "status", role="read").ended(3)
    for text in (
        "Source  https://git.example/desired.git, revision abc123",
        "Target  prod, https://center.example:8892",
        "State   blocked (enforce, waiting, replica-2 has it)",
        "Error   2 steps are held back (approve the plan)",
        "Checked 2026-01-02T03:04:05Z, next 2026-01-02T03:05:05Z",
        "Pending 2 create",
        "Window  closed until 22:00",
        "Paused  by ops since 2026-01-02T03:04:00Z, until 2026-01-02T04:04:05Z: maintenance",
        f"Agreed  sha256:{'a' * 64} by ops, until 2026-01-03T03:04:05Z",
        "Object  User/alice blocked, unknown: waits for its role",
        "Open    #7 createUser of User/alice, sent 2026-01-02T03:04:05Z: the connection was lost",
        "State   not looked at yet (enforce, waiting)",
    ):
        assert text in result.out
    assert "w1" not in result.out
    found = ask(desk, daemon.url, "status", "-o", "json", "--target", "lab", role="read").ended(0).json()
    assert [one["name"] for one in found["items"]] == ["lab"]
    assert found["source"]["revision"] == "abc123"


@pytest.mark.ci
def test_history_of_a_server(desk: Desk, daemon: Served):
    result = ask(desk, daemon.url, "history", "--target", "prod", role="read").ended(0)
    assert result.out.splitlines() == [
        "#2    2026-01-02T03:03:05Z  converged        5.0 s  1 create",
        "#1    2026-01-02T03:02:35Z  -            cut short  nothing to do",
    ]
    found = ask(desk, daemon.url, "history", "-o", "json", "--target", "prod", "--limit", "1").ended(0).json()
    assert [one["id"] for one in found] == [2]
    assert found[0]["steps"][0]["status"] == "done"
    assert "at most 1000" in ask(desk, daemon.url, "history", "--limit", "5000").ended(1).err


@pytest.mark.ci
def test_open_entries_of_a_server(desk: Desk, daemon: Served):
    listed = ask(desk, daemon.url, "resolve", "--target", "prod").ended(0)
    assert "#7 createUser of User/alice" in listed.out
    assert "reconciler resolve 7 --as done" in listed.out
    assert ask(desk, daemon.url, "resolve", "--target", "lab").ended(0).out == "Nothing is open.\n"
    assert "open: 7" in ask(desk, daemon.url, "resolve", "8", "--as", "done", "--target", "prod").ended(1).err


# --- what goes wrong


@pytest.mark.ci
def test_which_target_must_be_said(desk: Desk, daemon: Served):
    result = ask(desk, daemon.url, "resume").ended(1)
    assert "this command takes one target" in result.err
    assert "--target: prod, lab" in result.err
    result = ask(desk, daemon.url, "status", "--target", "prud").ended(1)
    assert "no target 'prud'. Did you mean 'prod'" in result.err
    result = ask(desk, daemon.url, "history", "--target", "prud").ended(1)
    assert "history: there is no target" in result.err


def test_tokens_and_roles(desk: Desk, daemon: Served):
    nobody = ask(desk, daemon.url, "suspend", "--reason", "x", "--target", "prod", token="").ended(1)
    assert "asks for a token" in nobody.err
    assert "set RECONCILER_SERVER_TOKEN (or RECONCILER_SERVER_TOKEN_FILE) to one with the role operate" in nobody.err
    wrong = "a-wrong-canary-token"
    desk.canaries.add(wrong)
    other = ask(desk, daemon.url, "status", token=wrong).ended(1)
    assert "doesn't know the token" in other.err
    small = ask(desk, daemon.url, "suspend", "--reason", "x", "--target", "prod", role="plan").ended(1)
    assert "this takes the operate role, and the-planer has plan" in small.err
    assert "it takes a token with the role operate" in small.err
    assert daemon.control.asked == []


@pytest.mark.ci
def test_a_token_from_a_file(desk: Desk, daemon: Served):
    (desk.secrets / "token").write_text("read-token-0123456789\n")
    variables = {"RECONCILER_SERVER_TOKEN_FILE": str(desk.secrets / "token")}
    desk.run("status", "--server", daemon.url, "--target", "lab", env=NOTHING | variables).ended(0)


@pytest.mark.ci
def test_nobody_is_there(desk: Desk):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    result = ask(desk, url, "resume", "--target", "prod").ended(1)
    assert "can't be reached" in result.err
    result = ask(desk, "https://u:canary-in-an-address@h", "resume").ended(1)
    desk.canaries.add("canary-in-an-address")
    assert "neither credentials nor a query" in result.err


def test_a_redirect_is_not_followed(desk: Desk, daemon: Served):
    async def main() -> tuple[Result, int]:
        there = Reply(307, b"", {"location": f"{daemon.url}/api/v1/targets/prod/suspend"})
        async with scripted(script(there)) as wire:
            result = await asyncio.to_thread(ask, desk, wire.url, "suspend", "--reason", "x", "--target", "prod")
            return result, len(wire.seen)

    result, seen = asyncio.run(main())
    assert "redirects are never followed" in result.ended(1).err
    assert seen == 1
    assert daemon.control.asked == []


@pytest.mark.ci
def test_a_page_cannot_command_the_terminal(desk: Desk):
    async def main() -> Result:
        plan = {"target": "x", "steps": [], "blocked": []}
        body = {"items": [plan], "rendered": ["\x1b]0;title\x07 \x1b[1mx\x1b[0m"]}
        async with scripted(script(Reply(200, json.dumps(body).encode()))) as wire:
            return await asyncio.to_thread(ask, desk, wire.url, "plan", "desired-state")

    tree_of(desk)
    result = asyncio.run(main()).ended(0)
    assert result.out == "\\u001b]0;title\\u0007 x"


@pytest.mark.ci
def test_flags_that_a_server_does_not_heed(desk: Desk, daemon: Served):
    for args in (
        ("suspend", "--reason", "x", "--by", "me"),
        ("approve", DIGEST, "--for", "2h"),
        ("adopt", "--all", "desired-state"),
        ("forget", "User", "x", "--lock-timeout", "3"),
        ("status", "--offline"),
    ):
        assert "a server was named, which doesn't heed --" in ask(desk, daemon.url, *args).ended(1).err


@pytest.mark.ci
def test_an_empty_flag_overrules_the_variable(desk: Desk, daemon: Served):
    result = desk.run("status", "--offline", "--server", "", env={"RECONCILER_SERVER": daemon.url}).ended(0)
    assert result.out.startswith("Target  default")


# --- without a daemon


def test_a_suspended_target_is_not_written_to(desk: Desk):
    tree_of(desk)
    result = desk.run("suspend", "--reason", "the cluster\nis moved", "--for", "2h", "--by", "carol").ended(0)
    assert result.out.startswith("Suspended default by carol since ")
    assert result.out.endswith("Z: the cluster is moved\n")
    suspended = desk.status().ended(0).json()["suspension"]
    assert (suspended["owner"], suspended["reason"]) == ("carol", "the cluster is moved")
    assert "Paused  by carol since" in desk.run("status", "--offline").ended(0).out
    refused = desk.apply().ended(1)
    assert "the target default is suspended by carol since" in refused.err
    assert "is moved" in refused.err
    assert "`reconciler resume`, or give --ignore-suspension" in refused.err
    assert desk.center.sent() == []
    desk.plan().ended(0)
    desk.apply("--ignore-suspension").ended(0)
    assert desk.run("resume").ended(0).out.startswith("Resumed default, suspended by carol")
    assert desk.run("resume").ended(0).out == "default wasn't suspended.\n"
    desk.apply().ended(0)


@pytest.mark.ci
def test_a_suspension_has_an_owner_a_reason_and_an_end(desk: Desk):
    assert "by" in desk.run("suspend", "--reason", "x").ended(0).out
    owner = desk.status().ended(0).json()["suspension"]["owner"]
    assert owner
    assert "until somebody resumes it" in desk.run("status", "--offline").ended(0).out
    assert "Missing option '--reason'" in desk.run("suspend").ended(1).err
    assert "1 to 500 characters" in desk.run("suspend", "--reason", " ").ended(1).err
    assert "isn't a time such as 30m" in desk.run("suspend", "--reason", "x", "--for", "soon").ended(1).err
    assert "isn't a time such as 30m" in desk.run("suspend", "--reason", "x", "--for", "0h").ended(1).err
    desk.run("suspend", "--reason", "x", "--for", "1s").ended(0)
    time.sleep(1)
    assert desk.status().ended(0).json()["suspension"] is None


def many_deletions(make: MakeDesk) -> Desk:
    """Six roles of ours without a document: one deletion more than a pass may do."""
    desk = make()
    roles = [document("Role", f"r{number}") for number in range(7)]
    desk.write(*roles)
    desk.apply().ended(0)
    desk.write(roles[0])
    return desk


def test_an_approved_plan_goes_beyond_the_budget_once(make: MakeDesk):
    desk = many_deletions(make)
    plan = desk.plan("--prune", "--out", "plan.json").ended(3).json()
    assert set(desk.plan("--prune").rules.values()) == {"budget"}
    told = desk.run("approve", "plan.json", "--by", "carol").ended(0).out
    assert told.startswith("Approved for default, until ")
    assert told.endswith(f"Z: {plan['digest']} (6 blocked)\n")
    assert [one["digest"] for one in desk.status().ended(0).json()["approvals"]] == [plan["digest"]]
    assert "by carol, until" in desk.run("status", "--offline").ended(0).out
    desk.apply("--prune", "--plan", "plan.json").ended(0)
    assert [name for name in desk.center.names("roles") if name.startswith("r")] == ["r0"]
    assert desk.status().ended(0).json()["approvals"] == []


@pytest.mark.ci
def test_another_plan_than_the_approved_one_is_held_back(make: MakeDesk):
    desk = many_deletions(make)
    desk.run("approve", desk.plan("--prune").json()["digest"]).ended(0)
    desk.write(document("Role", "r0"), document("Role", "new"))
    report = desk.apply("--prune").ended(3)
    assert set(report.rules.values()) == {"budget"}
    assert len(desk.center.names("roles")) >= 8


@pytest.mark.ci
def test_what_cannot_be_approved(desk: Desk):
    tree_of(desk)
    assert "neither a digest nor a file" in desk.run("approve", "sha256:12").ended(1).err
    desk.run("plan", "desired-state", "--out", "stateless.json").ended(0)
    assert "made without the state" in desk.run("approve", "stateless.json").ended(1).err
    desk.run("state", "init").ended(0)
    desk.run("plan", "desired-state", "--out", "plan.json").ended(0)
    elsewhere = {"RECONCILER_STATE": f"sqlite:///{desk.folder}/state/other.db"}
    assert "made with another state" in desk.run("approve", "plan.json", env=elsewhere).ended(1).err
    (desk.folder / "junk.json").write_text("{}")
    assert "junk.json: the plan file is not a plan" in desk.run("approve", "junk.json").ended(1).err


def remember(desk: Desk, action: str, kind: str, name: str) -> int:
    """An entry of which nobody knows how it ended, and an object in quarantine."""

    async def main() -> int:
        store = Store.open(desk.env["RECONCILER_STATE"], "default", desk.center.url, writable=True)
        try:
            number = await store.begin_pass(PassStart(time.time()))
            key = (kind, ("LOCAL", name) if kind == "User" else (name,))
            entry = Entry(
                number, f"{action}{kind}", "POST", "/x", action, (f"{action}/{kind}/{name}",), (key,),
                (f"{kind}/{name}",), time.time(),
            )  # fmt: skip
            id = await store.open_entry(entry)
            await store.settle(id, Settlement("unknown", reason="no answer in time"), "answer")
            await store.quarantine(Quarantine(*key, name, 3, time.time() + 900, "it said no"))
            await store.end_pass(number, "failed", {}, ())
            return id
        finally:
            await store.close()

    return asyncio.run(main())


@pytest.mark.ci
@pytest.mark.parametrize(
    ("action", "ending", "follows"),
    [
        (
            "create",
            "done",
            "nothing ours: what is there is updated, and never deleted. To own it: reconciler adopt User bob",
        ),
        ("create", "not-done", "The next pass makes what a document still asks for."),
        ("delete", "done", "It is ours no more"),
        ("delete", "not-done", "It is still ours"),
        ("update", "done", "The next pass compares it"),
    ],
)
def test_an_outcome_that_nobody_knows_is_told(desk: Desk, action: str, ending: str, follows: str):
    entry = remember(desk, action, "User", "bob")
    status = desk.run("status", "--offline").ended(3)
    assert f"Open    #{entry} {action}User of" in status.out
    assert "Waits   User/bob until" in status.out
    assert "failed 3 times in a row: it said no" in status.out
    listed = desk.run("resolve").ended(0)
    assert f"#{entry} {action}User of User/bob, sent 2" in listed.out
    assert "no answer in time" in listed.out
    told = desk.run("resolve", str(entry), "--as", ending, "--by", "carol").ended(0)
    assert told.out.splitlines()[0] == f"#{entry} {action}User of User/bob: {ending.replace('-', ' ')}."
    assert follows in told.out
    assert desk.run("resolve").ended(0).out == "Nothing is open.\n"
    assert desk.owned() == []
    assert f"entry {entry} isn't open" in desk.run("resolve", str(entry), "--as", ending).ended(1).err


@pytest.mark.ci
def test_a_delete_that_was_done_gives_ownership_up_and_a_create_gives_none(make: MakeDesk):
    desk = make()
    desk.write(document("Role", "r0"), document("Role", "r1"))
    desk.apply().ended(0)
    entry = remember(desk, "delete", "Role", "r1")
    desk.run("resolve", str(entry), "--as", "done").ended(0)
    assert desk.owned() == ["Role/r0"]


def test_a_word_does_not_make_a_request_that_is_told_once_be_told_again():
    system = systems()["brightriver"]
    key = ("FileRejection", ("order", "a.jpg"))
    entry = Entry(1, "rejectFiles", "POST", "/x", "create", ("m",), (key,), ("FileRejection/order",), 0.0)
    record = EntryRecord(7, entry, "unknown", "no answer", "", None)
    with pytest.raises(InputError) as found:
        settled_by_hand(system, record, "done", ())
    assert found.value.remedy == "say that it was done with: reconciler adopt FileRejection order"
    assert settled_by_hand(system, record, "not-done", ()).status == "not-done"
    with pytest.raises(InputError, match="entry 7 is settled already: done"):
        settled_by_hand(system, replace(record, status="done"), "not-done", ())


def test_what_is_still_to_be_made_anew_stays_known():
    key = ("Role", ("r",))
    entry = Entry(1, "deleteRole", "DELETE", "/x", "delete", ("m",), (key,), ("Role/r",), 0.0)
    record = EntryRecord(7, entry, "open", "", "", None)
    assert settled_by_hand(default_system(), record, "done", ()).disown == (key,)
    assert settled_by_hand(default_system(), record, "done", {key}).disown == ()
    assert settled_by_hand(default_system(), record, "not-done", ()).disown == ()
    damaged = replace(record, intact=False)
    assert settled_by_hand(default_system(), damaged, "done", ()).disown == ()


@pytest.mark.ci
def test_resolve_takes_both_or_nothing(desk: Desk):
    for args in (["3"], ["--as", "done"]):
        assert "resolve takes an entry and how it ended" in desk.run("resolve", *args).ended(1).err
    assert desk.run("resolve").ended(0).out == "Nothing is open.\n"


@pytest.mark.ci
def test_a_daemon_that_holds_the_state_is_to_be_asked(desk: Desk):
    async def main() -> list[Result]:
        store = Store.open(desk.env["RECONCILER_STATE"], "default", desk.center.url, writable=True)
        try:
            calls = (["suspend", "--reason", "x"], ["resume"], ["approve", DIGEST], ["resolve", "1", "--as", "done"])
            return [await asyncio.to_thread(desk.run, *args) for args in calls]
        finally:
            await store.close()

    for result in asyncio.run(main()):
        assert "the state is in use by process" in result.ended(1).err
        assert "--server" in result.err


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgresql.Server]:
    with postgresql.running() as server:
        yield server


@pytest.mark.ci
def test_orders_need_not_wait_for_the_holder_of_a_lease(desk: Desk, postgres: postgresql.Server):
    tree_of(desk)
    desk.secret("fingerprint-key", "canary-of-the-fingerprints")
    state = postgres.database()
    desk.env["RECONCILER_STATE"] = state

    async def main() -> list[Result]:
        keyring = Keyring((b"canary-of-the-fingerprints",))
        store = Store.open(state, "default", desk.center.url, keyring, writable=True)
        try:
            calls = (["suspend", "--reason", "x"], ["approve", DIGEST], ["status", "--offline"], ["resume"])
            others = (["resolve", "1", "--as", "done"], ["forget", "User", "x"])
            return [await asyncio.to_thread(desk.run, *args) for args in (*calls, *others)]
        finally:
            await store.close()

    *fine, resolve, forget = asyncio.run(main())
    for result in fine:
        result.ended(0)
    assert "Paused  by" in fine[2].out
    assert f"Agreed  {DIGEST}" in fine[2].out
    for result in (resolve, forget):
        assert "--server" in result.ended(1).err


def test_every_command_that_a_server_can_do_has_the_flag():
    able = {name for name in BUILT_IN if any(one.name == "server" for one in built_in(name).params)}
    assert able == {
        "plan", "approve", "suspend", "resume", "adopt", "forget", "resolve", "status", "history",
    }  # fmt: skip
    assert not [one for name in able for one in built_in(name).params if "token" in str(one.name)]
