"""What the chart renders is what Kubernetes takes, and what the reconciler reads."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

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
    GIT,
    POSTGRESQL,
    ROOT,
    SSH,
    Manifest,
    case_id,
    changed,
    daemon,
    helm,
    only,
    pods,
    render,
)

OLDEST = (1, 28)
OPERATOR = "monitoring.coreos.com/v1"
"""The Prometheus operator's kinds are no part of Kubernetes, so its schemas don't have them."""


def schemas() -> Any:
    try:
        return importlib.import_module("kubernetes_validate")
    except ImportError:
        pytest.skip("kubernetes-validate isn't installed: it is on PyPI")


def configuration(manifests: tuple[Manifest, ...], folder: Path) -> Path:
    """The folder with the configuration, as the pod sees it."""
    for name, text in only(manifests, "ConfigMap", ending=only(manifests, "Service")["metadata"]["name"])["data"].items():
        (folder / name).write_text(text)
    return folder / "reconciler.yaml"


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_lint(values: Path) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", str(values))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.ci
@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_kubernetes_takes_every_manifest(values: Path) -> None:
    library = schemas()
    versions = {library.utils.major_minor(one) for one in library.utils.all_versions()}
    taken = [one for one in versions if tuple(map(int, one.split("."))) >= OLDEST]
    assert len(taken) >= 9
    for version in taken:
        manifests = render(values, "--kube-version", version)
        assert len(manifests) >= 5
        for one in manifests:
            if one["apiVersion"] != OPERATOR:
                library.validate(one, version, strict=True)


@pytest.mark.ci
def test_the_schemas_find_what_is_wrong() -> None:
    """What the test above relies on."""
    library = schemas()
    service = only(render(DOCUMENTS), "Service")
    for wrong in ({"selectors": {}}, {"ports": "80"}):
        with pytest.raises(library.ValidationError):
            library.validate(service | {"spec": service["spec"] | wrong}, "1.30", strict=True)


def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", "rel", str(CHART), "--values", str(DOCUMENTS), "--kube-version", "1.27")
    assert "kubeVersion: >=1.28" in done.stderr


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


def projected(volume: Manifest, name: str) -> list[str]:
    """The files of a projected volume."""
    sources = volume["projected"]["sources"] if volume["name"] == name else []
    parts = [one.get("secret") or one["configMap"] for one in sources]
    return [item["path"] for part in parts for item in part.get("items", [])]


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
    told = "".join((ROOT / "docs" / name).read_text() for name in ("commands/index.md", "configuration.md", "secrets.md"))
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


def test_documents_are_followed() -> None:
    """A file that is mounted by ``subPath`` never changes, so none is."""
    manifests = render(DOCUMENTS)
    assert not any("subPath" in mount for _, pod in pods(manifests) for mount in pod["containers"][0]["volumeMounts"])
    volumes = {one["name"]: one for one in pods(manifests)[0][1]["volumes"]}
    desired = only(manifests, "ConfigMap", ending="-desired")
    assert volumes["desired-state"]["configMap"]["name"] == desired["metadata"]["name"]
    assert yaml.safe_load(desired["data"]["cleanup.yaml"])["kind"] == "Cleanup"


def test_sqlite_has_one_daemon_and_a_claim_that_is_kept() -> None:
    manifests = render(DOCUMENTS)
    assert only(manifests, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    claim = only(manifests, "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    mounts = {one["name"]: one["mountPath"] for one in daemon(manifests)["volumeMounts"]}
    assert mounts["state"] == "/var/lib/reconciler"


def test_a_claim_that_is_there_is_taken() -> None:
    manifests = render(SSH)
    assert "PersistentVolumeClaim" not in {one["kind"] for one in manifests}
    volumes = {one["name"]: one for one in pods(manifests)[0][1]["volumes"]}
    assert volumes["state"]["persistentVolumeClaim"] == {"claimName": "reconciler-state"}


def test_replicas_share_postgresql() -> None:
    manifests = render(POSTGRESQL)
    spec = only(manifests, "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (3, "RollingUpdate")
    assert "PersistentVolumeClaim" not in {one["kind"] for one in manifests}
    assert only(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    state = next(one for one in daemon(manifests)["env"] if one["name"] == "RECONCILER_STATE")
    assert state["valueFrom"]["secretKeyRef"] == {"name": "reconciler-database", "key": "url"}
    assert "state" not in yaml.safe_load(only(manifests, "ConfigMap")["data"]["reconciler.yaml"])
    files = [name for volume in pods(manifests)[0][1]["volumes"] for name in projected(volume, "secrets")]
    assert "fingerprint-key" in files


def test_the_vendors_secret_by_default() -> None:
    volumes = {one["name"]: one for one in pods(render(DOCUMENTS))[0][1]["volumes"]}
    assert volumes["secrets"]["projected"]["sources"] == [
        {
            "secret": {
                "name": "mdcluster-secrets",
                "items": [{"key": "ADMIN_PASSWORD", "path": "cc-password"}, {"key": "ADMIN_USER", "path": "cc-user"}],
            }
        }
    ]


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


def test_probes_and_selectors_fit() -> None:
    for values in CASES:
        manifests = render(values)
        deployment, service = only(manifests, "Deployment"), only(manifests, "Service")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for selector in (deployment["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
            assert selector.items() <= labels.items()
        test_pods = [one for one in manifests if one["kind"] == "Pod"]
        assert not any(service["spec"]["selector"].items() <= one["metadata"]["labels"].items() for one in test_pods)
        container = daemon(manifests)
        assert container["ports"][0]["name"] == service["spec"]["ports"][0]["targetPort"]
        paths = [container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")]
        assert paths == ["/healthz", "/healthz", "/readyz"]


def test_every_manifest_has_the_labels(tmp_path: Path) -> None:
    done = changed(GIT, tmp_path, {"commonLabels": {"app.kubernetes.io/name": "mine", "cost": "42"}})
    for one in yaml.safe_load_all(done.stdout):
        labels = one["metadata"]["labels"]
        assert (labels["app.kubernetes.io/name"], labels["cost"]) == ("reconciler", "42")
        assert labels["helm.sh/chart"].startswith("reconciler-")
        assert labels["app.kubernetes.io/version"]
        assert one["metadata"]["namespace"] == "ns"


@pytest.mark.ci
def test_the_package_holds_what_is_needed(tmp_path: Path) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    shutil.unpack_archive(package, tmp_path)
    there = {path.relative_to(tmp_path / "reconciler").as_posix() for path in (tmp_path / "reconciler").rglob("*.*")}
    assert {"values.schema.json", "README.md", "dashboards/reconciler.json", "templates/NOTES.txt"} <= there
    assert not any(path.startswith("ci/") for path in there)


def test_the_dashboard_is_whole() -> None:
    text = only(render(GIT), "ConfigMap", ending="-dashboard")["data"]["reconciler.json"]
    assert json.loads(text) == json.loads((CHART / "dashboards" / "reconciler.json").read_text())
