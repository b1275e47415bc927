"""The desired state of many targets, twenty objects each, and the configuration that names them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.worlds import PASSWORD, USER, name_of

OBJECTS = 20


def documents() -> Iterator[dict[str, Any]]:
    """Twenty objects of one target: what a small cluster has, its accounts above all."""
    for number in range(3):
        yield _document("Role", f"role-{number}", display_name=f"Role {number}", rights={"workers": ["read"]})
    for number in range(8):
        yield _document(
            "User",
            f"user-{number}",
            display_name=f"User {number}",
            email=f"user-{number}@example.com",
            roles=[f"role-{number % 3}"],
            password={"secret": "password"},
        )
    for port, type in ((5432, "datalake"), (5433, "warehouse"), (6379, "caching"), (5672, "broker")):
        service = {"type": type, "host": f"{type}.internal", "port": port, "user": "mddc"}
        yield _document("Service", type, **service, password={"secret": "password"})
    for number in range(4):
        worker = {"host": f"worker-{number}.internal", "port": 8893, "connection_key": {"secret": "password"}}
        yield _document("Worker", f"worker-{number}", **worker)
    yield _document("SessionCookie", "console", samesite="Strict")


def _document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "metadefender/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def lay_out(folder: Path, count: int, url: str) -> None:
    """Write the tree, the secrets and `reconciler.yaml`; what is there already stays as it is."""
    text = "\n---\n".join(json.dumps(one, indent=2) for one in documents())
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    for name, value in {"password": "secret-of-many", "cc-user": USER, "cc-password": PASSWORD}.items():
        (folder / "secrets" / name).write_text(value, encoding="utf-8")
    for name in map(name_of, range(count)):
        file = folder / "tree" / name / "all.yaml"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    config = {
        "apiVersion": "reconciler/v1",
        "kind": "Config",
        "state": "sqlite:///state.db",
        "secrets_dir": "secrets",
        "targets": [_target(name, url) for name in map(name_of, range(count))],
    }
    (folder / "reconciler.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def _target(name: str, url: str) -> dict[str, Any]:
    credentials = {"user": "cc-user", "password": "cc-password"}
    return {"name": name, "system": "metadefender", "url": f"{url}/{name}", "path": name, "credentials": credentials}
