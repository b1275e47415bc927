"""ServiceSetting: replicas, retention and encryption at rest of the file storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from reconciler.errors import BadReply
from reconciler.model import Item, Key, LiveObject, Path, Resource
from reconciler.secret import SecretRef, revealed
from reconciler.steps import Action
from reconciler.systems.base import Collection, Result, Spec, Verb, Work
from reconciler.systems.fields import Hours, SecretField, flat, nested
from reconciler.systems.metadefender.settings import SettingKind, fetch_setting, lowers, number
from reconciler.systems.replies import accepted, an_object
from reconciler.systems.view import View
from reconciler.wire import NEVER_READ, Flow, Request, json_body, one_line

PATH = "/admin/service/filestorage/setting"
Replicas = Annotated[int, Field(ge=1, le=1000)]
Plain = str | int | bool


class Storage(Spec):
    """At-rest data protection: ``salt`` or ``none``; values of ``config`` may be secrets."""

    type: Literal["salt", "none"] | None = None
    config: dict[str, Annotated[SecretField | Plain, Field(union_mode="left_to_right")]] | None = None


class ServiceSettingSpec(Spec):
    """1/1 is one shard without a backup; min > 1 and max > min is highly available; min = max > 1 is strict."""

    max_replica: Replicas | None = None
    min_replica: Replicas | None = None
    cleanuprange: Hours | None = None
    storage: Storage | None = None


PUBLIC = frozenset({"max_replica", "min_replica", "cleanuprange", "storage/type"})
FIELDS = ("max_replica", "min_replica", "cleanuprange", "storage")


WITHHELD = "withheld"
"""Beside ``storage``: the names in its config whose values the server doesn't show, or that we don't look at."""


def withhold(data: Any) -> Any:
    """The border of the reply: what can't be sent back as it was read isn't read, only its name."""
    if not isinstance(data, dict):
        return data
    storage = data.get("storage")
    config = storage.get("config") if isinstance(storage, dict) else None
    if isinstance(config, dict):
        names = sorted(name for name, value in config.items() if name in NEVER_READ or _masked(value))
        for name in names:
            del config[name]
        return {**data, WITHHELD: names}
    return {name: value for name, value in data.items() if name != WITHHELD}


def _masked(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not value.strip("*•")


def fetch_service_setting() -> Flow[Any]:
    """``getServiceSetting``: its object, which shows at least one of its fields; NotOffered (404, 405)."""
    found = yield from fetch_setting("getServiceSetting", PATH, frozenset({*FIELDS, WITHHELD}), withhold)
    if isinstance(found, dict) and not found:
        raise BadReply(f"GET {PATH}: the answer has none of its fields ({', '.join(FIELDS)})")
    return found


SETTING = Collection("filestorage-setting", lambda seal: fetch_service_setting(), PUBLIC)


class ServiceSettingKind(SettingKind):
    name = "ServiceSetting"
    spec = ServiceSettingSpec
    summary = "Replicas, retention and encryption of the file storage."
    reads = ("filestorage-setting", "services", "workers")
    identity = ("filestorage",)
    updatable = frozenset(FIELDS)
    sends_unknown = True
    # Documents may give these in clear, and a guess mustn't make a plan tell what is there.
    veiled = ("storage/config/",)

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        spec = resource.spec
        if resource.ref.name != "filestorage":
            yield (), "only the file storage has settings: metadata.name must be filestorage"
        if spec.min_replica is not None and spec.max_replica is not None and spec.min_replica > spec.max_replica:
            yield ("min_replica",), "min_replica is greater than max_replica"

    def wanted(self, spec: Any) -> dict[str, Any]:
        fields = {name: getattr(spec, name) for name in ("max_replica", "min_replica", "cleanuprange")}
        fields = {name: value for name, value in fields.items() if value is not None}
        if spec.storage is not None:
            if spec.storage.type is not None:
                fields["storage/type"] = spec.storage.type
            fields |= flat("storage/config", spec.storage.config or {})
        return fields

    def live(self, view: View) -> Iterable[LiveObject]:
        connected = any(one.identity[0] == "filestorage" for one in view.live("Service"))
        fields = self.shown(view) if connected else {}
        yield LiveObject(self.name, self.identity, "filestorage", None, fields, {"unconnected": not connected})

    def shown(self, view: View) -> Mapping[str, Any]:
        data = view.collection("filestorage-setting") or {}
        fields: dict[str, Any] = {}
        for name in ("max_replica", "min_replica", "cleanuprange"):
            fields |= number(data, name)
        if isinstance(data.get("storage"), dict):
            storage = an_object(data["storage"], f"GET {PATH}: storage")
            if isinstance(storage.get("type"), str):
                fields["storage/type"] = storage["type"]
            if isinstance(storage.get("config"), dict):
                plain = {key: one for key, one in storage["config"].items() if isinstance(one, str | int | bool)}
                fields |= flat("storage/config", plain)
        return fields

    def item_refers_to(self, item: Item, view: View) -> Iterable[Key]:
        """It belongs to the file storage service: the declared one, else the one that is there."""
        found = [one.key for one in view.items("Service") if one.identity[0] == "filestorage"]
        return found or [one.key for one in view.live("Service") if one.identity[0] == "filestorage"]

    def destructive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        if item is None or live is None or live.facts["unconnected"]:
            return False
        before = live.fields
        fewer = any(
            name in changed and isinstance(before.get(name), int) and item.fields[name] < before[name]
            for name in ("max_replica", "min_replica")
        )
        shorter = "cleanuprange" in changed and lowers(before.get("cleanuprange"), item.fields["cleanuprange"])
        # The reference doesn't say whether files that were stored under another protection can still be read.
        protected_otherwise = any(name.startswith("storage/") for name in changed)
        return fewer or shorter or protected_otherwise

    def precondition(self, verb: Verb, work: Work, view: View) -> str | None:
        """What is sent whole has to be known whole: a config that lost a value would shut out what it protects."""
        withheld = (view.collection("filestorage-setting") or {}).get(WITHHELD, ())
        lacking = [name for name in withheld if not flat("storage/config", {name: 1}).keys() & work.wanted.keys()]
        if not lacking:
            return None
        names = one_line(", ".join(lacking))
        return f"storage is sent whole, and the server doesn't show {names}: give that in storage.config"

    def update(self, work: Work, view: View) -> Flow[Result]:
        """``putServiceSetting``: PUT /admin/service/{service_type}/setting, whole, with what no field stands for.

        The reference gives a default for the fields of the request and doesn't say that one left out stays as it is. So
        what isn't managed is sent back as it was read right before, ``storage`` included.
        """
        shown = work.live.fields if work.live else {}
        body = revealed(nested({**shown, **work.wanted}), view.values)
        if shown and isinstance(storage := (view.collection("filestorage-setting") or {}).get("storage"), dict):
            body["storage"] = _over(storage, body.get("storage", {}))
        request = Request("putServiceSetting", "PUT", PATH, body=json_body(body), write=True)
        accepted(request, (yield request))
        return Result.done()

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        if not live.fields:
            return None
        hidden = {name: SecretRef("filestorage-storage") for name in live.fields if name.startswith("storage/config/")}
        return nested({**live.fields, **hidden})


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two maps as one; where both hold a map, that is treated likewise."""
    both = {name: _over(one, above[name]) for name, one in below.items() if _maps(one, above.get(name))}
    return {**below, **above, **both}


def _maps(*values: Any) -> bool:
    return all(isinstance(one, dict) for one in values)
