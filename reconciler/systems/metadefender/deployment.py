"""Deployment: which installer runs on which workers. Asynchronous; an instance is (type, worker)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from reconciler.errors import BadReply
from reconciler.model import Desired, Identity, Item, Key, LiveObject, Path, Ref, Reference, Resource
from reconciler.steps import Action
from reconciler.systems.base import Kind, Result, Results, Spec, Verb, Waiting, Work
from reconciler.systems.fields import Name, Text, flat, nested
from reconciler.systems.health import Condition, Health, of_status
from reconciler.systems.metadefender.entries import (
    FAILED,
    GOING,
    LOST,
    MOVING,
    RUNNING,
    UPGRADING,
    address,
    has_instance,
    status,
    worker_entries,
)
from reconciler.systems.metadefender.versions import newer, of_file, same_version
from reconciler.systems.metadefender.worker import judged, worker_address
from reconciler.systems.replies import accepted, an_object, json_type
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, json_body


class Config(Spec):
    """Configuration of an ometascan instance."""

    log_level: Literal["debug", "info", "warning", "error"] | None = None
    connection_per_file_service: Annotated[int, Field(ge=1)] | None = None


class DeploymentSpec(Spec):
    """``workers`` and ``installer`` by name; ``version`` where any installer of that version will do."""

    type: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9-]*$")]
    installer: Name | None = None
    version: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9][0-9A-Za-z.-]*$")] | None = None
    workers: list[Name]
    license_id: Text | None = None
    config: Config | None = None


class DeploymentKind(Kind):
    name = "Deployment"
    spec = DeploymentSpec
    summary = "Which installer runs on which workers."
    reads = ("workers", "installers", "services")
    shown_by = ("workers",)
    polls = "workers"
    shrinks = True
    carried = frozenset({"license_id", "config"})

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        if resource.spec.installer is None and resource.spec.version is None:
            yield (), "give installer (an Installer's name) or version"
        if len(set(resource.spec.workers)) != len(resource.spec.workers):
            yield ("workers",), "a worker is named twice"

    def check_all(self, desired: Desired) -> Iterable[tuple[Resource, Path, str]]:
        """A worker runs one instance; an upgrade goes over a whole type, so all its Deployments name one version."""
        first: dict[str, tuple[str, Resource]] = {}
        yield from _two_on_one_worker(desired.of(self.name), desired)
        for resource in desired.of(self.name):
            version, installed = _declared_version(resource, desired), _installer_version(resource, desired)
            if installed is not None and not same_version(version, installed):
                yield resource, ("version",), f"the installer's file is of version {installed}: leave version out"
            if version is None:
                if _names_declared(resource, desired):
                    yield resource, ("installer",), UNTOLD
                continue
            known, other = first.setdefault(resource.spec.type, (version, resource))
            if not same_version(known, version):
                yield resource, (), f"one-version-a-type: this is {version}, and {other.ref} has {known}"

    def references(self, resource: Resource) -> Iterable[Reference]:
        if resource.spec.installer is not None:
            yield Reference(("spec", "installer"), "Installer", resource.spec.installer)
        for index, worker in enumerate(resource.spec.workers):
            yield Reference(("spec", "workers", index), "Worker", worker)

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        for name in resource.spec.workers:
            yield (resource.spec.type, _declared_address(name, desired))

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        spec = resource.spec
        fields: dict[str, Any] = {}
        version = spec.version or _version_of(spec.installer, view)
        if version is not None:
            fields["version"] = version
        if spec.license_id is not None:
            fields["license_id"] = spec.license_id
        if spec.config is not None:
            fields |= flat("config", spec.config.model_dump(exclude_none=True))
        for name in spec.workers:
            worker = view.declared("Worker", name) or view.live_named("Worker", name)
            where = worker.identity[0] if worker else name
            yield Item(self.name, (spec.type, where), f"{resource.ref.name}/{name}", fields, resource)

    def live(self, view: View) -> Iterable[LiveObject]:
        return [_instance(id, worker) for id, worker in view.collection("workers") if has_instance(worker)]

    def refers_to(self, live: LiveObject, view: View) -> Iterable[Key]:
        yield ("Worker", (live.identity[1],))
        for installer in view.live("Installer"):
            if installer.id == live.facts["installer_id"]:
                yield installer.key

    def item_refers_to(self, item: Item, view: View) -> Iterable[Key]:
        yield ("Worker", (item.identity[1],))
        wanted = item.resource.spec.installer
        if wanted is not None:
            found = view.declared("Installer", wanted) or view.live_named("Installer", wanted)
            if found is not None:
                yield found.key
        else:
            yield from installers_of(view, item.identity[0], item.fields.get("version"))

    def same(self, field: str, live: Any, wanted: Any) -> bool:
        return same_version(live, wanted) if field == "version" else super().same(field, live, wanted)

    def decide(self, item: Item, live: LiveObject, changed: frozenset[str], view: View) -> tuple[Action, str]:
        wanted, shown = item.fields.get("version"), live.fields.get("version")
        if changed == {"version"} and wanted and shown and newer(wanted, shown):
            return Action.UPGRADE, f"from {shown} to {wanted}"
        if changed == {"version"}:
            return Action.REDEPLOY, f"from {shown} to {wanted}: a lower version is deployed anew"
        return Action.REDEPLOY, f"{', '.join(sorted(changed))} can't be changed while it is deployed"

    def destructive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        """A redeploy stops an instance and loses nothing: it comes back as its document says."""
        return action is Action.DELETE

    def disruptive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        return action is not Action.CREATE

    def condition(self, live: LiveObject) -> Condition:
        """As :meth:`settled` reads the words: what neither runs nor has failed is on its way."""
        word = live.facts["status"]
        if word in FAILED:
            return Condition(Health.DEGRADED, f"{word}; the Control Center's log says why")
        return of_status(word, INSTANCE, Health.PROGRESSING)

    # --- how it is changed

    def batch(self, verb: Verb, work: Work) -> Hashable | None:
        if verb is Verb.DELETE:
            return verb
        assert work.item is not None
        return (verb, work.item.identity[0], json.dumps(dict(work.wanted), sort_keys=True), work.item.resource.ref)

    def precondition(self, verb: Verb, work: Work, view: View) -> str | None:
        if verb is Verb.CREATE and view.trouble(self) is None and work.item is not None:
            worker = view.live_index("Worker").get((work.item.identity[1],))
            return None if worker is not None else f"the worker {work.item.identity[1]} isn't connected"
        return None

    def perform(self, verb: Verb, works: Sequence[Work], view: View) -> Flow[Results]:
        if verb is Verb.CREATE:
            return (yield from self.deploy(works, view))
        if verb is Verb.DELETE:
            return (yield from self.undeploy(works))
        return (yield from self.upgrade(works))

    def deploy(self, works: Sequence[Work], view: View) -> Flow[Results]:
        """``listAvailableWorkers``, then ``deployWorkers``: POST /admin/worker/deploy for all works at once."""
        item = works[0].item
        assert item is not None
        installer = installer_id(item, view)
        if installer is None:
            return {work.move: Result.refused("no installer of that version is uploaded") for work in works}
        free = yield from fetch_available(installer)
        ids = {work.move: _worker_id(work, view) for work in works}
        taken = {work.move: Result.refused(NOT_AVAILABLE) for work in works if ids[work.move] not in free}
        rest = [work for work in works if work.move not in taken]
        if not rest:
            return taken
        body = nested({name: value for name, value in works[0].wanted.items() if name != "version"})
        body |= {"type": item.identity[0], "installer_id": installer, "worker": [ids[work.move] for work in rest]}
        request = Request("deployWorkers", "POST", "/admin/worker/deploy", body=json_body(body), write=True)
        response = accepted(request, (yield request))
        said = an_object(response.json(), "POST /admin/worker/deploy")
        return taken | {work.move: judged(said.get(ids[work.move] or ""), "deploying", response.hide) for work in rest}

    def undeploy(self, works: Sequence[Work]) -> Flow[Results]:
        """``undeployWorkers``: DELETE /admin/worker/deploy with a list of worker ids."""
        body = json_body([work.id for work in works])
        request = Request("undeployWorkers", "DELETE", "/admin/worker/deploy", body=body, write=True)
        response = accepted(request, (yield request))
        said = an_object(response.json(), "DELETE /admin/worker/deploy")
        return {work.move: judged(said.get(work.id), "undeploying", response.hide) for work in works}

    def upgrade(self, works: Sequence[Work]) -> Flow[Results]:
        """``listUpgradableVersions``, then ``upgradeWorkers``: POST /admin/worker/upgrade, once for the type."""
        item = works[0].item
        assert item is not None
        type, version = item.identity[0], item.fields["version"]
        offered = yield from fetch_upgradable()
        version = next((one for one in offered.get(type, ()) if same_version(one, version)), None)
        if version is None:
            version = item.fields["version"]
            listed = ", ".join(offered.get(type, ())) or "none"
            refused = Result.refused(f"{version} is not among the versions that {type} can be upgraded to ({listed})")
            return {work.move: refused for work in works}
        body = json_body({"type": type, "version": version})
        request = Request("upgradeWorkers", "POST", "/admin/worker/upgrade", body=body, write=True)
        accepted(request, (yield request))
        return {work.move: Result.done() for work in works}

    def settled(self, verb: Verb, work: Work, view: View) -> Result | Waiting:
        if view.trouble(self) is not None:
            return Waiting("the worker list can't be read at the moment")
        live = view.live_index(self.name).get(_identity(work))
        word = live.facts["status"] if live else ""
        if verb is Verb.DELETE:
            return Result.done() if live is None else Waiting(word or "undeploying")
        if word in FAILED:
            return Result.refused("the Control Center says that it failed")
        if live is None:
            return Waiting("not shown yet")
        if verb is Verb.UPGRADE and not same_version(live.fields.get("version"), work.wanted["version"]):
            return Waiting(word or "upgrading")
        return Result.done() if word in RUNNING else Waiting(word or "no status shown")

    def happened(self, verb: Verb, work: Work, view: View) -> bool | None:
        live = view.live_index(self.name).get(_identity(work))
        word = live.facts["status"] if live else ""
        if verb is Verb.DELETE:
            return live is None or word in GOING
        if verb is Verb.CREATE:
            return live is not None
        if live is None:
            return False
        return word in MOVING or same_version(live.fields.get("version"), work.wanted["version"])

    def under_way(self, verb: Verb, work: Work, view: View) -> bool:
        """An upgrade goes over its type one after the other, so another instance may be the one that shows it."""
        live = view.live_index(self.name).get(_identity(work))
        if live is None or verb is Verb.CREATE:
            return False
        if verb is Verb.DELETE:
            return live.facts["status"] in GOING
        alike = (one for one in view.live(self.name) if one.identity[0] == live.identity[0])
        return any(one.facts["status"] in UPGRADING for one in alike)

    def export(self, view: View) -> list[tuple[str, Mapping[str, Any]]]:
        """One document for all instances of a type that are alike."""
        alike: dict[str, list[LiveObject]] = {}
        for live in (one for one in view.live(self.name) if one.fields.get("version")):
            alike.setdefault(json.dumps([live.identity[0], dict(live.fields)]), []).append(live)
        several = len(alike) > 1
        return [
            (f"{group[0].identity[0]}{f'-{number}' if several else ''}", _spec(group, view))
            for number, group in enumerate(alike.values(), 1)
        ]


def _spec(group: Sequence[LiveObject], view: View) -> dict[str, Any]:
    workers = view.live_index("Worker")
    names = [workers[(live.identity[1],)].name for live in group if (live.identity[1],) in workers]
    return {"type": group[0].identity[0], **nested(group[0].fields), "workers": names}


INSTANCE = dict.fromkeys(RUNNING, Health.HEALTHY) | LOST
NOT_AVAILABLE = "worker-not-available: the Control Center doesn't list the worker as available for this installer"


def _two_on_one_worker(resources: Iterable[Resource], desired: Desired) -> Iterable[tuple[Resource, Path, str]]:
    """Instances of two types on one worker (two of one type have one natural key, which is noticed elsewhere)."""
    taken: dict[str, Resource] = {}
    for resource in resources:
        for index, name in enumerate(resource.spec.workers):
            other = taken.setdefault(_declared_address(name, desired), resource)
            if other.spec.type != resource.spec.type:
                yield resource, ("workers", index), f"a worker runs one instance, and {other.ref} has this one already"


def _declared_address(name: str, desired: Desired) -> str:
    """A worker's natural key where a document declares it, else its name, which may be that of a live one."""
    worker = desired.resources.get(Ref("Worker", name))
    return worker_address(worker) if worker is not None else name


UNTOLD = "the version can't be told from the installer's file name: give version as well"


def _names_declared(resource: Resource, desired: Desired) -> bool:
    """Whether the installer is declared with a file, so that its version should be told by that."""
    found = desired.resources.get(Ref("Installer", resource.spec.installer or ""))
    return found is not None and found.spec.file is not None


def _declared_version(resource: Resource, desired: Desired) -> str | None:
    """The version as far as the documents tell it."""
    if resource.spec.version is not None:
        return str(resource.spec.version)
    return _installer_version(resource, desired)


def _installer_version(resource: Resource, desired: Desired) -> str | None:
    """The version that the file name of the declared installer tells."""
    found = desired.resources.get(Ref("Installer", resource.spec.installer or ""))
    told = of_file(found.spec.file or "") if found else None
    return told[1] if told else None


def fetch_available(installer: str) -> Flow[set[str]]:
    """``listAvailableWorkers``: GET /admin/worker/available/{installer_id} → worker ids."""
    request = Request("listAvailableWorkers", "GET", f"/admin/worker/available/{quote(installer, safe='')}")
    data = accepted(request, (yield request)).json()
    return {id for id, _ in worker_entries(data, "GET /admin/worker/available")}


def fetch_upgradable() -> Flow[dict[str, list[str]]]:
    """``listUpgradableVersions``: GET /admin/worker/upgrade/version → type → versions."""
    request = Request("listUpgradableVersions", "GET", "/admin/worker/upgrade/version")
    data = an_object(accepted(request, (yield request)).json(), "GET /admin/worker/upgrade/version")
    for type in ("ometascan", "api-gateway"):
        if type in data and not isinstance(data[type], list):
            raise BadReply(f"GET /admin/worker/upgrade/version: {type} is {json_type(data[type])}, not a list")
    return {type: [str(one) for one in found] for type, found in data.items() if isinstance(found, list)}


def installers_of(view: View, type: str, version: str | None) -> Iterable[Key]:
    """The natural keys of installers, declared or live, of a type and version."""
    for item in view.items("Installer"):
        told = of_file(item.resource.spec.file or "")
        if version and told is not None and told[0] == type and same_version(told[1], version):
            yield item.key
    yield from (live.key for live in view.live("Installer") if version and _is_of(live, type, version))


def _is_of(installer: LiveObject, type: str, version: str | None) -> bool:
    return installer.facts.get("type") == type and same_version(installer.facts.get("version"), version)


def installer_id(item: Item, view: View) -> str | None:
    """The id of the live installer that an instance is deployed from."""
    wanted = item.resource.spec.installer
    if wanted is not None and (declared := view.declared("Installer", wanted)) is not None:
        found = view.pairs("Installer").get(declared.identity)
        return found.id if found else None
    if wanted is not None and (named := view.live_named("Installer", wanted)) is not None:
        return named.id
    version = item.fields.get("version")
    for live in view.live("Installer"):
        if _is_of(live, item.identity[0], version):
            return live.id
    return None


def _version_of(installer: str | None, view: View) -> str | None:
    """An installer's version: what the server shows, else what its file name says."""
    if installer is None:
        return None
    declared = view.declared("Installer", installer)
    live = view.pairs("Installer").get(declared.identity) if declared else view.live_named("Installer", installer)
    if live is not None and live.facts.get("version"):
        return str(live.facts["version"])
    told = of_file(declared.resource.spec.file or "") if declared else None
    return told[1] if told else None


def _worker_id(work: Work, view: View) -> str | None:
    worker = view.live_index("Worker").get((_identity(work)[1],))
    return worker.id if worker else None


def _identity(work: Work) -> Identity:
    found = work.item or work.live
    return found.identity if found else ()


def _instance(id: str, worker: Mapping[str, Any]) -> LiveObject:
    plain = dict(worker)
    type = plain["type"] if isinstance(plain.get("type"), str) else "unknown"
    fields = {name: plain[name] for name in ("version", "license_id") if isinstance(plain.get(name), str)}
    if isinstance(plain.get("config"), dict):
        shown = plain["config"]
        known = {name: shown[name] for name in Config.model_fields if isinstance(shown.get(name), str | int)}
        fields |= flat("config", known)
    installer = plain.get("installer_id")
    facts = {"status": status(plain), "installer_id": None if installer is None else str(installer)}
    name = plain.get("display_name")
    shown = f"{type}/{name}" if isinstance(name, str) and name else f"{type}/{address(plain)}"
    return LiveObject("Deployment", (type, address(plain)), shown, id, fields, facts)
