"""What holds a plan back as a whole, what can't be told, and what makes two plans the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from reconciler.diff import compare, explain, shown
from reconciler.errors import InvalidTree
from reconciler.memory import Memory, OpenEntry, Owned, Sent
from reconciler.model import FileFacts, Key, Ref
from reconciler.plan import make_plan
from reconciler.policy import Policy
from reconciler.render import render_plan
from reconciler.render.json import plan_json
from reconciler.secret import Keyring, Secret, SecretRef
from reconciler.steps import SUMMARY, Plan
from reconciler.systems.view import View
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    KEYRING,
    SYSTEM,
    TARGET,
    URL,
    again,
    deployment,
    doc,
    facts,
    five,
    ids,
    live_five,
    live_installer,
    live_role,
    live_user,
    live_worker,
    owning,
    plan,
    reasons,
    role,
    rules,
    service,
    step,
    user,
    view,
    worker,
)

RANGES = {"auditlog": 24, "filestorage": 24, "warehouse": 24, "scanhistory": 168}


def many(count: int, declared: int = 0, **more: Any) -> View:
    """So many users of ours, of which some are declared."""
    users = [ADMIN, *(live_user(number, f"u{number}") for number in range(10, 10 + count))]
    documents = [user(f"u{number}") for number in range(10, 10 + declared)]
    return owning(view(doc("SessionCookie", "c", {}), *documents, live={"listUsers": users}, **more), "User")


def deleted(made: Plan) -> int:
    return sum(one.action == "delete" for one in made.steps)


# --- the budget


def test_a_pass_may_destroy_so_much_and_no_more() -> None:
    assert deleted(plan(many(11, 6), prune=True)) == 5
    made = plan(many(13, 7), prune=True)
    assert deleted(made) == 0
    assert set(list(rules(made.blocked).values())[1:]) == {"budget"}
    assert reasons(made.blocked)["delete/User/u17"] == "6 destructive steps, and a pass may do 5"
    assert made.blocked[-1].remedy == "look at each destructive step, then --allow deletions=6"
    assert deleted(plan(many(13, 7), prune=True, destructive=6)) == 6


def test_a_day_may_see_so_much_and_no_more() -> None:
    seen = many(4, 2)
    for spent, left in ((18, 2), (19, 0)):
        made = plan(again(seen, memory=replace(seen.memory, spent=spent)), prune=True)
        assert deleted(made) == left
    assert reasons(made.blocked)["delete/User/u12"] == "2 destructive steps after 19 in 24 hours, and a day may see 20"


def test_at_most_half_of_a_kind_goes() -> None:
    assert deleted(plan(many(2, 1), prune=True)) == 1
    assert deleted(plan(many(3, 1), prune=True)) == 2
    made = plan(many(4, 1), prune=True)
    assert reasons(made.blocked)["delete/User/u11"] == "3 of 5 live objects of the kind User would go, more than half"


def test_deletions_are_allowed_by_their_number() -> None:
    assert deleted(plan(many(6), prune=True, deletions=6)) == 6
    made = plan(many(6), prune=True, deletions=5)
    assert deleted(made) == 0
    assert reasons(made.blocked)["delete/User/u10"] == "6 destructive steps, and 5 were allowed"
    seen = many(6)
    late = again(seen, memory=replace(seen.memory, spent=99))
    assert deleted(plan(late, prune=True, deletions=6)) == 6
    assert deleted(plan(seen, prune=True, deletions=0)) == 0


def test_over_the_budget_nothing_is_destroyed_and_the_rest_is_done() -> None:
    cleanup = doc("Cleanup", "r", {"auditlog": 24, "filestorage": 48})
    seen = view(cleanup, role("new"), live={"listUsers": [ADMIN, *(live_user(n, f"u{n}") for n in range(9, 15))]})
    made = plan(owning(seen, "User"), prune=True, destructive=3)
    assert ids(made) == ["create/Role/new"]
    assert rules(made.blocked)["update/Cleanup/r"] == "budget"


def test_what_waits_for_a_destructive_step_is_held_back_with_it() -> None:
    workers = [live_worker("w1", "5.15.0", type="api-gateway"), live_worker("w2")]
    live = {"listServices": live_five(), "listWorkers": workers, "listInstallers": {"i": live_installer("5.15.0")}}
    seen = owning(view(worker("w1"), deployment("cores", "w1"), live=live), "Deployment", document="cores")
    made = plan(seen, destructive=0)
    assert rules(made.blocked) == dict.fromkeys(
        ["delete/Deployment/api-gateway/w1", "create/Deployment/cores/w1"], "budget"
    )


# --- settings


@pytest.mark.parametrize(
    ("before", "after", "destructive"),
    [(168, 24, True), (0, 24, True), (24, 168, False), (24, 0, False), (404, 24, True), (405, 0, False)],
)
def test_a_shorter_retention_destroys(before: Any, after: int, destructive: bool) -> None:
    answer = {"cleanuprange": before} if before not in (404, 405) else before
    made = plan(view(doc("Cleanup", "r", {"auditlog": after}), live={"getAuditlogCleanup": answer}))
    assert step(made, "update/Cleanup/r").destructive is (destructive or before in (404, 405))


@pytest.mark.parametrize(
    ("spec", "destructive"),
    [
        ({"max_replica": 3}, False),
        ({"max_replica": 1}, True),
        ({"min_replica": 1}, True),
        ({"cleanuprange": "1d"}, True),
        ({"cleanuprange": 0}, False),
        ({"storage": {"type": "salt"}}, True),
        ({"storage": {"config": {"a": 2}}}, True),
        ({"storage": {"config": {"b": "new"}}}, True),
    ],
)
def test_fewer_replicas_destroy(spec: dict[str, Any], destructive: bool) -> None:
    shows = {"max_replica": 2, "min_replica": 2, "cleanuprange": 48, "storage": {"type": "none", "config": {"a": 1}}}
    live = {"listServices": live_five(), "getServiceSetting": shows}
    made = plan(view(doc("ServiceSetting", "filestorage", spec), live=live))
    assert made.steps[0].destructive is destructive


def test_a_guess_does_not_make_a_plan_tell_what_the_storage_is_encrypted_with() -> None:
    live = {"listServices": live_five(), "getServiceSetting": {"storage": {"type": "salt", "config": {"salt": "s4lt"}}}}
    made = plan(view(doc("ServiceSetting", "filestorage", {"storage": {"config": {"salt": "guess"}}}), live=live))
    (change,) = step(made, "update/ServiceSetting/filestorage").changes
    assert (change.before, change.after) == ("(secret)", "guess")
    assert "s4lt" not in json.dumps(plan_json(made)) + render_plan(made, "text", full=True)


def test_a_setting_of_a_service_that_is_not_there_yet_waits_for_it() -> None:
    made = plan(view(*five(), doc("ServiceSetting", "filestorage", {"max_replica": 1})))
    found = step(made, "update/ServiceSetting/filestorage")
    assert found.after == ("create/Service/filestorage",)
    assert not found.destructive
    assert found.changes[0].before == "(unknown)"


def test_what_can_not_be_read_is_sent_once() -> None:
    documents = [doc("Session", "s", {"sessionTimeout": 60_000}), doc("SessionCookie", "c", {"samesite": "Lax"})]
    seen = view(*documents, live={"getSession": 404, "getSessionCookie": {}})
    made = plan(seen)
    assert ids(made) == ["update/SessionCookie/c", "update/Session/s"]
    key: Key = ("Session", ("session",))
    for value, expected in ((60_000, []), (90_000, ["update/Session/s"])):
        sent = {key: {"sessionTimeout": Sent(KEYRING.make(TARGET, *key, "sessionTimeout", value), 1.0)}}
        made = plan(again(view(documents[0], live={"getSession": 405}), memory=Memory(lineage="l", sent=sent)))
        assert ids(made) == expected


def test_session_settings_come_last() -> None:
    made = plan(view(doc("Session", "s", {"sessionTimeout": 60_000}), role("r"), user("u", "r"), worker("w")))
    assert ids(made)[-1] == "update/Session/s"
    last = made.moves[-1]
    assert last.soft == {"create/Role/r", "create/User/u", "create/Worker/w"}
    assert last.hard == frozenset()


def test_a_setting_without_a_document_stays_as_it_is() -> None:
    key = ("Session", ("session",))
    memory = Memory(lineage="l", owned={key: Owned("Session", key[1], None, "logins", "logins")})
    made = plan(view(role("r"), memory=memory), prune=True)
    assert ids(made) == ["create/Role/r"]
    assert made.warnings == ("Session/logins has no document any more: it stays as it is, unmanaged",)


# --- what can't be read


def test_what_can_not_be_read_is_not_written_nor_what_needs_it() -> None:
    made = plan(view(role("r"), user("u", "r"), worker("w"), live={"listRoles": 500}))
    assert rules(made.blocked) == {"update/Role/r": "unreadable", "update/User/u": "unreadable"}
    assert reasons(made.blocked)["update/Role/r"].startswith(
        "the live side couldn't be read (roles: GET /admin/role: 500"
    )
    assert ids(made) == ["create/Worker/w"]
    seen = owning(view(role("r"), live={"listRoles": [ADMINISTRATOR, live_role(2, "old")]}), "Role")
    unread = view(worker("w"), live={"listUsers": 500}, memory=seen.memory)
    made = plan(unread, prune=True)
    assert ids(made) == ["create/Worker/w"]
    assert made.warnings[0].startswith("Role: the live side couldn't be read (users: GET /admin/user: 500")


def test_a_write_without_a_known_outcome_is_never_repeated() -> None:
    entry = OpenEntry(1, "createRole", "create", (("Role", ("r",)), ("Role", ("gone",))), 1.0)
    made = plan(view(role("r"), user("u", "r"), worker("w"), memory=Memory(lineage="l", open=(entry,))))
    assert rules(made.blocked) == {"create/Role/r": "unknown-outcome", "create/User/u": "unknown-outcome"}
    assert made.blocked[0].remedy == (
        "look in the console; if it is there: `reconciler adopt Role r --id ID`; "
        "if it isn't: `reconciler resolve 1 --as not-done`"
    )
    assert ids(made) == ["create/Worker/w"]


# --- what has vanished


def vanished(count: int, **more: Any) -> View:
    memory = Memory(
        lineage="l",
        owned={
            ("Role", (f"r{number}",)): Owned("Role", (f"r{number}",), "9", f"r{number}", f"r{number}")
            for number in range(count)
        },
    )
    return view(*(role(f"r{number}") for number in range(count)), role("new"), memory=memory, **more)


def test_a_few_vanished_objects_are_made_again() -> None:
    made = plan(vanished(5))
    assert len(made.steps) == 6
    assert step(made, "create/Role/r0").reason == "it was ours and has vanished"
    assert step(made, "create/Role/new").reason == ""


def test_many_vanished_objects_look_like_another_server() -> None:
    made = plan(vanished(6))
    assert ids(made) == ["create/Role/new"]
    assert set(rules(made.blocked).values()) == {"recreate"}
    assert made.blocked[0].remedy == "make sure that this is the right server, then --allow recreate=6"
    assert len(plan(vanished(6), recreate=6).steps) == 7
    assert ids(plan(vanished(3), recreate=2)) == ["create/Role/new"]


def test_a_vanished_installer_is_known_by_its_document() -> None:
    """It is remembered under its SHA-256, and its document names only the file."""
    files = {f"ometascan-5.{n}.0-1.msi": FileFacts("x", 1) for n in range(6)}
    documents = [doc("Installer", f"i{n}", {"file": name}) for n, name in enumerate(files)]
    gone = [Owned("Installer", (f"{n}" * 64,), f"id{n}", name, f"i{n}") for n, name in enumerate(files)]
    made = plan(view(*documents, files=files, memory=Memory(lineage="l", owned={one.key: one for one in gone})))
    assert set(rules(made.blocked).values()) == {"recreate"}
    assert len(made.blocked) == 6


# --- wishes


def test_a_document_may_switch_itself_off() -> None:
    off = user("u", "r", annotations={"reconcile": "disabled"})
    made = plan(view(role("r", reconcile="disabled"), off, user("v", "r"), user("w")))
    assert rules(made.held) == dict.fromkeys(["create/Role/r", "create/User/u", "create/User/v"], "reconcile-disabled")
    assert reasons(made.held)["create/User/v"] == "waits for create/Role/r"
    assert (ids(made), made.blocked) == (["create/User/w"], ())


def test_a_wish_is_no_problem_beside_a_rule() -> None:
    """A switched-off service that couldn't be edited anyway is held, not blocked."""
    off = service("caching", "caching", "elsewhere", 1002)
    off = off.replace(
        '"name": "caching"}', '"name": "caching", "annotations": {"reconciler/reconcile": "disabled"}}', 1
    )
    live = {"listServices": live_five(), "listWorkers": [live_worker("w1", "5.15.0")]}
    made = plan(view(off, live=live))
    assert rules(made.held) == {"update/Service/caching": "reconcile-disabled"}
    assert made.blocked == ()


# --- only


def test_only_takes_what_is_named_and_what_that_waits_for() -> None:
    seen = view(role("r"), role("s"), user("u", "r"), user("v", "s"), doc("Session", "x", {"sessionTimeout": 60_000}))
    made = plan(seen, only=frozenset({Ref("User", "u")}))
    assert ids(made) == ["create/Role/r", "create/User/u"]
    assert plan(seen, only=frozenset({Ref("Role", "s")})).summary["create"] == 1
    assert plan(seen, only=frozenset({Ref("Role", "none")})).empty


def test_only_takes_a_group_whole() -> None:
    live = {
        "listUsers": [ADMIN, live_user(5, "alice", [2])],
        "listRoles": [ADMINISTRATOR, live_role(2, "ops", {"a": ["b"]})],
    }
    seen = owning(view(role("ops", {"a": ["c"]}), user("alice"), role("new"), live=live), "User", "Role")
    made = plan(seen, only=frozenset({Ref("User", "alice")}), allow=["replace"], deletions=2)
    assert sorted(ids(made)) == ["replace/Role/ops", "replace/User/alice"]


def test_only_a_deployment_takes_what_its_document_left_out() -> None:
    live = {"listServices": live_five(), "listWorkers": [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]}
    seen = view(deployment("cores", "w2"), role("r"), live=live)
    seen = owning(seen, ("Deployment", ("ometascan", "w1:8893")), document="cores")
    assert ids(plan(seen, only=frozenset({Ref("Deployment", "cores")}))) == ["delete/Deployment/ometascan/w1"]


# --- secrets


def alice(**more: Any) -> View:
    documents = more.pop("documents", [user("alice", api_key={"secret": "key"})])
    users = [ADMIN, live_user(5, "alice")]
    return view(*documents, live={"listUsers": users}, **more)


def sent(value: str, ring: Keyring = KEYRING) -> Memory:
    key = ("User", ("LOCAL", "alice"))
    return Memory(lineage="l", sent={key: {"password": Sent(ring.make(TARGET, *key, "password", value), 1.0)}})


def test_a_changed_secret_is_a_change_without_a_value() -> None:
    made = plan(owning(alice(documents=[user("alice")]), "User"), allow=["replace"])
    assert made.empty
    seen = owning(alice(documents=[user("alice")]), "User")
    changed = again(seen, values={"pw": Secret("an0ther-s3cret")})
    found = plan(changed, allow=["replace"]).steps[0]
    assert [(one.path, one.before, one.after) for one in found.changes] == [
        ("/password", "(secret)", "(secret, changed)")
    ]
    assert found.reason == "the API can't change a user's password; with previous_password it could be changed in place"
    assert "an0ther-s3cret" not in repr(plan(changed))


def test_a_password_with_its_predecessor_is_changed_in_place() -> None:
    document = user("alice", password={"secret": "new"}, previous_password={"secret": "old"})
    made = plan(alice(documents=[document], memory=sent("value of old")))
    assert ids(made) == ["update/User/alice"]
    assert made.steps[0].reason == "changed through the user's own session"
    assert not made.steps[0].destructive
    assert made.calls["POST"] == 1


def test_a_secret_without_a_fingerprint_is_unknown_and_never_changed() -> None:
    made = plan(alice(documents=[user("alice")]))
    assert (ids(made), made.unchanged) == ([], 1)
    unknown = made.unknown[0]
    assert (unknown.kind, unknown.name, unknown.paths) == ("User", "alice", ("/password",))
    assert unknown.reason == "it can't be read back, and what was last sent isn't known"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"values": {}}, "the secret 'pw' has no value here"),
        ({"keyring": None}, "it can't be read back, and there is no key to compare with"),
        ({"keyring": Keyring((b"other",))}, "it was last sent under a key that isn't here"),
    ],
)
def test_a_secret_may_be_unknown_for_several_reasons(more: dict[str, Any], reason: str) -> None:
    made = plan(alice(documents=[user("alice")], memory=sent("value of pw"), **more))
    assert [one.reason for one in made.unknown] == [reason]
    assert ids(made) == []


def test_several_keys_are_recognised() -> None:
    ring = Keyring((b"first", *KEYRING.keys))
    assert plan(alice(documents=[user("alice")], memory=sent("value of pw"), keyring=ring)).unknown == ()
    made = plan(alice(documents=[user("alice")], memory=sent("other"), keyring=ring))
    assert rules(made.blocked) == {"replace/User/alice": "not-owned"}


def test_an_api_key_is_compared_by_what_the_border_made_of_it() -> None:
    documents = [user("alice", api_key={"secret": "key"})]
    for value, changed in (("05" * 18, False), ("06" * 18, True)):
        seen = alice(documents=documents, values={"pw": Secret("x"), "key": Secret(value)}, memory=sent("x"))
        made = plan(seen)
        assert ("replace/User/alice" in rules(made.blocked)) is changed
        assert made.unknown == ()


def test_resend_sends_what_is_unknown_where_an_update_exists() -> None:
    live = {"listServices": live_five(), "listUsers": [ADMIN, live_user(5, "alice")]}
    seen = view(*five(caching={"password": {"secret": "pw"}}), user("alice"), live=live)
    assert ids(plan(seen)) == []
    made = plan(seen, resend=True)
    assert ids(made) == ["update/Service/caching"]
    assert [(one.path, one.before) for one in made.steps[0].changes] == [("/password", "(secret)")]
    assert [one.name for one in made.unknown] == ["alice"]
    assert ids(plan(again(seen, values={}), resend=True)) == []


def test_nested_changes_are_taken_apart() -> None:
    live = {"listRoles": [ADMINISTRATOR, live_role(2, "r", {"a/b": ["read"], "c": ["read"], "d": ["read"]})]}
    made = plan(view(role("r", {"a/b": ["read", "write"], "c": ["read"], "e": []}), live=live))
    assert [(one.path, one.before, one.after) for one in made.blocked[0].step.changes] == [
        ("/rights", {"a/b": ["read"], "c": ["read"], "d": ["read"]}, {"a/b": ["read", "write"], "c": ["read"]})
    ]
    live = {"listRoles": [ADMINISTRATOR, live_role(2, "r", {"c": ["read"], "d": ["read"]})]}
    made = plan(view(role("r", {"a/b": ["read"], "c": ["read"]}), live=live))
    assert [(one.path, one.before, one.after) for one in made.blocked[0].step.changes] == [
        ("/rights/a~1b", None, ["read"]),
        ("/rights/d", ["read"], None),
    ]


def test_what_is_shown_of_a_value_holds_no_secret() -> None:
    assert shown({"a": [SecretRef("x"), (1, "b")]}) == {"a": ["(secret)", [1, "b"]]}
    seen = alice()
    item = seen.items("User")[0]
    live = seen.pairs("User")[item.identity]
    difference = compare(item, live, SYSTEM.kinds["User"], seen)
    assert [one.path for one in explain(difference)] == ["/api_key"]


# --- the digest


def everything(**more: Any) -> View:
    documents = more.pop("documents", None) or [
        user("alice", email="new@example.com"),
        role("r", {"a": ["b"]}),
        doc("Cleanup", "c", {"auditlog": 24}),
        *five(caching={"host": "elsewhere"}),
    ]
    live = {"listUsers": [ADMIN, live_user(5, "alice")], "listServices": live_five(), **more.pop("live", {})}
    return owning(view(*documents, live=live, **more), "User", "Service")


def test_the_digest_is_that_of_what_will_be_done() -> None:
    seen = everything()
    first = plan(seen, allow=["replace"]).digest
    assert plan(everything(), allow=["replace"]).digest == first
    others = {
        "policy": plan(seen, allow=["replace", "redeploy"]).digest,
        "prune": plan(seen, allow=["replace"], prune=True).digest,
        "number": plan(seen, allow=["replace"], deletions=9).digest,
        "resend": plan(seen, allow=["replace"], resend=True).digest,
        "only": plan(seen, allow=["replace"], only=frozenset({Ref("User", "alice")})).digest,
        "url": make_plan(seen, Policy(allow=frozenset({"replace"})), url="http://other.example").digest,
        "secret": plan(again(seen, values={**seen.values, "pw": Secret("x")}), allow=["replace"]).digest,
        "live": plan(everything(live={"getAuditlogCleanup": {"cleanuprange": 99}}), allow=["replace"]).digest,
        "id": plan(everything(live={"listUsers": [ADMIN, live_user(6, "alice")]}), allow=["replace"]).digest,
        "lineage": plan(again(seen, memory=replace(seen.memory, lineage="m")), allow=["replace"]).digest,
        "held": plan(everything(live={"listWorkers": [live_worker("w", "5.15.0")]}), allow=["replace"]).digest,
        "wanted": plan(everything(documents=[user("alice", email="other")]), allow=["replace"]).digest,
    }
    assert len({first, *others.values()}) == len(others) + 1


def test_reasons_and_words_of_status_do_not_matter() -> None:
    seen = everything()
    for service_ in (services := live_five()):
        service_["status"] = "Busy"
    assert plan(seen).digest == plan(everything(live={"listServices": services})).digest
    assert make_plan(seen, Policy(), url=URL, revision="abc").digest == plan(seen).digest
    later = {key: {name: Sent(one.fingerprint, 99.0) for name, one in found.items()} for key, found in
             seen.memory.sent.items()}  # fmt: skip
    assert plan(again(seen, memory=replace(seen.memory, sent=later))).digest == plan(seen).digest


def test_no_value_of_a_secret_is_in_a_plan() -> None:
    values = {name: Secret(f"c4nary-{name}") for name in ("pw", "key")}
    made = plan(again(everything(), values=values), allow=["replace"], resend=True)
    assert made.steps
    text = msgspec.json.encode(replace(made, steps=(), moves=(), blocked=(), held=())).decode() + repr(made)
    assert "c4nary" not in text
    assert "05050505" not in text


def test_a_digest_can_do_without_a_key() -> None:
    made = plan(again(everything(), keyring=None), allow=["replace"])
    assert made.digest == plan(again(everything(), keyring=None, values={}), allow=["replace"]).digest


# --- counts


def test_the_forecast_counts_what_will_be_sent() -> None:
    documents = [role("r"), user("u", "r"), *five(), doc("Cleanup", "c", RANGES), worker("a"), worker("b"), worker("c")]
    documents += [doc("Installer", "i", {"file": "ometascan-5.15.0-1-x64.msi"}), deployment("cores", "a", "b")]
    made = plan(view(*documents, files=facts("ometascan-5.15.0-1-x64.msi")), destructive=9)
    assert made.calls == {"GET": 13, "POST": 1 + 1 + 5 + 1 + 1 + 1, "PUT": 2, "DELETE": 0}


def test_the_forecast_of_leaving() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0"), live_worker("w3")]
    live = {"listWorkers": workers, "listServices": live_five(), "listInstallers": {"i": live_installer("5.15.0")}}
    made = plan(owning(view(role("r"), live=live), "Worker", "Deployment"), prune=True, deletions=9)
    assert made.calls == {"GET": 13, "POST": 1, "PUT": 0, "DELETE": 3}
    assert made.summary == {**dict.fromkeys(SUMMARY, 0), "create": 1, "delete": 5}


def test_the_summary_counts_each_thing_once() -> None:
    made = plan(everything(live={"listWorkers": [live_worker("w", "5.15.0")]}))
    assert made.summary == {
        **dict.fromkeys(SUMMARY, 0), "create": 1, "update": 1, "blocked": 2, "unchanged": 4,
    }  # fmt: skip
    assert made.in_sync == ("Service/broker", "Service/datalake", "Service/filestorage", "Service/warehouse")
    assert not made.empty


# --- what a server doesn't list


def test_a_role_that_nobody_can_check_is_passed_on_with_a_warning() -> None:
    made = plan(view(user("u", "somebody", "remembered"), role("remembered"), live={"listRoles": 404}))
    assert ids(made) == ["create/Role/remembered", "create/User/u"]
    assert len(made.warnings) == 1
    assert "'somebody'" in made.warnings[0]
    with pytest.raises(InvalidTree):
        plan(view(user("u", "somebody")))


def test_a_user_directory_that_is_not_there_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidTree) as raised:
        plan(view(user("u", directory="AD")))
    message = "no user directory has this name; there are LDAP, LOCAL, SYSTEM"
    assert [one.message for one in raised.value.problems] == [message]


def test_a_memory_without_a_state_owns_nothing() -> None:
    seen = view(user("alice", email="n"), live={"listUsers": [ADMIN, live_user(5, "alice")]}, memory=Memory())
    made = plan(seen, allow=["replace"], prune=True)
    assert made.lineage is None
    assert rules(made.blocked) == {"replace/User/alice": "not-owned"}
