"""Every problem of a document in one pass, at its place, in words that never hold what was given."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from reconciler.load import load
from reconciler.model import SourceFile
from reconciler.schema import ANNOTATIONS, kind_schema, system_schema
from reconciler.validate import validate
from tests.systems.kit import (
    EXAMPLES,
    ROOT,
    SYSTEM,
    deployment,
    desired,
    doc,
    example_files,
    problems,
    role,
    service,
    user,
    worker,
)

VERSION = "no target takes documents of this apiVersion; the target's is metadefender/v1"
CANARY = "c4n4ry-Val-9"

TEXT = "expected a text; put it in quotes if it looks like something else"
MS = "give a whole number of milliseconds, or a text such as 30m, 12h, 7d"
HOURS = "give a whole number of hours, or a text such as 30m, 12h, 7d"
FORM = "this text has characters, or a form, that the field doesn't take"
NAME = "a secret's name has lower-case letters, digits and hyphens only"
ROOT_ONLY = "file is relative to the desired state's root and can't leave it"

ABSOLUTE = "absoluteSessionTimeout is 0 (none) or at least 300000 ms (5m)"
NO_KEY = "a broker service takes user and password, not connection_key"
NO_USER = "a filestorage service takes connection_key, not user"
ONLY = "only the file storage has settings: metadata.name must be filestorage"
LEVELS = "spec.config.log_level: expected one of 'debug', 'info', 'warning' or 'error'"


def read(text: str, **more: Any) -> list[str]:
    documents, wrong = load([SourceFile("a.yaml", text.encode())])
    assert wrong == []
    return [str(one) for one in validate(documents, SYSTEM, **more)[1]]


def spec(kind: str, body: str, name: str = "x") -> list[str]:
    """Problems of one document, whose spec begins in line 5."""
    indented = "\n".join("  " + line for line in body.splitlines())
    return read(f"apiVersion: metadefender/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{indented}\n")


def test_the_examples_have_no_problem() -> None:
    documents, wrong = load(example_files())
    found, problems_ = validate(documents, SYSTEM)
    assert (wrong, problems_) == ([], [])
    assert len(found.resources) == len(documents) == 18
    assert {ref.kind for ref in found.resources} == set(SYSTEM.kinds)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("Role", "display_nam: x", "5:3: unknown field 'display_nam'. Did you mean 'display_name'?"),
        ("Role", "zzzzzzzz: x", "5:3: unknown field 'zzzzzzzz'."),
        ("User", "ui_settings:\n  refresh_rat: 1", "6:5: unknown field 'refresh_rat'. Did you mean 'refresh_rate'?"),
        ("Role", "display_name: 7", f"5:17: spec.display_name: {TEXT}"),
        ("Role", f"display_name: {'x' * 257}", "5:17: spec.display_name: expected at most 256 characters"),
        ("Role", "rights: [a]", "5:11: spec.rights: expected a map (name: value)"),
        ("Role", "rights: {a: read}", "5:15: spec.rights.a: expected a list"),
        ("Role", "rights: {a: [1]}", f"5:16: spec.rights.a.0: {TEXT}"),
        ("User", "directory: ''", "5:14: spec.directory: expected at least 1 characters"),
        ("User", "ui_settings: {refresh_rate: -1}", "5:31: spec.ui_settings.refresh_rate: expected at least 0"),
        ("User", "ui_settings: 3", "5:16: spec.ui_settings: expected a map (name: value)"),
        ("User", "roles: a", "5:10: spec.roles: expected a list"),
        ("User", "password: x", "5:13: spec.password: a secret is named, never given: write {secret: its-name}"),
        ("User", "password: {secret: A b}", f"5:13: spec.password: {NAME}"),
        ("User", "previous_password: {secret: a}", "5:22: previous_password is of use only together with password"),
        ("Session", "sessionTimeout: 59s", "5:19: sessionTimeout is at least 60000 ms (1m)"),
        ("Session", "absoluteSessionTimeout: 1m", f"5:27: {ABSOLUTE}"),
        ("Session", "sessionTimeout: true", f"5:19: spec.sessionTimeout: {MS}"),
        ("Session", "sessionTimeout: 1.5", f"5:19: spec.sessionTimeout: {MS}"),
        ("Session", "allowCrossIpSessions: 'no'", "5:25: spec.allowCrossIpSessions: expected true or false"),
        ("SessionCookie", "samesite: Loose", "5:13: spec.samesite: expected one of 'Strict', 'Lax' or 'None'"),
        ("Cleanup", "auditlog: 30m", f"5:13: spec.auditlog: {HOURS}"),
        ("Cleanup", "auditlog: -1", "5:13: spec.auditlog: expected at least 0"),
        ("Cleanup", "auditlog: 99999999", "5:13: spec.auditlog: expected at most 10000000"),
        ("Service", "type: broker\nhost: h\nport: 0", "7:9: spec.port: expected at least 1"),
        ("Service", "type: broker\nhost: h\nport: 65536", "7:9: spec.port: expected at most 65535"),
        ("Service", "type: broker\nhost: h\nport: 1.0", "7:9: spec.port: expected a whole number"),
        ("Service", "type: broker\nhost: a b\nport: 1", f"6:9: spec.host: {FORM}"),
        ("Service", "type: broker\nhost: h", "5:3: spec.port: this field is required"),
        ("Service", "type: broker\nhost: h\nport: 1\nconnection_key: {secret: k}", f"8:19: {NO_KEY}"),
        ("Service", "type: filestorage\nhost: h\nport: 1\nuser: u", f"8:9: {NO_USER}"),
        ("ServiceSetting", "max_replica: 1", f"5:3: {ONLY}"),
        ("ServiceSetting", "storage: {type: pepper}", "5:19: spec.storage.type: expected one of 'salt' or 'none'"),
        ("Installer", "{}", "5:3: give file (to upload it) or sha256 (of one that is uploaded already), or both"),
        ("Installer", "file: ../x", f"5:9: {ROOT_ONLY}"),
        ("Installer", "file: /x", f"5:9: {ROOT_ONLY}"),
        ("Installer", "file: a\\b", f"5:9: {ROOT_ONLY}"),
        ("Installer", "sha256: ABC", f"5:11: spec.sha256: {FORM}"),
        ("Deployment", "type: x\nworkers: []", "5:3: give installer (an Installer's name) or version"),
        ("Deployment", "type: x\nversion: '1'\nworkers: [a, a]", "7:12: a worker is named twice"),
        ("Deployment", "type: X\nversion: '1'\nworkers: []", f"5:9: spec.type: {FORM}"),
        ("Deployment", "type: x\nversion: '1'\nworkers: []\nconfig: {log_level: loud}", f"8:23: {LEVELS}"),
    ],
)  # fmt: skip
def test_a_problem_has_its_place_and_its_words(kind: str, body: str, expected: str) -> None:
    found = [one for one in spec(kind, body) if "metadata.name" not in one or "metadata.name" in expected]
    assert found == [f"a.yaml:{expected}"]


def test_fewer_than_least_replicas_is_told() -> None:
    found = spec("ServiceSetting", "min_replica: 3\nmax_replica: 2", "filestorage")
    assert found == ["a.yaml:5:16: min_replica is greater than max_replica"]


def test_all_problems_are_told_at_once() -> None:
    text = "apiVersion: metadefender/v1\nkind: Service\nmetadata: {name: x}\nspec: {type: y, prt: 1}\n---\n"
    text += "apiVersion: metadefendr/v1\nkind: Role\nmetadata: {name: x}\nspec: {}\n---\n"
    text += "apiVersion: metadefender/v1\nkind: Rle\nmetadata: {name: x}\nspec: {}\n"
    kinds = "Cleanup, Deployment, Installer, Role, Service, ServiceSetting, Session, SessionCookie, User, Worker"
    assert read(text) == [
        "a.yaml:4:7: spec.host: this field is required",
        "a.yaml:4:7: spec.port: this field is required",
        "a.yaml:4:14: spec.type: expected one of 'datalake', 'warehouse', 'caching', 'broker' or 'filestorage'",
        "a.yaml:4:17: unknown field 'prt'. Did you mean 'port'?",
        f"a.yaml:6:13: {VERSION} Did you mean 'metadefender/v1'?",
        f"a.yaml:12:7: metadefender/v1 has no such kind; it has {kinds}. Did you mean 'Role'?",
    ]


# --- secrets

SECRETS = [
    ("User", "password", {}),
    ("User", "previous_password", {"password": {"secret": "a"}}),
    ("User", "api_key", {}),
    ("Service", "password", {"type": "broker", "host": "h", "port": 1}),
    ("Service", "connection_key", {"type": "filestorage", "host": "h", "port": 1}),
    ("Worker", "connection_key", {"host": "h"}),
]
GIVEN: list[Any] = [
    CANARY,
    [CANARY],
    {"secret": CANARY},
    {"secret": [CANARY]},
    {"secret": {"x": CANARY}},
    {"secret": "ok", "value": CANARY},
    {CANARY: "x"},
    {"secrets": CANARY},
    {"secret": CANARY.lower() + "_"},
    {"secret": "a\n"},
]


@pytest.mark.parametrize(("kind", "field", "more"), SECRETS)
@pytest.mark.parametrize("given", GIVEN)
def test_what_stands_in_a_secrets_place_is_never_shown(kind: str, field: str, more: dict[str, Any], given: Any) -> None:
    found = problems(doc(kind, "x", {**more, field: given}))
    assert len(found) == 1
    assert CANARY.lower() not in found[0].lower()
    assert f"spec.{field}: a secret" in found[0]


def test_a_wrong_value_beside_a_secret_is_not_shown_either() -> None:
    storage = {"storage": {"config": {"key": {"secret": CANARY}, "more": [CANARY], "deep": {"x": CANARY}}}}
    found = problems(doc("ServiceSetting", "filestorage", storage))
    assert len(found) == 3
    assert CANARY not in "".join(found)


def test_our_own_secrets_can_not_be_named() -> None:
    config = {"a": {"secret": "cc-password"}, "b": 1}
    documents = [user("u", password={"secret": "cc-password"}), user("v"), role("cc-password", {"a": ["cc-password"]})]
    documents.append(doc("ServiceSetting", "filestorage", {"storage": {"config": config}}))
    found = problems(*documents, reserved=frozenset({"cc-password"}))
    assert [one.split(": ", 1)[1] for one in found] == [
        "this secret is the reconciler's own: documents can't name it"
    ] * 2
    assert [one.split(":")[1] for one in found] == ["1", "7"]


# --- several documents


def test_one_reference_twice_names_both_places() -> None:
    assert problems(role("a"), role("a")) == ["a.yaml:3:72: Role/a is declared twice; the first time at a.yaml:1:1"]


@pytest.mark.parametrize(
    ("documents", "shown"),
    [
        ([worker("a"), worker("b", host="a")], "Worker/b and Worker/a (a.yaml:1:1) are the same object (a:8893)"),
        (
            [service("a", display_name="x"), service("b", display_name="x")],
            "Service/b and Service/a (a.yaml:1:1) are the same object (caching, x)",
        ),
        (
            [doc("Cleanup", "a", {}), doc("Cleanup", "b", {})],
            "Cleanup/b and Cleanup/a (a.yaml:1:1) are the same object (cleanup)",
        ),
        (
            [doc("Session", "a", {}), doc("Session", "b", {})],
            "Session/b and Session/a (a.yaml:1:1) are the same object (session)",
        ),
        (
            [doc("Installer", "a", {"file": "x/i.msi"}), doc("Installer", "b", {"file": "y/i.msi"})],
            "Installer/b and Installer/a (a.yaml:1:1) are the same object (i.msi)",
        ),
    ],
)
def test_two_documents_of_one_object_name_both_places(documents: list[str], shown: str) -> None:
    found = problems(*documents)
    assert len(found) == 1
    assert found[0].startswith("a.yaml:3:")
    assert found[0].endswith(shown)


def test_two_deployments_of_one_worker_are_noticed() -> None:
    found = problems(worker("w"), deployment("a", "w"), deployment("b", "w"))
    assert [one.split(": ", 1)[1] for one in found] == [
        "Deployment/b and Deployment/a (a.yaml:3:1) are the same object (ometascan, w:8893)"
    ]


def test_a_type_has_one_version() -> None:
    found = problems(deployment("a", "w"), deployment("b", "v", version="5.16.0"), deployment("c", "u", version="5.15"))
    assert [one.split(": ", 1)[1] for one in found] == [
        "one-version-a-type: this is 5.16.0, and Deployment/a has 5.15.0"
    ]


def installed(file: str, version: str | None = None) -> list[str]:
    installer = doc("Installer", "i", {"file": file})
    return problems(installer, deployment("a", "w", version=version, installer="i"))


def test_an_installers_file_tells_the_version() -> None:
    assert installed("ometascan-5.15.0-1-x64.msi") == []
    assert installed("ometascan-5.15.0-1-x64.msi", "5.15") == []
    assert [one.split(": ", 1)[1] for one in installed("ometascan-5.15.0-1-x64.msi", "5.16.0")] == [
        "the installer's file is of version 5.15.0: leave version out"
    ]
    assert [one.split(": ", 1)[1] for one in installed("package.msi")] == [
        "the version can't be told from the installer's file name: give version as well"
    ]
    assert installed("package.msi", "5.16.0") == []
    assert problems(deployment("a", "w", version=None, installer="live-one")) == []


def test_what_has_a_problem_is_left_out() -> None:
    documents, _ = load([SourceFile("a.yaml", "\n---\n".join([role("a"), worker("w", port="x")]).encode())])
    found, wrong = validate(documents, SYSTEM)
    assert [str(ref) for ref in found.resources] == ["Role/a"]
    assert len(wrong) == 1


def test_durations_are_numbers_of_their_unit() -> None:
    given = {"auditlog": "2w", "filestorage": "36h", "warehouse": 5, "scanhistory": "3600s"}
    found = desired(doc("Cleanup", "x", given), doc("Session", "y", {"sessionTimeout": "90s"}))
    assert [one.spec.model_dump(exclude_none=True) for one in found.resources.values()] == [
        {"auditlog": 336, "filestorage": 36, "warehouse": 5, "scanhistory": 1},
        {"sessionTimeout": 90_000},
    ]


# --- schemas


def test_the_schemas_are_valid_and_the_published_one_is_current() -> None:
    whole = system_schema(SYSTEM)
    jsonschema.Draft202012Validator.check_schema(whole)
    for kind in SYSTEM.kinds.values():
        jsonschema.Draft202012Validator.check_schema(kind_schema(SYSTEM, kind))
    published = json.loads((ROOT / "examples" / "schema" / "desired-state.json").read_text())
    assert published == json.loads(json.dumps(whole))
    first = (EXAMPLES / "roles.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schema/desired-state.json"


def test_null_is_nowhere_a_value() -> None:
    text = json.dumps(system_schema(SYSTEM))
    assert '"null"' not in text
    assert '"default": null' not in text


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("Role", {"display_nam": "x"}),
    ("Role", {"display_name": None}),
    ("Role", {"rights": {"a": "read"}}),
    ("Role", {"rights": {"a": [""]}}),
    ("User", {"password": "text"}),
    ("User", {"password": {"secret": "Big"}}),
    ("User", {"password": {"secret": "a", "b": "c"}}),
    ("User", {"roles": "a"}),
    ("User", {"ui_settings": {"refresh_rate": -1}}),
    ("Session", {"sessionTimeout": "5 minutes"}),
    ("Session", {"sessionTimeout": -1}),
    ("SessionCookie", {"samesite": "strict"}),
    ("Cleanup", {"auditlog": "7days"}),
    ("Service", {"type": "mail", "host": "h", "port": 1}),
    ("Service", {"type": "broker", "host": "h", "port": 70000}),
    ("Service", {"type": "broker", "host": "", "port": 1}),
    ("Service", {"host": "h", "port": 1}),
    ("ServiceSetting", {"max_replica": 0}),
    ("ServiceSetting", {"storage": {"type": "x"}}),
    ("Worker", {"port": 8893}),
    ("Installer", {"sha256": "xyz"}),
    ("Deployment", {"type": "x", "version": "5"}),
    ("Deployment", {"type": "x", "version": "5", "workers": [], "config": {"log_level": "loud"}}),
]


@pytest.mark.parametrize(("kind", "given"), WRONG)
def test_what_the_validator_refuses_the_schemas_refuse(kind: str, given: dict[str, Any]) -> None:
    name = "filestorage" if kind == "ServiceSetting" else "x"
    document = json.loads(doc(kind, name, given))
    loaded, wrong = load([SourceFile("a.yaml", doc(kind, name, given).encode())])
    assert wrong or validate(loaded, SYSTEM)[1]
    for schema in (kind_schema(SYSTEM, SYSTEM.kinds[kind]), system_schema(SYSTEM)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "Rle"},
        {"apiVersion": "v2"},
        {"metadata": {}},
        {"metadata": {"name": ""}},
        {"metadata": {"name": "a", "labels": {}}},
        {"metadata": {"name": "a", "annotations": {"reconciler/prune": "enabled"}}},
        {"more": 1},
        {"spec": None},
    ],
)
def test_a_wrong_envelope_is_refused_by_both(broken: dict[str, Any]) -> None:
    document = json.loads(role("a")) | broken
    text = json.dumps(document)
    loaded, wrong = load([SourceFile("a.yaml", text.encode())])
    assert wrong or validate(loaded, SYSTEM)[1]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, system_schema(SYSTEM))


def test_our_annotations_are_in_the_schema() -> None:
    assert set(ANNOTATIONS) == {"reconciler/prune", "reconciler/reconcile", "reconciler/adopt"}
    for name, rule in ANNOTATIONS.items():
        document = json.loads(role("a"))
        document["metadata"]["annotations"] = {name: rule["const"], "mine": "anything"}
        jsonschema.validate(document, system_schema(SYSTEM))
