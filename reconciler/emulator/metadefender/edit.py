"""Changing the emulated product behind its clients' backs, as a human at its console would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.collection import Record, checked_edit
from reconciler.emulator.metadefender.installers import add_installer
from reconciler.emulator.metadefender.roles import add_role
from reconciler.emulator.metadefender.services import add_service
from reconciler.emulator.metadefender.state import State, hidden
from reconciler.emulator.metadefender.users import add_user, resolve_role
from reconciler.emulator.metadefender.workers import add_worker
from reconciler.emulator.metadefender.world import World

ADDERS = {
    "users": add_user,
    "roles": add_role,
    "services": add_service,
    "workers": add_worker,
    "installers": add_installer,
}
SECRETS = ("password", "connection_key")


def edit(world: World, order: Mapping[str, Any]) -> int:
    """Carry out {"collection", "match": {field: value}, "set": {…} or "delete": true}, or {"collection", "add": {…}};
    gives the number of objects changed. No rule of the product is looked at. A collection is one of COLLECTIONS, or
    "settings", whose objects are matched by {"name": "auditlog"} and so on."""
    checked_edit(order)
    name = order["collection"]
    world.state.dirty = True
    if "add" in order:
        ADDERS[name](world.state, order["add"])
        return 1
    if name == "settings":
        return _edit_settings(world.state, order)
    found = world.state.collection(name).matching(order.get("match", {}))
    for identity in found:
        if "delete" in order:
            _delete(world, name, identity)
        else:
            world.state.collection(name).change(identity, **_fields(world.state, name, identity, order["set"]))
    return len(found)


def _delete(world: World, name: str, identity: str) -> None:
    world.state.collection(name).remove(identity)
    if name == "users":
        world.sessions.close_all(identity)


def _fields(state: State, name: str, identity: str, given: Mapping[str, Any]) -> Record:
    fields = {key: hidden(value) if key in SECRETS else value for key, value in given.items()}
    if name == "users" and "roles" in fields:
        fields["roles"] = [resolve_role(state, role) or role for role in fields["roles"]]
    if name == "workers" and "status" in fields:
        worker = state.workers.get(identity)
        fields["turn"] = (worker or {"turn": 0})["turn"] + 1
    return fields


def _edit_settings(state: State, order: Mapping[str, Any]) -> int:
    name = order["match"]["name"]
    state.settings[name] = {**state.settings[name], **order["set"]}
    return 1
