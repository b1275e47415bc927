"""Roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.options import Options
from reconciler.emulator.metadefender.state import State
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.refusal import Refusal


def add_role(state: State, fields: Mapping[str, Any]) -> Record:
    """Make a role of the fields of a POST body; `editable` is true unless given."""
    record = {
        "id": state.next_number("roles"),
        "name": fields["name"],
        "display_name": fields.get("display_name", fields["name"]),
        "rights": fields.get("rights", {}),
        "editable": fields.get("editable", True),
    }
    return state.roles.add(record)


def view(role: Record, options: Options) -> Record:
    """A role as the API shows it."""
    return role if options.id_type == "integer" else {**role, "id": str(role["id"])}


def create_role(call: Call) -> Record | None:
    """POST /admin/role → the role, or no body."""
    name = call.body["name"]
    if call.state.roles.has("name", name):
        raise Refusal(400, f"Role {name} exists already", "duplicate")
    role = add_role(call.state, call.body)
    return view(role, call.options) if call.options.role_create_reply == "role" else None


def list_roles(call: Call) -> list[Record]:
    """GET /admin/role → every role, where that operation exists."""
    if call.options.role_list != "list":
        raise Refusal(int(call.options.role_list), "GET isn't offered here")
    return [view(role, call.options) for role in call.state.roles]


def delete_role(call: Call) -> dict[str, str]:
    """DELETE /admin/role/{role_id} → {}. A role that users hold stays, and so does a built-in one."""
    identity = call.params["role_id"]
    role = call.state.roles.get(identity)
    if role is None:
        rule = "deleted-twice" if call.state.was_deleted("roles", identity) else "unknown-id"
        raise Refusal(404, f"Role {identity} doesn't exist", rule)
    if not role["editable"]:
        raise Refusal(403, "Not Allowed: built-in role", "built-in")
    if call.state.users.has("role", identity):
        raise Refusal(400, f"Role {role['name']} is held by users", "role-in-use")
    call.state.forget("roles", identity)
    return {}
