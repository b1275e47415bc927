"""Users and user directories."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.collection import Listing, Record
from reconciler.emulator.metadefender.state import LOCAL, SYSTEM, State, hidden
from reconciler.emulator.metadefender.world import Call, World
from reconciler.emulator.refusal import Refusal

API_KEY = re.compile(r"(?!.*[0-9]{4})(?!.*[a-f]{4})(?=(?:[a-f]*[0-9]){10})(?=(?:[0-9]*[a-f]){10})[0-9a-f]{36}")


def make_api_key(number: int | None = None) -> str:
    """An api_key by the product's rule, in which digits and letters take turns: random, or always that of `number`."""
    if number is not None:
        return "".join(map(str.__add__, f"{number:018d}", "abcdef" * 3))
    return "".join(secrets.choice("0123456789") + secrets.choice("abcdef") for _ in range(18))


def resolve_role(state: State, text: str) -> str | None:
    """The id of the role that `text` is the id or the name of."""
    if state.roles.get(text) is not None:
        return text
    return next((str(role["id"]) for role in state.roles.tagged("name", text)), None)


def add_user(state: State, fields: Mapping[str, Any], *, identity: int = 0) -> Record:
    """Make a user of the fields of a POST body, with roles by id or name, whether or not one of that name exists."""
    roles = [resolve_role(state, role) for role in fields.get("roles", ())]
    record = {
        "id": identity or state.next_number("users"),
        "directory_id": fields.get("directory_id", LOCAL),
        "name": fields["name"],
        "display_name": fields.get("display_name", fields["name"]),
        "email": fields.get("email", ""),
        "description": fields.get("description", ""),
        "roles": [role for role in dict.fromkeys(roles) if role is not None],
        "ui_settings": fields.get("ui_settings", {}),
        "api_key": fields.get("api_key") or make_api_key(),
        "password": hidden(fields.get("password", secrets.token_hex(16))),
    }
    return state.users.add(record)


def create_user(call: Call) -> Record:
    """POST /admin/user → the user without its id."""
    _check_new(call, call.body)
    shown = view(call.world, add_user(call.state, call.body))
    del shown["id"]
    return shown


def _check_new(call: Call, body: Mapping[str, Any]) -> None:
    directory = body.get("directory_id", LOCAL)
    if call.state.directories.get(str(directory)) is None or directory == SYSTEM:
        raise Refusal(400, f"Users can't be created in directory {directory}")
    for role in body.get("roles", ()):
        if resolve_role(call.state, role) is None:
            raise Refusal(400, f"Role {role} doesn't exist", "role-before-user")
    api_key = body.get("api_key")
    if api_key is not None and not API_KEY.fullmatch(api_key):
        raise Refusal(400, "api_key must have at least 10 digits, 10 letters and no run of more than 3 of either")
    if api_key is not None and call.state.users.has("api_key", api_key):
        raise Refusal(400, "api_key is another user's", "duplicate")
    _check_name(call, directory, body["name"])


def _check_name(call: Call, directory: int, name: str) -> None:
    if call.state.users.has("name", directory, name):
        if call.options.user_create_existing == "400":
            raise Refusal(400, f"User {name} exists already", "duplicate")
        call.violate("duplicate", f"a second user {name} in directory {directory}")


def list_users(call: Call) -> bytes:
    """GET /admin/user → every user, api_key in clear."""
    world = call.world
    listing = world.listings.setdefault("users", Listing(call.state.users, lambda user: view(world, user)))
    return listing.text((world.options, call.state.roles.version))


def view(world: World, user: Record) -> Record:
    """A user as the API shows it."""
    roles = user["roles"]
    if world.options.user_roles == "names":
        found = [world.state.roles.get(role) for role in roles]
        roles = [role["name"] for role in found if role is not None]
    identity = user["id"] if world.options.id_type == "integer" else str(user["id"])
    return {name: value for name, value in user.items() if name != "password"} | {"id": identity, "roles": roles}


def delete_user(call: Call) -> dict[str, str]:
    """DELETE /admin/user/{user_id} → {}. Nobody deletes itself, the first user, or a user of the product itself."""
    identity = call.params["user_id"]
    user = call.state.users.get(identity)
    if user is None:
        rule = "deleted-twice" if call.state.was_deleted("users", identity) else "unknown-id"
        raise Refusal(404, f"User {identity} doesn't exist", rule)
    if user["id"] == call.user["id"]:
        raise Refusal(403, "Not Allowed: a user can't delete itself", "self-delete")
    if user["id"] == 1 or user["directory_id"] == SYSTEM:
        raise Refusal(403, "Not Allowed: built-in user", "built-in")
    call.state.forget("users", identity)
    call.world.sessions.close_all(identity)
    return {}


def change_password(call: Call) -> dict[str, bool]:
    """POST /user/changepassword {old_password, new_password} → {success}."""
    if not secrets.compare_digest(call.user["password"], hidden(call.body["old_password"])):
        raise Refusal(400, "The old password isn't right")
    call.state.users.change(str(call.user["id"]), password=hidden(call.body["new_password"]))
    return {"success": True}


def list_user_directories(call: Call) -> list[Record]:
    """GET /admin/userdirectory → every directory."""
    return list(call.state.directories)
