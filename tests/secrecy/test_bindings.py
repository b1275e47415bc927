"""Where secrets may go: what the configuration binds to hosts is sent nowhere else, whatever a document says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.address import base_of
from reconciler.cli.validate import command as validate
from reconciler.config.bindings import SecretsConfig, place_of
from reconciler.config.daemon import PUBLIC_APIS
from reconciler.daemon.notifying import notifier_of
from reconciler.daemon.roster import Roster
from reconciler.daemon.settings import Flags, follower_of
from reconciler.errors import InputError, InvalidTree, MissingSecret
from reconciler.notify.forges import FORGES
from reconciler.policy import Policy
from reconciler.settings import Where, claims, targets
from reconciler.trees import load_for, load_shares, read_tree

VALUE = "c4nary-of-a-bound-secret"
USER = """apiVersion: metadefender/v1
kind: User
metadata: {name: %s}
spec: {password: {secret: %s}}
"""
SERVICE = """apiVersion: metadefender/v1
kind: Service
metadata: {name: broker}
spec: {type: broker, host: %s, port: 5672, user: u, password: {secret: broker-password}}
"""
NAMES = ("cc-user", "cc-password", "prod-admin", "stage-admin", "shared", "broker-password", "git-token", "hook-url")


def binding(name: str, *hosts: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "hosts": list(hosts), **more}


def bound(*bindings: dict[str, Any], require: bool = False) -> SecretsConfig:
    return SecretsConfig.model_validate({"bindings": list(bindings), "require_binding": require})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a tree and values for all secrets."""
    for name in ("CONFIG", "URL", "SYSTEM", "STATE", "SECRETS_DIR", "INSTALLERS", "GIT_TOKEN", "GIT_SSH_KEY"):
        monkeypatch.delenv(f"RECONCILER_{name}", raising=False)
    (tmp_path / "secrets").mkdir()
    for name in NAMES:
        (tmp_path / "secrets" / name).write_text(f"{VALUE}-{name}")
    for path in ("prod", "stage"):
        (tmp_path / "tree" / path).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(*bindings: dict[str, Any], require: bool = False, **more: Any) -> Where:
    """Two targets, production and staging, with folders of their own."""
    login = {"user": "cc-user", "password": "cc-password"}
    config = {
        "apiVersion": "reconciler/v1",
        "kind": "Config",
        "secrets_dir": "secrets",
        "secrets": {"bindings": list(bindings), "require_binding": require},
        "targets": [
            {"name": one, "system": "metadefender", "url": f"https://cc.{one}.example:8892", "path": one}
            | {"credentials": login}
            for one in ("prod", "stage")
        ],
        **more,
    }
    Path("c.yaml").write_text(json.dumps(config, indent=1))
    return Where(config="c.yaml")


def lay(where: str, name: str, text: str = USER) -> None:
    named = (f"user-of-{name}", name) if text == USER else (name,)
    Path("tree", where, f"{name}.yaml").write_text(text % named)


def wrong(where: Where) -> list[str]:
    """What is wrong with the tree, or with the configuration."""
    with pytest.raises(InvalidTree) as caught:
        load_for("tree", targets(where, Policy()), claims(where))
    return [str(one) for one in caught.value.problems]


# --- the rule itself


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        (["cc.example"], "https://cc.example", True),
        (["cc.example"], "https://cc.example:8892/prefix", True),
        (["CC.Example"], "https://cc.example.", True),
        (["cc.example"], "https://cc.example.evil.example", False),
        (["cc.example"], "https://evil-cc.example", False),
        (["cc.example"], "https://evil.example/cc.example", False),
        (["cc.example"], "https://evil.example?cc.example", False),
        (["cc.example"], "https://cc.example@evil.example", False),
        (["cc.example:8892"], "https://cc.example:8892", True),
        (["cc.example:8892"], "https://cc.example:8893", False),
        (["cc.example:8892"], "https://cc.example", False),
        (["cc.example:443"], "https://cc.example", True),
        (["cc.example:80"], "http://cc.example", True),
        (["10.0.0.1"], "https://10.0.0.1:1", True),
        (["10.0.0.1"], "https://010.0.0.1:1", False),
        (["[::1]"], "https://[0:0::1]:1", True),
        (["[::1]:443"], "https://[::1]", True),
        (["[::1]:444"], "https://[::1]", False),
        (["a.example", "b.example"], "https://b.example", True),
        (["git.example"], "git@git.example:team/repo.git", True),
        (["git.example:22"], "ssh://git@git.example/team/repo.git", True),
        (["git.example"], "git@evil.example:git.example/repo.git", False),
        (["git.example"], "/srv/git.example/repo.git", False),
        (["cc.example"], "https://[", False),
        (["cc.example"], "https://cc.example:99999", False),
    ],
)
def test_a_bound_secret_goes_to_its_hosts_only(hosts: list[str], url: str, allowed: bool):
    assert (bound(binding("key", *hosts)).objection("key", url) is None) is allowed


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("prod-*", "prod-admin", True),
        ("prod-*", "stage-prod-admin", False),
        ("*-admin", "prod-admin", True),
        ("*", "anything", True),
        ("prod-admin", "prod-admin-2", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
    ],
)
def test_patterns_fit_whole_names(pattern: str, name: str, fits: bool):
    objection = bound(binding(pattern, "here.example")).objection(name, "https://there.example")
    assert (objection is not None) is fits


def test_several_bindings_have_to_agree():
    config = bound(binding("*", "prod.example", "stage.example"), binding("prod-*", "prod.example"))
    assert config.objection("prod-admin", "https://prod.example") is None
    assert config.objection("prod-admin", "https://stage.example")
    assert config.objection("stage-admin", "https://stage.example") is None


def test_what_is_not_bound_goes_anywhere_unless_a_binding_is_required():
    assert bound(binding("other", "a.example")).objection("key", "https://b.example") is None
    assert "no binding" in str(bound(binding("other", "a.example"), require=True).objection("key", "https://b.example"))
    assert bound(binding("key", "b.example"), require=True).objection("key", "https://b.example") is None


@given(st.text("abc.@:/?#[]\\-0819 %\t\n", max_size=30))
def test_what_is_compared_is_where_the_client_goes(rest: str):
    """The library that sends a request and the rule must never read one URL as two hosts."""
    url = f"https://{rest}"
    try:
        base = base_of(url)
    except InputError:
        return
    place = place_of(url)
    assert place is not None
    assert place[0] == place_of(f"https://{base.netloc.decode()}")[0]  # type: ignore[index]
    assert place[0] in (base.host.lower().removesuffix("."), str(base.host))
    assert place[1] == (base.port or 443)


def test_the_public_apis_are_those_that_statuses_go_to():
    assert {name: forge.api for name, forge in FORGES.items()} == PUBLIC_APIS


# --- documents


def test_a_document_cant_have_anothers_secret_sent_to_its_target():
    where = configure(binding("prod-*", "cc.prod.example"))
    lay("prod", "prod-admin")
    lay("stage", "prod-admin")
    lay("stage", "shared")
    [problem] = wrong(where)
    assert problem == (
        "stage/prod-admin.yaml:4:27: this secret is bound to other hosts than cc.stage.example:8892, and the target "
        "stage can't be told it (secret-binding): name another one, or have secrets.bindings changed in the "
        "configuration"
    )
    Path("tree/stage/prod-admin.yaml").unlink()
    assert [len(one.desired.resources) for one in load_for("tree", targets(where, Policy()), claims(where))] == [1, 1]


def test_the_whole_tree_is_held_against_the_bindings_whatever_target_is_picked():
    where = configure(binding("prod-*", "cc.prod.example"))
    lay("stage", "prod-admin")
    assert len(wrong(Where(config=where.config, target=("prod",)))) == 1


def test_a_document_of_two_targets_has_to_be_fine_for_both():
    where = configure(binding("shared", "cc.prod.example"))
    config = json.loads(Path("c.yaml").read_text())
    config["targets"][1]["path"] = ["stage", "prod"]
    Path("c.yaml").write_text(json.dumps(config))
    lay("prod", "shared")
    assert "target stage" in wrong(where)[0]


def test_a_required_binding_keeps_other_targets_secrets_from_documents():
    lay("stage", "stage-admin")
    lay("stage", "prod-admin")
    where = configure(
        binding("cc-*", "cc.prod.example", "cc.stage.example"), binding("stage-*", "cc.stage.example"), require=True
    )
    [problem] = wrong(where)
    assert problem.startswith("stage/prod-admin.yaml:4:27: this secret has no binding, and the configuration requires")


def test_a_document_cant_have_a_secret_used_at_another_host():
    where = configure(binding("broker-password", "cc.prod.example", used_at=["broker.internal:5672"]))
    lay("prod", "broker.internal", SERVICE)
    assert load_for("tree", targets(where, Policy()), claims(where))
    lay("prod", "evil.example", SERVICE)
    Path("tree/prod/broker.internal.yaml").unlink()
    [problem] = wrong(where)
    assert "bound to be used at other hosts than evil.example:5672" in problem


def test_how_a_document_writes_the_host_makes_no_difference():
    where = configure(binding("broker-password", "cc.prod.example", used_at=["broker.internal:5672"]))
    for host in ("Broker.Internal", "broker.internal."):
        lay("prod", host, SERVICE)
        assert load_for("tree", targets(where, Policy()), claims(where))
        Path(f"tree/prod/{host}.yaml").unlink()


def test_a_secret_that_is_used_at_a_host_is_for_no_document_without_one():
    """As somebody's password or key, it would be shown, or could be tried, by the managed system."""
    where = configure(binding("broker-password", "cc.prod.example", used_at=["broker.internal:5672"]))
    lay("prod", "broker-password")
    [problem] = wrong(where)
    assert "bound to be used at a host, and this document has none" in problem


@pytest.mark.parametrize("linked", [False, True])
def test_a_document_cant_name_the_file_of_a_setting(folder: Path, monkeypatch: pytest.MonkeyPatch, linked: bool):
    """Where credentials and documents' secrets share a folder, as one mounted Kubernetes Secret makes it."""
    secrets = folder / "secrets"
    if linked:
        secrets.rename(folder / "..data")
        secrets.mkdir()
        (secrets / "..data").symlink_to(folder / "..data")
        for name in NAMES:
            (secrets / name).symlink_to(f"..data/{name}")
    monkeypatch.setenv("RECONCILER_URL", "https://cc.example")
    monkeypatch.setenv("RECONCILER_SECRETS_DIR", "secrets")
    monkeypatch.setenv("RECONCILER_APIKEY_FILE", str(secrets / "cc-password"))
    lay("prod", "cc-password")
    lay("prod", "shared")
    [target] = targets(Where(), Policy())
    with pytest.raises(InvalidTree) as caught:
        load_for("tree", [target], claims(Where()))
    [problem] = caught.value.problems
    assert str(problem).startswith("prod/cc-password.yaml:4:27: this secret is the reconciler's own")
    assert target.secrets is not None
    assert target.secrets.find("cc-password") is None
    told = CliRunner().invoke(validate, ["tree"], standalone_mode=False)
    assert isinstance(told.exception, InvalidTree)


def test_a_tree_of_a_pull_request_is_refused_before_any_secret_is_read(folder: Path):
    where = configure(binding("prod-*", "cc.prod.example"))
    lay("stage", "prod-admin")
    for file in (folder / "secrets").iterdir():
        file.unlink()
    roster = Roster.of(where, Policy(), None, 60.0)
    with pytest.raises(InvalidTree) as caught:
        load_shares(read_tree("tree", roster.claims), roster.described(), roster.claims)
    assert "secret-binding" in str(caught.value.problems[0])


def test_a_pass_is_given_no_secret_that_its_target_must_not_be_told():
    """Even if a document had got past validation."""
    prod, stage = targets(configure(binding("prod-*", "cc.prod.example")), Policy())
    assert prod.secrets is not None
    assert stage.secrets is not None
    assert set(prod.secrets.values(["prod-admin", "shared"])) == {"prod-admin", "shared"}
    assert stage.secrets.find("prod-admin") is None
    for ask in (lambda: stage.secrets.values(["shared", "prod-admin"]), lambda: stage.secrets.get("prod-admin")):
        with pytest.raises(MissingSecret, match="bound to other hosts than") as caught:
            ask()
        assert VALUE not in str(caught.value)


# --- what the configuration itself sends

GIT = {"url": "https://git.example/team/clusters.git", "token": "git-token"}
STATUS = {"provider": "gitlab", "repository": "team/clusters", "token": "git-token"}


@pytest.mark.parametrize(
    ("wrong_binding", "daemon", "line"),
    [
        (binding("cc-password", "cc.prod.example"), {}, '"password": "cc-password"'),
        (binding("git-token", "gitlab.com"), {"source": {"git": GIT}}, '"token": "git-token"'),
        (binding("git-token", "git.example"), {"commit_status": STATUS}, '"token": "git-token"'),
        (binding("hook-url", "a.example"), {"notifications": [{"apprise": "hook-url"}]}, '"apprise": "hook-url"'),
        (binding("x", "a.example:70000"), {}, '"a.example:70000"'),
        (binding("Prod", "a.example"), {}, '"Prod"'),
        (binding("x"), {}, '"hosts": []'),
        (binding("x", "https://a.example"), {}, '"https://a.example"'),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused_at_its_place(
    wrong_binding: dict[str, Any], daemon: dict[str, Any], line: str
):
    [problem] = wrong(configure(wrong_binding, daemon=daemon))
    name, number, _, message = problem.split(":", 3)
    assert name == "c.yaml"
    assert line in Path("c.yaml").read_text().splitlines()[int(number) - 1]
    assert "secret-binding" in message or "expected" in message or "port" in message or "form" in message


def test_a_configuration_that_keeps_to_its_bindings_is_fine():
    daemon = {"source": {"git": GIT}, "commit_status": {**STATUS, "api": "https://git.example/api/v4"}}
    configure(
        binding("cc-*", "cc.prod.example:8892", "cc.stage.example:8892"),
        binding("git-token", "git.example"),
        daemon=daemon,
        require=True,
    )
    assert len(targets(Where(config="c.yaml"), Policy())) == 2


def test_a_repository_named_by_a_flag_is_not_told_a_bound_token():
    where = configure(binding("git-*", "git.example"), daemon={"source": {"git": GIT}})
    roster = Roster.of(where, Policy(), None, 60.0)
    assert roster.config is not None
    follower_of(Flags(), roster.config.daemon, roster, 60.0)
    with pytest.raises(InputError, match=r"git-token is bound to other hosts than evil\.example:443"):
        follower_of(Flags(git="https://evil.example/x.git"), roster.config.daemon, roster, 60.0)


@pytest.mark.parametrize(
    ("address", "fine"), [("https://hooks.example/T0/k3y", True), ("https://evil.example/", False)]
)
def test_an_address_of_notifications_is_held_against_its_binding(folder: Path, address: str, fine: bool):
    (folder / "secrets" / "hook-url").write_text(address)
    where = configure(binding("hook-url", "hooks.example"), daemon={"notifications": [{"url": "hook-url"}]})
    roster = Roster.of(where, Policy(), None, 60.0)
    assert roster.config is not None
    if fine:
        assert notifier_of(roster.config.daemon, roster, lambda name, count: None)
        return
    with pytest.raises(InputError, match="the secret hook-url holds an address at a host") as caught:
        notifier_of(roster.config.daemon, roster, lambda name, count: None)
    assert "evil" not in f"{caught.value.message} {caught.value.remedy}"
