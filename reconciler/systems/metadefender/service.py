"""Service: the connection to one of the five essential services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from reconciler.errors import BadReply
from reconciler.model import Desired, Identity, Item, LiveObject, Path, Resource
from reconciler.secret import Seal, SecretRef, revealed
from reconciler.steps import Action
from reconciler.systems.base import Collection, Kind, Result, Spec, Verb, Work, distinct
from reconciler.systems.fields import Host, Name, Port, SecretField, Text
from reconciler.systems.health import Condition, Health, of_status
from reconciler.systems.metadefender.frozen import FROZEN, deployed
from reconciler.systems.replies import a_text, accepted, entries, only
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, Response, json_body, one_line

TYPES = ("datalake", "warehouse", "caching", "broker", "filestorage")
CONFIG = ("host", "port", "user", "password", "connection_key")


class ServiceSpec(Spec):
    """A filestorage service takes ``connection_key``, the other four types ``user`` and ``password``."""

    type: Literal["datalake", "warehouse", "caching", "broker", "filestorage"]
    display_name: Name | None = None
    host: Host
    port: Port
    user: Text | None = None
    password: SecretField | None = None
    connection_key: SecretField | None = None


def fetch_services(seal: Seal) -> Flow[Any]:
    """``listServices``: GET /admin/service → [(service_id, service)]."""
    request = Request("listServices", "GET", "/admin/service")
    response = yield request
    found = entries(accepted(request, response).json(), "GET /admin/service", ("service_id", "id"))
    for _, service in found:
        a_text(service, "type", "GET /admin/service")
    return only(found, PUBLIC)


def fetch_status(type: str) -> Flow[str]:
    """``getServiceByType``: GET /admin/service/{service_type} → its status in one line."""
    request = Request("getServiceByType", "GET", f"/admin/service/{quote(type, safe='')}")
    response = yield request
    if response.status == 404:
        return "not connected"
    data = accepted(request, response).json()
    found = data[0] if isinstance(data, list) and data else data
    status = found.get("status") if isinstance(found, dict) else None
    return one_line(response.hide(status)) if isinstance(status, str) else "connected, status not shown"


PLACE = ("host", "port", "user")
PUBLIC = frozenset(
    {"service_id", "id", "type", "display_name", "status", *PLACE, *(f"config/{name}" for name in PLACE)}
)
SERVICES = Collection("services", fetch_services, PUBLIC)


class ServiceKind(Kind):
    name = "Service"
    spec = ServiceSpec
    summary = "The connection to an essential service."
    reads = ("services", "workers")
    unread = frozenset({"password", "connection_key"})
    updatable = frozenset({"display_name", *CONFIG})
    in_use = "service-in-use"
    stable = False

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield _identity(resource)

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        spec = resource.spec
        if spec.type == "filestorage":
            for name in ("user", "password"):
                if getattr(spec, name) is not None:
                    yield (name,), f"a filestorage service takes connection_key, not {name}"
        elif spec.connection_key is not None:
            yield ("connection_key",), f"a {spec.type} service takes user and password, not connection_key"

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        spec = resource.spec
        fields: dict[str, Any] = {"type": spec.type, "display_name": spec.display_name or resource.ref.name}
        fields |= {name: getattr(spec, name) for name in CONFIG if getattr(spec, name) is not None}
        yield Item(self.name, _identity(resource), resource.ref.name, fields, resource)

    def live(self, view: View) -> Iterable[LiveObject]:
        return [_service(id, service) for id, service in view.collection("services")]

    def match(self, items: Sequence[Item], view: View) -> Mapping[Identity, LiveObject]:
        """By type and name; else by host and port; else the only declared one of a type is the only live one."""
        pairs = dict(super().match(items, view))
        for pick in (_same_place, _only_one):
            taken = {live.identity for live in pairs.values()}
            left = [live for live in view.live(self.name) if live.identity not in taken]
            rest = [item for item in items if item.identity not in pairs]
            for item in rest:
                found = pick(item, rest, left)
                if found is not None and found.identity not in {live.identity for live in pairs.values()}:
                    pairs[item.identity] = found
        return pairs

    def condition(self, live: LiveObject) -> Condition:
        return of_status(live.facts["status"], STATUS)

    def needs(self, action: Action, item: Item, live: LiveObject, changed: frozenset[str]) -> frozenset[str]:
        """The config is sent whole; only a cache may do without a user and a password."""
        type = item.identity[0]
        open_cache = type == "caching" and not live.fields.get("user") and "user" not in item.fields
        if changed <= {"display_name"} or open_cache:
            return frozenset()
        return frozenset({"connection_key" if type == "filestorage" else "password"})

    def precondition(self, verb: object, work: Work, view: View) -> str | None:
        if work.live is None or work.changed == {"display_name"} or not deployed(view):
            return None
        return f"{FROZEN}: an instance is deployed now"

    def create(self, work: Work, view: View) -> Flow[Result]:
        """``connectService``: POST /admin/service; ``editService`` right after, where the name wasn't taken."""
        assert work.item is not None
        body = revealed(dict(work.wanted), view.values)
        request = Request("connectService", "POST", "/admin/service", body=json_body(body), write=True)
        result = _connected(accepted(request, (yield request)))
        if result.id is None:
            return result
        listed = dict((yield from fetch_services(Seal(view.target))))
        if listed.get(result.id, {}).get("display_name") != work.wanted["display_name"]:
            edit = _edit(result.id, {"display_name": work.wanted["display_name"]}, ("display_name",))
            accepted(edit, (yield edit))
        return result

    def update(self, work: Work, view: View) -> Flow[Result]:
        """``editService``: PUT /admin/service/{service_id}, the config always whole, its secret included."""
        assert work.live is not None
        body: dict[str, Any] = {"display_name": work.wanted["display_name"]}
        if work.changed != {"display_name"}:
            shown = {name: work.live.fields[name] for name in CONFIG if name in work.live.fields}
            wanted = {name: value for name, value in work.wanted.items() if name in CONFIG}
            body["config"] = revealed({**shown, **wanted}, view.values)
        request = _edit(work.id, body, None)
        accepted(request, (yield request))
        return Result.done()

    def delete(self, work: Work, view: View) -> Flow[Result]:
        """``removeService``: DELETE /admin/service/{service_id}."""
        request = Request("removeService", "DELETE", f"/admin/service/{quote(work.id, safe='')}", write=True)
        response = yield request
        if response.status != 404:
            accepted(request, response)
        return Result.done()

    def happened(self, verb: Verb, work: Work, view: View) -> bool | None:
        """A new service may show another name than it was given (see :meth:`create`), so it is looked for like any."""
        if verb is Verb.CREATE and work.item is not None:
            return work.item.identity in self.match([work.item], view)
        return super().happened(verb, work, view)

    def export(self, view: View) -> list[tuple[str, Mapping[str, Any]]]:
        return distinct(super().export(view))

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        if not {"host", "port"} <= set(live.fields):
            return None
        if live.identity[0] == "filestorage":
            kept = {name: value for name, value in live.fields.items() if name != "user"}
            return {**kept, "connection_key": SecretRef("connection_key")}
        return {**live.fields, "password": SecretRef("password")}


STATUS = {
    **dict.fromkeys(("connected", "ok", "healthy", "running", "ready", "up"), Health.HEALTHY),
    **dict.fromkeys(("connecting", "starting"), Health.PROGRESSING),
    **dict.fromkeys(("disconnected", "failed", "error", "unhealthy", "down", "unreachable"), Health.DEGRADED),
}


def _identity(resource: Resource) -> Identity:
    return (resource.spec.type, resource.spec.display_name or resource.ref.name)


def _service(id: str, service: Mapping[str, Any]) -> LiveObject:
    config = service.get("config")
    if not isinstance(config, dict):
        config = service
    name = service.get("display_name")
    fields = {"type": service["type"]} | ({"display_name": name} if isinstance(name, str) else {})
    fields |= {key: config[key] for key in ("host", "port", "user") if isinstance(config.get(key), str | int)}
    shown = name if isinstance(name, str) and name else service["type"]
    status = service.get("status")
    facts = {"status": one_line(status) if isinstance(status, str) else ""}
    return LiveObject("Service", (service["type"], shown), shown, id, fields, facts)


def _same_place(item: Item, rest: Sequence[Item], left: Sequence[LiveObject]) -> LiveObject | None:
    place = (item.identity[0], item.fields["host"], item.fields["port"])
    found = [live for live in left if (live.identity[0], live.fields.get("host"), live.fields.get("port")) == place]
    return found[0] if len(found) == 1 else None


def _only_one(item: Item, rest: Sequence[Item], left: Sequence[LiveObject]) -> LiveObject | None:
    found = [live for live in left if live.identity[0] == item.identity[0]]
    alike = [other for other in rest if other.identity[0] == item.identity[0]]
    return found[0] if len(found) == 1 and len(alike) == 1 else None


def _connected(response: Response) -> Result:
    data = response.json()
    entry = data[0] if isinstance(data, list) and len(data) == 1 else data
    if not isinstance(entry, dict) or entry.get("result") not in ("ok", "error"):
        raise BadReply("POST /admin/service: the answer holds no result")
    if entry["result"] == "error":
        detail = entry.get("detail")
        words = one_line(response.hide(detail)) if isinstance(detail, str) else "the server gave no detail"
        return Result.refused(words)
    return Result.done(str(entry["service_id"]) if entry.get("service_id") is not None else None)


def _edit(id: str, body: Mapping[str, Any], covers: tuple[str, ...] | None) -> Request:
    path = f"/admin/service/{quote(id, safe='')}"
    return Request("editService", "PUT", path, body=json_body(body), write=True, covers=covers)
