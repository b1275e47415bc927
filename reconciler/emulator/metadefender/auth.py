"""Login, logout, whose request it is, and what that user may do.

A role's `rights` are lists of verbs by area, {"users": ["read", "write"]}. A GET needs "read" and everything else
"write" for the operation's area; a user has the rights of all its roles together. Areas are users, roles, settings,
workers (with deployments), services and installers.
"""

from __future__ import annotations

import secrets

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.sessions import Session
from reconciler.emulator.metadefender.state import LOCAL, hidden
from reconciler.emulator.metadefender.world import Call, World
from reconciler.emulator.refusal import Refusal


def login(call: Call) -> dict[str, str]:
    """POST /login {user, password} → {session_id, oms-csrf-token}."""
    user = _recognised(call.world, call.body["user"], call.body["password"])
    call.user = user
    session = _opened(call.world, user, call.address)
    return {"session_id": session.session_id, "oms-csrf-token": session.csrf_token}


def logout(call: Call) -> dict[str, str]:
    """POST /logout → {response}. An api_key is no session, so there is nothing to end."""
    if not call.world.sessions.close(call.apikey):
        raise Refusal(400, "There is no session to end", "logout-of-api-key")
    return {"response": "Logout success"}


def identify(world: World, apikey: str, address: str) -> Record:
    """The user whose session or api_key this is; Refusal if it is nobody's."""
    session = world.sessions.use(apikey, address, world.state.settings["session"])
    if session is not None:
        user = world.state.users.get(session.user_id)
    else:
        user = next(iter(world.state.users.tagged("api_key", apikey)), None)
    if user is None:
        raise Refusal(world.options.expired_session, "Invalid user information")
    return user


def known(world: World, apikey: str) -> str | None:
    """The name of whose session or api_key this looks like; it isn't used by that, and may be over."""
    session = world.sessions.get(apikey)
    users = world.state.users
    user = users.get(session.user_id) if session else next(iter(users.tagged("api_key", apikey)), None)
    return str(user["name"]) if user else None


def authorise(world: World, user: Record, area: str, verb: str) -> None:
    """Refusal if no role of the user gives `verb` for `area`."""
    for identity in user["roles"]:
        role = world.state.roles.get(identity)
        if role is not None and verb in role["rights"].get(area, ()):
            return
    raise Refusal(405, "The user has no rights for this operation.")


def _recognised(world: World, name: str, password: str) -> Record:
    directory = world.state.directories.get(str(LOCAL))
    assert directory is not None
    if world.lockouts.locked(directory, name):
        raise Refusal(403, "User is locked out", "login-while-locked")
    for user in world.state.users.tagged("name", LOCAL, name):
        if directory["enabled"] and secrets.compare_digest(user["password"], hidden(password)):
            world.lockouts.accepted(directory, name)
            return user
    world.lockouts.refused(directory, name)
    raise Refusal(403, "Invalid credentials")


def _opened(world: World, user: Record, address: str) -> Session:
    identity = str(user["id"])
    duplicates = world.state.settings["session"]["allowDuplicateSession"]
    if not duplicates and world.options.second_login == "ends-first":
        world.sessions.close_all(identity)
    return world.sessions.open(identity, address)
