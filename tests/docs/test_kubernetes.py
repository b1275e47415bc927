"""The page on Kubernetes: its values are taken, what it says of the chart's defaults is so, and its patch applies."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import CHART, DOCUMENTS, only, render, template

PAGE = (CHART.parent / "docs/kubernetes.md").read_text(encoding="utf-8")
VALUES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("text", VALUES, ids=lambda text: text.partition(":")[0])
def test_its_values_are_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(text, encoding="utf-8")
    done = template(
        CHART / "values.yaml" if "source:" in text else DOCUMENTS, "--values", str(tmp_path / "values.yaml")
    )
    assert done.returncode == 0, done.stderr


def test_the_defaults_are_what_it_says() -> None:
    (target,) = values()["config"]["targets"]
    assert f"`url: {target['url']}`" in PAGE
    assert f"`tls: {{allow_http: {json.dumps(target['tls']['allow_http'])}}}`" in PAGE
    (secret,) = values()["secrets"]
    assert all(f"`{name}`" in PAGE for name in [secret["name"], *secret["items"].values()])
    policy = values()["networkPolicy"]
    assert policy["controlCenters"]["to"] == [{"podSelector": {"matchLabels": {"app": "control-center"}}}]
    assert (policy["controlCenters"]["ports"], policy["git"]["ports"]) == ([8892], [443, 22])


def test_it_names_what_the_chart_makes() -> None:
    manifests = render(DOCUMENTS, "--set", "fullnameOverride=reconciler")
    names = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    assert {("Deployment", "reconciler"), ("Service", "reconciler")} <= names
    assert ("PersistentVolumeClaim", "reconciler-state") in names
    assert "service/reconciler 8080:80" in COMMANDS
    assert only(manifests, "Service")["spec"]["ports"][0]["port"] == 80
    config = yaml.safe_load(only(manifests, "ConfigMap", ending="reconciler")["data"]["reconciler.yaml"])
    assert config["state"] == "sqlite:////var/lib/reconciler/state.db"
    labels = only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "reconciler"


def test_its_patch_has_the_daemon_s_pod_sleep() -> None:
    found = re.search(r"--patch '(\[.*?\])'", COMMANDS, re.DOTALL)
    assert found is not None
    manifest = copy.deepcopy(only(render(DOCUMENTS), "Deployment"))
    for operation in json.loads(found[1]):
        *parents, last = operation["path"].strip("/").split("/")
        place: Any = manifest
        for key in parents:
            place = place[int(key) if isinstance(place, list) else key]
        assert (last in place) is (operation["op"] != "add"), operation
        place.pop(last) if operation["op"] == "remove" else place.update({last: operation["value"]})
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    assert [*container["command"], *container["args"]] == ["sleep", "infinity"]
    assert [key for key in container if key.endswith("Probe")] == []


def test_every_alert_has_its_row() -> None:
    rule = (CHART / "templates/prometheusrule.yaml").read_text(encoding="utf-8")
    page = (CHART.parent / "docs/operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(Reconciler\w+)` \|", page, re.MULTILINE) == re.findall(r'"name" "(\w+)"', rule)
