"""Ready-made starting points.

A fixture file is YAML with any of these, each a list in the words of the API's bodies:

    roles: [{name, display_name, rights}]
    users: [{name, password, roles, …}]             # roles by name or id
    services: [{type, display_name, host, port, user, password, connection_key}]
    workers: [{display_name, host, port, connection_key}]
    installers: [{name, checksum, size}]            # name is the vendor's file name
    deployments: [{worker, installer, license_id, config}]   # a worker's display_name, an installer's name
    settings: {session: {sessionTimeout: 600000}}   # auditlog, filestorage, warehouse, scanhistory, session,
                                                    # sessioncookie, servicesetting
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.deployments import instance_of
from reconciler.emulator.metadefender.edit import ADDERS
from reconciler.emulator.metadefender.state import LOCAL, State, hidden
from reconciler.emulator.metadefender.users import make_api_key

SERVICES: dict[str, Any] = {
    "services": [
        {"type": "datalake", "display_name": "datalake", "host": "datalake.local", "port": 27017,
         "user": "datalake", "password": "datalake-password"},
        {"type": "warehouse", "display_name": "warehouse", "host": "warehouse.local", "port": 5432,
         "user": "warehouse", "password": "warehouse-password"},
        {"type": "caching", "display_name": "caching", "host": "caching.local", "port": 6379,
         "user": "caching", "password": "caching-password"},
        {"type": "broker", "display_name": "broker", "host": "broker.local", "port": 5672,
         "user": "broker", "password": "broker-password"},
        {"type": "filestorage", "display_name": "filestorage", "host": "filestorage.local", "port": 8890,
         "connection_key": "filestorage-key"},
    ],
    "workers": [
        {"display_name": "worker-1", "host": "worker-1.local", "port": 8893, "connection_key": "worker-1-key"},
        {"display_name": "worker-2", "host": "worker-2.local", "port": 8893, "connection_key": "worker-2-key"},
    ],
}  # fmt: skip
INSTALLER = "ometascan-5.15.0-1-x64.msi"
DEPLOYED: dict[str, Any] = {
    **SERVICES,
    "installers": [{"name": INSTALLER, "checksum": hashlib.sha256(INSTALLER.encode()).hexdigest(), "size": 26}],
    "deployments": [{"worker": "worker-1", "installer": INSTALLER}],
}
NAMED: dict[str, dict[str, Any]] = {"empty": {}, "services": SERVICES, "deployed": DEPLOYED}


def seed(state: State, name: str) -> None:
    """Fill the state by the name of a fixture: one of NAMED, users:N or workers:N. ValueError for another."""
    kind, _, number = name.partition(":")
    if name in NAMED:
        furnish(state, NAMED[name])
    elif kind in ("users", "workers") and number.isdecimal():
        (_seed_users if kind == "users" else _seed_workers)(state, int(number))
    else:
        raise ValueError(f"no fixture {name!r}; there are {', '.join(NAMED)}, users:N and workers:N")


def seed_from_file(state: State, path: Path) -> None:
    """Fill the state from a fixture file; ValueError if it can't be understood."""
    try:
        furnish(state, yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} isn't a fixture: {type(error).__name__}: {error}") from error


def furnish(state: State, document: Mapping[str, Any]) -> None:
    """Put what a fixture's document holds into the state."""
    unknown = set(document) - {"roles", "users", "services", "workers", "installers", "deployments", "settings"}
    if unknown:
        raise ValueError(f"a fixture has no {', '.join(sorted(map(str, unknown)))}")
    for name in ("roles", "users", "services", "workers", "installers"):
        for fields in document.get(name, ()):
            ADDERS[name](state, fields)
    for order in document.get("deployments", ()):
        worker = _named(state, "workers", "display_name", order["worker"])
        installer = _named(state, "installers", "name", order["installer"])
        state.workers.change(worker["worker_id"], status="Deployed", instance=instance_of(installer, order))
    for name, fields in document.get("settings", {}).items():
        state.settings[name] = {**state.settings[name], **fields}
    state.dirty = True


def _named(state: State, collection: str, field: str, value: str) -> Record:
    for record in state.collection(collection):
        if record[field] == value:
            return record
    raise ValueError(f"a deployment names {value!r}, which isn't among the {collection}")


def _seed_users(state: State, count: int) -> None:
    password = hidden("password")
    for number in range(1, count + 1):
        name = f"user-{number:06d}"
        state.users.add({
            "id": state.next_number("users"),
            "directory_id": LOCAL,
            "name": name,
            "display_name": f"User {number}",
            "email": f"{name}@example.com",
            "description": "",
            "roles": ["1"],
            "ui_settings": {},
            "api_key": make_api_key(number),
            "password": password,
        })  # fmt: skip
    state.dirty = True


def _seed_workers(state: State, count: int) -> None:
    for number in range(1, count + 1):
        name = f"worker-{number:06d}"
        ADDERS["workers"](state, {"display_name": name, "host": f"{name}.local", "port": 8893})
    state.dirty = True
