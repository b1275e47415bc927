"""Role: what its users may do. Has no update in the API, and its list isn't documented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from reconciler.errors import BadReply
from reconciler.model import Desired, Identity, Item, LiveObject, Resource
from reconciler.secret import Seal
from reconciler.systems.base import Collection, Kind, Result, Spec, Verb, Work
from reconciler.systems.fields import Text
from reconciler.systems.replies import a_text, accepted, entries, only
from reconciler.systems.view import NotOffered, View
from reconciler.wire import Flow, Request, json_body

Right = Annotated[str, Field(min_length=1, max_length=64)]


class RoleSpec(Spec):
    """``rights`` maps an area to what may be done there; it is compared whole, the verbs as a set."""

    display_name: Text | None = None
    rights: dict[Right, list[Right]] | None = None


def fetch_roles(seal: Seal) -> Flow[Any]:
    """``listRoles``: GET /admin/role → [(id, role)], NotOffered where the server doesn't show it (404, 405)."""
    request = Request("listRoles", "GET", "/admin/role")
    response = yield request
    if response.status in (404, 405):
        return NotOffered(f"GET /admin/role answers {response.status}")
    found = entries(accepted(request, response).json(), "GET /admin/role", ("id", "role_id"))
    for _, role in found:
        a_text(role, "name", "GET /admin/role")
        _rights_map(role.get("rights"))
    return only(found, PUBLIC)


PUBLIC = frozenset({"id", "role_id", "name", "display_name", "rights", "editable"})
ROLES = Collection("roles", fetch_roles, PUBLIC)


class RoleKind(Kind):
    name = "Role"
    spec = RoleSpec
    summary = "What the users who hold it may do."
    reads = ("roles", "users", "userdirectories")
    carried = frozenset({"display_name", "rights"})
    in_use = "role-in-use"
    replace_rule = "replace-not-allowed"

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield (resource.ref.name,)

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        fields: dict[str, Any] = {}
        if resource.spec.display_name is not None:
            fields["display_name"] = resource.spec.display_name
        if resource.spec.rights is not None:
            fields["rights"] = rights(resource.spec.rights)
        yield Item(self.name, (resource.ref.name,), resource.ref.name, fields, resource)

    def live(self, view: View) -> Iterable[LiveObject]:
        listed = view.collection("roles")
        if listed is not None:
            return [_role(id, role) for id, role in listed]
        return _remembered_roles(view)

    def can_find(self, view: View) -> bool:
        return not isinstance(view.collections.get("roles"), NotOffered)

    def precondition(self, verb: Verb, work: Work, view: View) -> str | None:
        if verb is not Verb.DELETE or work.live is None:
            return None
        held = [user.name for user in view.live("User") if work.live.name in user.fields.get("roles", ())]
        return f"{held[0]} holds it now: plan again" if held else None

    def create(self, work: Work, view: View) -> Flow[Result]:
        """``createRole``: POST /admin/role."""
        assert work.item is not None
        fields = dict(work.wanted)
        body = {"name": work.item.identity[0], "display_name": work.item.name, "rights": {}} | fields
        request = Request("createRole", "POST", "/admin/role", body=json_body(body), write=True)
        response = accepted(request, (yield request))
        return Result.done(_id_in(response.body and response.json()))

    def delete(self, work: Work, view: View) -> Flow[Result]:
        """``deleteRole``: DELETE /admin/role/{role_id}."""
        request = Request("deleteRole", "DELETE", f"/admin/role/{quote(work.id, safe='')}", write=True)
        response = yield request
        if response.status != 404:
            accepted(request, response)
        return Result.done()

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        return None if live.facts.get("builtin") else super().exports(live, view)


def rights(given: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Rights in normal form: areas in order, verbs as a sorted set; an area without verbs grants nothing."""
    return {area: tuple(sorted(set(given[area]))) for area in sorted(given) if given[area]}


def _role(id: str, role: Mapping[str, Any]) -> LiveObject:
    fields: dict[str, Any] = {}
    if isinstance(role.get("display_name"), str):
        fields["display_name"] = role["display_name"]
    if "rights" in role:
        fields["rights"] = rights(_rights_map(role["rights"]))
    facts = {"builtin": id == "1" or role.get("editable") is False}
    return LiveObject("Role", (role["name"],), role["name"], id, fields, facts)


def _rights_map(given: Any) -> dict[str, list[str]]:
    if given is None:
        return {}
    if isinstance(given, dict) and all(
        isinstance(verbs, list) and all(isinstance(verb, str) for verb in verbs) for verbs in given.values()
    ):
        return given
    raise BadReply("GET /admin/role: rights is not a map of lists of texts")


def _remembered_roles(view: View) -> list[LiveObject]:
    """Where roles can't be listed: those that the state remembers, and those whose names users show."""
    owned = {one.identity: one for one in view.memory.owned.values() if one.kind == "Role"}
    names = {name for _, user in view.collection("users") or () for name in _texts(user.get("roles"))}
    known = {one.id for one in owned.values()}
    found = {key: LiveObject("Role", key, one.name, one.id, {}, {}) for key, one in owned.items()}
    for name in names - known:
        if not name.isdecimal():
            found.setdefault((name,), LiveObject("Role", (name,), name, None, {}, {}))
    return list(found.values())


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _id_in(data: Any) -> str | None:
    found = data.get("id", data.get("role_id")) if isinstance(data, dict) else None
    return str(found) if isinstance(found, int | str) and not isinstance(found, bool) and found != "" else None
