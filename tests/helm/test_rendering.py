"""Which resources there are, and that they fit each other."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.helm.chart import (
    CASES,
    CHART,
    DOCUMENTS,
    GIT,
    POSTGRESQL,
    SSH,
    changed,
    daemon,
    only,
    pods,
    projected,
    render,
)


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


def test_labels_of_pods_never_break_selectors(tmp_path: Path) -> None:
    mine = {"app.kubernetes.io/component": "mine", "app.kubernetes.io/instance": "mine", "tier": "low"}
    done = changed(GIT, tmp_path, {"podLabels": mine, "commonLabels": mine, "serviceMonitor": {"labels": mine}})
    manifests = tuple(one for one in yaml.safe_load_all(done.stdout) if one)
    spec = only(manifests, "Deployment")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert labels["tier"] == "low"


def test_the_monitor_finds_the_service() -> None:
    manifests = render(GIT)
    monitor, service = only(manifests, "ServiceMonitor"), only(manifests, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {one["name"] for one in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
    assert endpoint["authorization"] == {
        "type": "Bearer",
        "credentials": {"name": "reconciler-secrets", "key": "metrics"},
    }
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_the_ingress_leads_to_the_service() -> None:
    manifests = render(GIT)
    ingress, service = only(manifests, "Ingress")["spec"], only(manifests, "Service")
    (path,) = ingress["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": service["metadata"]["name"], "port": {"name": "http"}}
    assert ingress["tls"][0]["hosts"] == [ingress["rules"][0]["host"]]


def test_the_dashboard_is_whole() -> None:
    text = only(render(GIT), "ConfigMap", ending="-dashboard")["data"]["reconciler.json"]
    assert json.loads(text) == json.loads((CHART / "dashboards" / "reconciler.json").read_text())
