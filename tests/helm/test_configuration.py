"""The reconciler takes what the chart gives it: configuration, arguments and variables."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
import yaml

from reconciler.cli.main import built_in
from reconciler.config import read_config
from reconciler.settings import Where, beside
from tests.helm.chart import (
    CASES,
    CHART,
    DOCUMENTS,
    ROOT,
    Manifest,
    case_id,
    changed,
    daemon,
    only,
    pods,
    projected,
    render,
)


def configuration(manifests: tuple[Manifest, ...], folder: Path) -> Path:
    """The folder with the configuration, as the pod sees it."""
    for name, text in only(manifests, "ConfigMap", ending=only(manifests, "Service")["metadata"]["name"])[
        "data"
    ].items():
        (folder / name).write_text(text)
    return folder / "reconciler.yaml"


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_the_configuration_is_read(values: Path, tmp_path: Path) -> None:
    manifests = render(values)
    config = read_config(str(configuration(manifests, tmp_path)))
    given = {name for volume in pods(manifests)[0][1]["volumes"] for name in projected(volume, "secrets")}
    variables = {one["name"] for one in daemon(manifests)["env"]}
    for name in config.reserved:
        assert name in given or f"RECONCILER_SECRET_{name.upper().replace('-', '_')}" in variables
    assert str(config.secrets_dir) in {mount["mountPath"] for mount in daemon(manifests)["volumeMounts"]}
    assert (config.daemon.source.git is None) == (config.daemon.source.path == "/srv/desired-state")


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_files_that_the_configuration_names_are_mounted_beside_it(values: Path, tmp_path: Path) -> None:
    manifests = render(values)
    path = configuration(manifests, tmp_path)
    config = read_config(str(path))
    git = config.daemon.source.git
    named = [one.tls.ca for one in config.targets] + ([git.known_hosts, git.ca, git.verify_signatures] if git else [])
    there = {file for volume in pods(manifests)[0][1]["volumes"] for file in projected(volume, "config")}
    for one in filter(None, named):
        file = beside(Where(config=str(path)), one)
        assert one in there or Path(str(file)).is_file()


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_arguments_are_ours(values: Path) -> None:
    for _, pod in pods(render(values)):
        name, *arguments = pod["containers"][0]["args"]
        command = built_in(name)
        assert isinstance(command, click.Command)
        command.make_context(name, list(arguments))


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_variables_are_ours(values: Path) -> None:
    """Each is documented, with or without ``_FILE``."""
    told = "".join(
        (ROOT / "docs" / name).read_text() for name in ("commands/index.md", "configuration.md", "secrets.md")
    )
    for _, pod in pods(render(values)):
        for one in pod["containers"][0]["env"]:
            name = one["name"]
            assert name in ("HOME", "XDG_CACHE_HOME") or name.startswith("RECONCILER_SECRET_") or f"`{name}" in told


def test_no_variable_comes_twice() -> None:
    for values in CASES:
        for _, pod in pods(render(values)):
            names = [one["name"] for one in pod["containers"][0]["env"]]
            assert len(names) == len(set(names))


def test_large_numbers_stay_whole(tmp_path: Path) -> None:
    done = changed(DOCUMENTS, tmp_path, {"config": {"daemon": {"plans": {"bytes": 1073741824, "per_minute": 1000000}}}})
    assert "bytes: 1073741824" in done.stdout
    assert "per_minute: 1000000" in done.stdout


def checksum(text: str) -> str:
    manifests = tuple(one for one in yaml.safe_load_all(text) if one)
    annotations = only(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    return str(annotations["checksum/config"])


def test_pods_are_new_when_the_configuration_changes_and_not_for_documents(tmp_path: Path) -> None:
    plain = checksum(changed(DOCUMENTS, tmp_path, {}).stdout)
    documents = {"source": {"documents": {"more.yaml": "# Nothing.\n"}}}
    assert checksum(changed(DOCUMENTS, tmp_path, documents).stdout) == plain
    for change in ({"config": {"daemon": {"interval": "5m"}}}, {"files": {"note": "new"}}):
        assert checksum(changed(DOCUMENTS, tmp_path, change).stdout) != plain


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("configmap", ["plan", "/srv/desired-state"]),
        ("documents", ["plan", "/srv/desired-state", "--config", "/etc/reconciler/reconciler.yaml"]),
        ("git", ["status"]),
        ("ssh", ["doctor", "--config", "/etc/reconciler/reconciler.yaml", "--target", "default"]),
    ],
)
def test_helm_test_asks_the_daemon_where_it_may(name: str, arguments: list[str]) -> None:
    manifests = render(CHART / "ci" / f"{name}-values.yaml")
    pod = only(manifests, "Pod")
    container = pod["spec"]["containers"][0]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert container["args"] == arguments
    variables = {one["name"]: one.get("value") for one in container["env"]}
    server = only(manifests, "Service")
    there = f"http://{server['metadata']['name']}:{server['spec']['ports'][0]['port']}"
    assert variables.get("RECONCILER_SERVER") == (None if "--config" in arguments else there)


def test_helm_test_sends_no_token_that_only_the_daemon_has(tmp_path: Path) -> None:
    token = {"name": "ci", "role": "operate", "secret": "ci-token"}
    variable = {"name": "RECONCILER_SECRET_CI_TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "ci"}}}
    done = changed(DOCUMENTS, tmp_path, {"config": {"daemon": {"tokens": [token]}}, "extraEnv": [variable]})
    container = only(tuple(one for one in yaml.safe_load_all(done.stdout) if one), "Pod")["spec"]["containers"][0]
    assert "--config" in container["args"]
    assert "RECONCILER_SERVER_TOKEN_FILE" not in {one["name"] for one in container["env"]}
