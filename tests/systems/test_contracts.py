"""What every kind promises, shown on its example documents: a new kind with an example is tested by being there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace
from pydantic import BaseModel

from reconciler.errors import BadReply
from reconciler.export import to_yaml
from reconciler.load import load
from reconciler.memory import Memory
from reconciler.model import Resource, SourceFile
from reconciler.plan import make_plan
from reconciler.policy import Policy
from reconciler.schema import kind_schema, system_schema
from reconciler.secret import Secret, SecretRef
from reconciler.systems.base import Kind
from reconciler.systems.fields import nested
from reconciler.systems.view import View
from tests.systems.kit import (
    LIVE,
    SYSTEM,
    URL,
    again,
    checked,
    example_files,
    facts,
    fetched,
    live_installer,
    live_role,
    live_service,
    live_user,
    live_worker,
    owning,
    raw,
    view,
)

EXAMPLES = checked(example_files())
INSTALLER = "ometascan-5.15.0-1-x64.msi"
SECRETS = {name: Secret(f"value of {name}") for name in (
    "alice-password bob-password worker-key files-key cache-password broker-password datalake-password "
    "warehouse-password"
).split()}  # fmt: skip


def named(kind: Kind) -> list[Resource]:
    return list(EXAMPLES.of(kind.name))


KINDS = pytest.mark.parametrize("kind", SYSTEM.kinds.values(), ids=lambda kind: kind.name)


@KINDS
def test_each_kind_has_an_example(kind: Kind) -> None:
    assert named(kind)
    assert kind.summary.endswith(".")


def plain(value: Any) -> Any:
    """A spec as a document gives it."""
    if isinstance(value, SecretRef):
        return {"secret": value.name}
    if isinstance(value, BaseModel):
        return {name: plain(one) for name, one in value if one is not None}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@KINDS
def test_a_spec_survives_rendering(kind: Kind) -> None:
    text, secrets = to_yaml(SYSTEM, kind, [(one.ref.name, plain(one.spec)) for one in named(kind)])
    assert secrets == []
    documents, problems = load([SourceFile("again.yaml", text.encode())])
    assert problems == []
    assert [(one.ref, kind.spec.model_validate(one.spec)) for one in documents] == [
        (one.ref, one.spec) for one in named(kind)
    ]


@KINDS
def test_an_example_fits_the_schemas(kind: Kind) -> None:
    for one in named(kind):
        document = {
            "apiVersion": one.document.api_version,
            "kind": one.ref.kind,
            "metadata": {"name": one.ref.name, "annotations": dict(one.annotations)},
            "spec": one.document.spec,
        }
        jsonschema.validate(document, kind_schema(SYSTEM, kind))
        jsonschema.validate(document, system_schema(SYSTEM))


def server() -> dict[str, Any]:
    """What a Control Center answers on which the examples are applied."""
    rights = {"workers": ["write", "read"], "services": ["read", "write"], "installers": ["read", "write"]}
    mine = {"license_id": "LIC-2026-0001", "config": {"log_level": "info", "connection_per_file_service": 4}}
    return {
        "listRoles": [
            live_role(1, "administrator", editable=False),
            live_role(4, "soc-analyst", {"workers": ["read"], "services": ["read"]}, display_name="SOC analyst"),
            live_role(5, "cluster-operator", rights, display_name="Cluster operator"),
        ],
        "listUsers": [
            live_user(1, "admin", [1]),
            live_user(8, "alice", [4], display_name="Alice Archer", email="alice@example.com"),
            live_user(9, "bob", [4, 5], display_name="Bob Baker", email="bob@example.com", description="On call",
                      ui_settings={"refresh_rate": 30, "theme": "dark"}),
        ],
        "getSession": {"sessionTimeout": 900_000, "absoluteSessionTimeout": 43_200_000,
                       "allowCrossIpSessions": False, "allowDuplicateSession": True},
        "getSessionCookie": {"samesite": "Strict"},
        "getAuditlogCleanup": {"cleanuprange": 2160},
        "getFilestorageCleanup": {"cleanuprange": 168.0},
        "getWarehouseCleanup": {"cleanuprange": 8760},
        "getScanhistoryCleanup": {"cleanuprange": 720},
        "listServices": [
            live_service("a", "datalake", "datalake.internal", 5432, "lake"),
            live_service("b", "warehouse", "warehouse.internal", 5432, "warehouse"),
            live_service("c", "caching", "redis.internal", 6379, "cache"),
            live_service("d", "broker", "rabbit.internal", 5672, "broker"),
            live_service("e", "filestorage", "files.internal", 8890, "files"),
        ],
        "getServiceSetting": {"max_replica": 2, "min_replica": 1, "cleanuprange": 24, "storage": {"type": "none"}},
        "listWorkers": [
            live_worker("worker-1", "5.15.0", host="worker-1.internal", **mine),
            live_worker("worker-2", "5.15.0", host="worker-2.internal", **mine),
            live_worker("worker-3", host="worker-3.internal"),
        ],
        "listInstallers": {"i-5.15.0": live_installer("5.15.0")},
    }  # fmt: skip


USERS = {"lake": "mddc", "warehouse": "mddc", "cache": "default", "broker": "mddc"}


def with_users(answers: dict[str, Any]) -> dict[str, Any]:
    for one in answers["listServices"]:
        if one["display_name"] in USERS:
            one["config"]["user"] = USERS[one["display_name"]]
    return answers


def applied(**changed: Any) -> View:
    """The examples, applied by us to such a server."""
    answers = {**with_users(server()), **changed}
    seen = view(wanted=EXAMPLES, live=answers, values=SECRETS, files=facts(f"installers/{INSTALLER}"))
    return owning(seen, *(live.key for kind in SYSTEM.kinds for live in seen.live(kind) if seen.item_of(live)))


CANARY = "canary-of-a-later-version"
OTHERS: dict[str, Any] = {"api_token_v2": CANARY, "more": {"api_token_v2": CANARY, "list": [{"name": CANARY}]}}


def stuffed(data: Any) -> Any:
    """The same answer with fields that nobody knows in each object, beside the known ones, at every level."""
    if isinstance(data, list):
        return [stuffed(one) for one in data]
    if not isinstance(data, dict):
        return data
    inner = {name: stuffed(one) for name, one in data.items()}
    # Maps of ids to objects and of areas to rights have no fields that could be unknown.
    is_map = all(isinstance(one, dict | list) for one in data.values())
    return inner if is_map else {**OTHERS, **inner}


@pytest.mark.parametrize("name", SYSTEM.collections)
def test_what_no_kind_reads_gets_into_no_view(name: str) -> None:
    answers = with_users(server())
    more = {operation: stuffed(answer) for operation, answer in answers.items()}
    assert CANARY in json.dumps(more)
    found = fetched(name, more)
    # What the server shows of its storage is sent back to it whole.
    shown = {**found, "storage": None} if isinstance(found, dict) and "storage" in found else found
    assert CANARY not in json.dumps(shown)
    plain = fetched(name, answers)
    assert {**plain, "storage": None} == shown if "storage" in plain else plain == found


@KINDS
def test_a_second_difference_is_empty(kind: Kind) -> None:
    seen = applied()
    plan = make_plan(seen, Policy(prune=True), url=URL)
    assert [step.id for step in plan.steps if step.kind == kind.name] == []
    assert [one.step.id for one in plan.blocked + plan.held] == []
    assert [one for one in plan.unknown if one.kind == kind.name] == []
    assert plan.warnings == ()
    assert {item.key for item in seen.items(kind.name)} == set(_back(seen, kind))


def _back(seen: View, kind: Kind) -> dict[Any, Any]:
    return {item.key: live for live in seen.live(kind.name) if (item := seen.item_of(live)) is not None}


@KINDS
def test_the_live_objects_have_what_their_documents_say(kind: Kind) -> None:
    seen = applied()
    pairs = seen.pairs(kind.name)
    for item in seen.items(kind.name):
        shown = {name: value for name, value in item.fields.items() if name not in kind.unread | kind.sealed}
        live = pairs[item.identity]
        assert {name: live.fields[name] for name in shown} == shown
        assert kind.singleton or live.id is not None


def stranger(data: Any) -> Any:
    """A reply with fields that nobody knows, in every object of it that has an id or is a setting."""
    if isinstance(data, list):
        return [stranger(one) for one in data]
    if isinstance(data, dict) and data and all(isinstance(one, dict) for one in data.values()):
        return {key: stranger(one) for key, one in data.items()}
    return {**data, "unheard_of": {"x": [1]}, "new": None} if isinstance(data, dict) else data


@KINDS
def test_fields_that_nobody_knows_are_ignored(kind: Kind) -> None:
    seen = applied(**{name: stranger(answer) for name, answer in with_users(server()).items()})
    assert seen.live(kind.name) == applied().live(kind.name)


def texts(data: Any) -> Any:
    """A reply whose ids are texts instead of numbers, or the other way round."""
    if isinstance(data, list):
        return [texts(one) for one in data]
    if isinstance(data, dict):
        return {key: str(one) if key in ("id", "directory_id") else texts(one) for key, one in data.items()}
    return data


def numbers(data: Any) -> Any:
    if isinstance(data, list):
        return [numbers(one) for one in data]
    if isinstance(data, dict):
        return {
            key: ord(one[-1]) if key in ("service_id", "worker_id", "id") and isinstance(one, str) else numbers(one)
            for key, one in data.items()
        }
    return data


def test_ids_are_compared_as_texts() -> None:
    answers = {**LIVE, **with_users(server())}
    seen = applied(**{name: texts(answer) for name, answer in answers.items()})
    assert seen.live("User") == applied().live("User")
    assert seen.live("Role") == applied().live("Role")
    seen = applied(listServices=numbers(answers["listServices"]), listWorkers=numbers(answers["listWorkers"]))
    assert [live.id for live in seen.live("Service")] == ["100", "99", "97", "101", "98"]
    assert [live.id for live in seen.live("Worker")] == ["49", "50", "51"]


BROKEN = {
    "html": raw(b"<html><body>Welcome</body></html>"),
    "empty": raw(b""),
    "null": raw(b"null"),
    "text": raw(b'"x"'),
    "number": raw(b"7"),
    "truncated": raw(b'[{"id": 1, "name": "a'),
    "infinity": raw(b"1e999"),
    "list of null": raw(b"[null]"),
    "list of texts": raw(b'["a"]'),
}
LISTS = ("users", "userdirectories", "roles", "services", "workers")


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("name", SYSTEM.collections)
def test_what_can_not_be_understood_is_never_empty(name: str, answer: Any) -> None:
    with pytest.raises(BadReply):
        fetched(name, dict.fromkeys(LIVE, answer))


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("entry", [{}, {"id": None}, {"id": ""}, {"id": True}, {"id": 1.5}, {"id": []}])
def test_an_entry_without_an_id_spoils_its_list(name: str, entry: dict[str, Any]) -> None:
    whole = {"name": "a", "directory_id": 1, "type": "broker", "host": "h", "port": 1}
    with pytest.raises(BadReply):
        fetched(name, {operation: [whole | entry] for operation in LIVE})


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("users", {"name": None}),
        ("users", {"name": 3}),
        ("users", {"directory_id": None}),
        ("users", {"directory_id": True}),
        ("users", {"roles": "administrator"}),
        ("users", {"roles": {"1": "x"}}),
        ("users", {"roles": [{}]}),
        ("userdirectories", {"name": None}),
        ("roles", {"name": None}),
        ("roles", {"rights": ["read"]}),
        ("roles", {"rights": {"users": "read"}}),
        ("roles", {"rights": {"users": [1]}}),
        ("services", {"type": None}),
        ("workers", {"host": None}),
        ("workers", {"port": "8893"}),
        ("workers", {"port": True}),
        ("workers", {"port": 8893.0}),
    ],
)
def test_an_entry_with_a_wrong_type_spoils_its_list(name: str, entry: dict[str, Any]) -> None:
    whole = {"id": 1, "name": "a", "directory_id": 1, "type": "broker", "host": "h", "port": 1}
    assert fetched(name, {operation: [whole] for operation in LIVE})
    with pytest.raises(BadReply):
        fetched(name, {operation: [whole | entry] for operation in LIVE})


@pytest.mark.parametrize("answer", [raw(b"[]"), raw(b'{"a": null}'), raw(b'{"a": [1]}')])
def test_installers_come_in_a_map_of_objects(answer: Any) -> None:
    with pytest.raises(BadReply):
        fetched("installers", {"listInstallers": answer})


@KINDS
def test_an_export_plans_to_nothing(kind: Kind) -> None:
    """The export of a kind, read back beside the rest, changes nothing about it."""
    seen = applied()
    text = "\n---\n".join(
        to_yaml(SYSTEM, one, found)[0] for one in SYSTEM.kinds.values() if (found := one.export(seen))
    )
    documents, problems = load([SourceFile("export.yaml", text.encode())])
    assert problems == []
    assert any(one.kind == kind.name for one in documents)
    exported = again(seen, desired=checked([SourceFile("export.yaml", text.encode())]), memory=Memory(lineage="l"))
    plan = make_plan(exported, Policy(), url=URL)
    assert [step.id for step in plan.steps] + [one.step.id for one in plan.blocked] == []
    assert plan.warnings == ()


@KINDS
def test_an_item_is_plain_data_beside_its_secrets(kind: Kind) -> None:
    for item in applied().items(kind.name):
        assert json.loads(json.dumps(plain(nested(item.fields)))) is not None
        assert replace(item).key == (kind.name, item.identity)
        assert all(isinstance(part, str) for part in item.identity)


@pytest.mark.parametrize("answer", [{}, {"x": None}, {"error": "try later"}])
def test_a_service_setting_without_any_of_its_fields_was_not_read(answer: dict[str, object]) -> None:
    with pytest.raises(BadReply, match="none of its fields"):
        fetched("filestorage-setting", {"getServiceSetting": answer})
