"""Kubernetes and helm take what is rendered, whatever the values are called."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import (
    CASES,
    CHART,
    DOCUMENTS,
    case_id,
    changed,
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
        assert len(manifests) >= 4
        for one in manifests:
            if one["apiVersion"] != OPERATOR:
                library.validate(one, version, strict=True)


@pytest.mark.ci
def test_the_schemas_find_what_is_wrong() -> None:
    """What the test above relies on."""
    library = schemas()
    service = only(render(DOCUMENTS), "Service")
    mistakes: tuple[dict[str, Any], ...] = ({"selectors": {}}, {"ports": "80"})
    for wrong in mistakes:
        with pytest.raises(library.ValidationError):
            library.validate(service | {"spec": service["spec"] | wrong}, "1.30", strict=True)


def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", "rel", str(CHART), "--values", str(DOCUMENTS), "--kube-version", "1.27")
    assert "kubeVersion: >=1.28" in done.stderr


def test_words_stay_words(tmp_path: Path) -> None:
    """What looks like a number or a truth value is none, wherever a name may stand."""
    change = {
        "fullnameOverride": "yes",
        "secrets": [{"name": "123", "items": {"cc-user": "1e3", "cc-password": "no", "0x1f": "on"}}],
        "files": {"on": "1"},
        "source": {"configMap": "1e3", "documents": None},
        "serviceAccount": {"name": "42"},
        "priorityClassName": "007",
        "state": {"sqlite": {"storageClass": "0", "size": "1073741824"}},
    }
    done = changed(DOCUMENTS, tmp_path, change)
    assert done.returncode == 0, done.stderr
    manifests = tuple(one for one in yaml.safe_load_all(done.stdout) if one)
    assert only(manifests, "ConfigMap")["data"]["on"] == "1"
    spec = pods(manifests)[0][1]
    assert (spec["serviceAccountName"], spec["priorityClassName"]) == ("42", "007")
    volumes = {one["name"]: one for one in spec["volumes"]}
    assert volumes["desired-state"]["configMap"]["name"] == "1e3"
    (secret,) = volumes["secrets"]["projected"]["sources"]
    assert secret["secret"]["name"] == "123"
    assert {(one["key"], one["path"]) for one in secret["secret"]["items"]} == {
        ("on", "0x1f"),
        ("no", "cc-password"),
        ("1e3", "cc-user"),
    }
    texts = [one for part in walk(manifests) for one in [part] if isinstance(part, dict)]
    assert all(isinstance(one["name"], str) for one in texts if "name" in one)


def walk(value: Any) -> Iterator[Any]:
    """Everything inside."""
    yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from walk(one)


@pytest.mark.ci
def test_the_package_holds_what_is_needed(tmp_path: Path) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    shutil.unpack_archive(package, tmp_path)
    there = {path.relative_to(tmp_path / "reconciler").as_posix() for path in (tmp_path / "reconciler").rglob("*.*")}
    assert {"values.schema.json", "README.md", "dashboards/reconciler.json", "templates/NOTES.txt"} <= there
    assert not any(path.startswith("ci/") for path in there)


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_notes(values: Path, tmp_path: Path) -> None:
    """What helm says after an install. That needs a cluster, so a manifest holds the text here."""
    chart = tmp_path / "reconciler"
    shutil.copytree(CHART, chart)
    text = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "_notes.tpl").write_text(f'{{{{- define "notes" -}}}}{text}{{{{- end -}}}}')
    (chart / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | toJson }}\n')
    show = ("--show-only", "templates/notes.yaml")
    done = helm("template", "rel", str(chart), "--namespace", "ns", "--values", str(values), *show)
    assert done.returncode == 0, done.stderr
    notes = yaml.safe_load(done.stdout)["notes"]
    assert "{{" not in notes
    assert f"deployment/{only(render(values), 'Deployment')['metadata']['name']}" in notes
    assert ("helm test rel --namespace ns" in notes) == (case_id(values) != "trial")
    assert ("WARNING: the state is lost" in notes) == (case_id(values) == "trial")
    assert ("No token is configured" in notes) == (case_id(values) in {"documents", "ssh", "trial"})
