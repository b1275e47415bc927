"""User: an account of the Control Center. Has no update in the API; only its own session changes its password."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from reconciler.errors import BadReply, LoginRefused
from reconciler.model import Desired, Identity, Item, Key, LiveObject, Path, Reference, Resource
from reconciler.secret import Seal, Secret, SecretRef, revealed
from reconciler.steps import Action
from reconciler.systems.base import Collection, Kind, Result, Spec, Verb, Work
from reconciler.systems.fields import Name, SecretField, Text, flat, nested
from reconciler.systems.metadefender.auth import login
from reconciler.systems.replies import a_text, accepted, entries, json_type, only
from reconciler.systems.view import View
from reconciler.wire import AsUser, Flow, Request, json_body

NonNegative = Annotated[int, Field(ge=0)]


class UiSettings(Spec):
    """How the Management Console looks for this user: seconds and hours, none negative."""

    refresh_rate: NonNegative | None = None
    engine_time_period: NonNegative | None = None
    processing_chart_time_period: NonNegative | None = None
    summary_time_period: NonNegative | None = None


class UserSpec(Spec):
    """``directory`` and ``roles`` by name. ``previous_password`` is what a changed password is changed from."""

    display_name: Text | None = None
    email: Text | None = None
    description: Text | None = None
    directory: Name = "LOCAL"
    roles: list[Name] | None = None
    ui_settings: UiSettings | None = None
    password: SecretField | None = None
    previous_password: SecretField | None = None
    api_key: SecretField | None = None


PLAIN = ("display_name", "email", "description")


@lru_cache(maxsize=1000)  # ten thousand users name the same few roles, and share what says so
def _role(index: int, name: str) -> Reference:
    return Reference(("spec", "roles", index), "Role", name)


def seal_api_keys(seal: Seal, data: Any) -> Any:
    """The border of every reply that holds users: each ``api_key`` becomes its fingerprint, and ``is_self``."""
    for user in data if isinstance(data, list) else [data]:
        if isinstance(user, dict) and "api_key" in user:
            key = user.pop("api_key")
            if isinstance(key, str) and key and isinstance(user.get("name"), str):
                user["sealed_key"] = seal.fingerprint("User", (user["name"],), "api_key", key)
                user["is_self"] = seal.is_own(key)
    return data


def fetch_users(seal: Seal) -> Flow[Any]:
    """``listUsers``: GET /admin/user → [(id, user)], without any key."""
    request = Request("listUsers", "GET", "/admin/user", border=partial(seal_api_keys, seal))
    response = yield request
    found = entries(accepted(request, response).json(), "GET /admin/user", ("id",))
    for _, user in found:
        a_text(user, "name", "GET /admin/user")
        _check_user(user)
    return only(found, SHOWN)


_NAME_OR_ID = frozenset({int, str})


def _check_user(user: Mapping[str, Any]) -> None:
    """What a user's natural key and the use of its roles are told by has to be there. Raises BadReply."""
    directory, roles = user.get("directory_id"), user.get("roles")
    if directory.__class__ not in _NAME_OR_ID:
        raise BadReply(f"GET /admin/user: directory_id is {json_type(directory)}")
    if roles is not None and not (isinstance(roles, list) and _NAME_OR_ID.issuperset(map(type, roles))):
        raise BadReply("GET /admin/user: roles is not a list of names or ids")


def fetch_directories(seal: Seal) -> Flow[Any]:
    """``listUserDirectories``: GET /admin/userdirectory → {id: name}."""
    request = Request("listUserDirectories", "GET", "/admin/userdirectory")
    response = yield request
    found = entries(accepted(request, response).json(), "GET /admin/userdirectory", ("id",))
    return {id: a_text(entry, "name", "GET /admin/userdirectory") for id, entry in found}


PUBLIC = frozenset({"id", "name", "directory_id", "roles", "editable", "is_self", *PLAIN}).union(
    f"ui_settings/{name}" for name in UiSettings.model_fields
)
SHOWN = PUBLIC | {"sealed_key"}
USERS = Collection("users", fetch_users, PUBLIC)
DIRECTORIES = Collection("userdirectories", fetch_directories, frozenset({"id", "name"}))


class UserKind(Kind):
    name = "User"
    spec = UserSpec
    summary = "An account, with the roles that it holds."
    reads = ("users", "roles", "userdirectories")
    unread = frozenset({"password"})
    sealed = frozenset({"api_key"})
    carried = frozenset({*PLAIN, "roles", "ui_settings"})
    needed = frozenset({"password"})
    lost = "its id, and its api_key if that was generated"
    replace_rule = "replace-not-allowed"

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield (resource.spec.directory, resource.ref.name)

    def references(self, resource: Resource) -> Iterable[Reference]:
        for index, role in enumerate(resource.spec.roles or ()):
            yield _role(index, role)

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        if resource.spec.previous_password is not None and resource.spec.password is None:
            yield ("previous_password",), "previous_password is of use only together with password"

    def check_live(self, resource: Resource, view: View) -> Iterable[tuple[Path, str]]:
        known = (view.collection("userdirectories") or {}).values()
        if resource.spec.directory not in known:
            yield ("directory",), f"no user directory has this name; there are {', '.join(sorted(known))}"

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        spec = resource.spec
        fields: dict[str, Any] = {name: value for name in PLAIN if (value := getattr(spec, name)) is not None}
        fields["directory"] = spec.directory
        if spec.roles is not None:
            fields["roles"] = tuple(sorted(set(spec.roles)))
        if spec.ui_settings is not None:
            fields |= flat("ui_settings", spec.ui_settings.model_dump(exclude_none=True))
        for name in ("password", "api_key"):
            if (value := getattr(spec, name)) is not None:
                fields[name] = value
        yield Item(self.name, (spec.directory, resource.ref.name), resource.ref.name, fields, resource)

    def live(self, view: View) -> Iterable[LiveObject]:
        directories = view.collection("userdirectories")
        names = {role.id: role.name for role in view.live("Role") if role.id is not None}
        return [_user(id, user, directories, names, view.own_user) for id, user in view.collection("users")]

    def refers_to(self, live: LiveObject, view: View) -> Iterable[Key]:
        return [("Role", (role,)) for role in live.fields.get("roles", ())]

    def item_refers_to(self, item: Item, view: View) -> Iterable[Key]:
        """The roles that it is to hold: those that the document names, and those that a replacement carries over."""
        return [("Role", (role,)) for role in item.fields.get("roles", ())]

    def same(self, field: str, live: Any, wanted: Any) -> bool:
        """A role whose name nobody tells (where roles can't be listed) may be any of those that are wanted."""
        if field == "roles" and any(role.isdecimal() for role in live):
            told = {role for role in live if not role.isdecimal()}
            return len(live) == len(wanted) and told <= set(wanted)
        return super().same(field, live, wanted)

    def decide(self, item: Item, live: LiveObject, changed: frozenset[str], view: View) -> tuple[Action, str]:
        if changed == {"password"} and item.resource.spec.previous_password is not None:
            return Action.UPDATE, "changed through the user's own session"
        fields = ", ".join(sorted(changed))
        more = "; with previous_password it could be changed in place" if changed == {"password"} else ""
        return Action.REPLACE, f"the API can't change a user's {fields}{more}"

    def create(self, work: Work, view: View) -> Flow[Result]:
        """``createUser``: POST /admin/user; the reply holds no id."""
        assert work.item is not None
        directory, name = work.item.identity
        body = revealed(nested(work.wanted), view.values)
        del body["directory"]
        body |= {"name": name, "directory_id": _directory_id(directory, view)}
        if "roles" in body:
            ids = {role.name: role.id for role in view.live("Role")}
            body["roles"] = [ids.get(role) or role for role in body["roles"]]
        request = Request("createUser", "POST", "/admin/user", body=json_body(body), write=True, border=drop_api_key)
        accepted(request, (yield request))
        return Result.done()

    def update(self, work: Work, view: View) -> Flow[Result]:
        """``changePassword``: POST /user/changepassword, in a session of that user's own."""
        assert work.item is not None
        spec = work.item.resource.spec
        old, new = view.values[spec.previous_password.name], view.values[spec.password.name]
        try:
            headers = yield from login(work.item.identity[1], old)
        except LoginRefused as refused:
            return (yield from _changed_already(work.item.identity[1], new, refused))
        body = json_body({"old_password": old.reveal(), "new_password": new.reveal()})
        request = Request(
            "changePassword",
            "POST",
            "/user/changepassword",
            body=body,
            session=AsUser(headers),
            write=True,
            covers=("password",),
        )
        response = yield request
        yield _logout(headers)
        data = accepted(request, response).json()
        if isinstance(data, dict) and data.get("success") is False:
            return Result.refused("the Control Center did not take the new password")
        return Result.done()

    def delete(self, work: Work, view: View) -> Flow[Result]:
        """``deleteUser``: DELETE /admin/user/{user_id}."""
        request = Request("deleteUser", "DELETE", f"/admin/user/{quote(work.id, safe='')}", write=True)
        response = yield request
        if response.status != 404:
            accepted(request, response)
        return Result.done()

    def cost(self, verb: Verb, work: Work) -> Sequence[str]:
        return ("POST",) if verb is Verb.UPDATE else super().cost(verb, work)

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        if live.facts["builtin"] or live.facts["is_self"]:
            return None
        spec = nested({name: value for name, value in live.fields.items() if name != "api_key"})
        return {**spec, "password": SecretRef("password")}


def _changed_already(user: str, new: Secret, refused: LoginRefused) -> Flow[Result]:
    """After a crash between the change and its entry's end: one login with the new password tells."""
    try:
        headers = yield from login(user, new)
    except LoginRefused:
        return Result.refused(f"neither the previous nor the new password opens a session: {refused.message}")
    yield _logout(headers)
    return Result.done()


def _logout(headers: Mapping[str, Secret]) -> Request:
    return Request("logout", "POST", "/logout", session=AsUser(headers))


def drop_api_key(data: Any) -> Any:
    """The border of a create's reply: nobody needs the key that it shows."""
    if isinstance(data, dict):
        data.pop("api_key", None)
    return data


def _directory_id(name: str, view: View) -> int | str:
    for id, found in (view.collection("userdirectories") or {}).items():
        if found == name:
            return int(id) if id.isdecimal() else str(id)
    raise BadReply(f"the Control Center knows no user directory {name!r}")


UI_SETTINGS = tuple((name, *flat("ui_settings", {name: None})) for name in sorted(UiSettings.model_fields))
"""The name of each in a reply, and as a field."""


def _user(
    id: str, user: Mapping[str, Any], directories: Mapping[str, str], names: Mapping[str, str], own: str | None
) -> LiveObject:
    number, roles, shown = str(user.get("directory_id")), user.get("roles"), user.get("ui_settings")
    directory = directories.get(number, number)
    fields: dict[str, Any] = {name: value for name in PLAIN if isinstance(value := user.get(name), str)}
    fields["directory"] = directory
    if isinstance(roles, list):
        fields["roles"] = tuple(sorted({names.get(role, role) for role in map(str, roles)}))
    if isinstance(shown, dict):
        for name, field in UI_SETTINGS:
            if (value := shown.get(name)).__class__ is int and value >= 0:
                fields[field] = value
    if user.get("sealed_key"):
        fields["api_key"] = user["sealed_key"]
    builtin = id == "1" or directory == "SYSTEM" or user.get("editable") is False
    is_self = user.get("is_self") is True or (own is not None and user["name"] == own)
    return LiveObject("User", (directory, user["name"]), user["name"], id, fields, _facts(builtin, is_self))


@cache  # of ten thousand users, nearly all have the same
def _facts(builtin: bool, is_self: bool) -> Mapping[str, Any]:
    return {"builtin": builtin, "is_self": is_self}
