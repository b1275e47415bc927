"""Whether the server is as documents ask for, judged from both alone."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import Desired, Resource
from reconciler.steps import Plan
from tests.machine.deeds import Snapshot
from tests.machine.server import Center


def unmet(center: Center, desired: Desired, plan: Plan | None) -> list[str]:
    """What is missing or other than it should be, but for what the plan names as held back."""
    back = [one.step for one in (plan.blocked + plan.held if plan else ())]
    excused = {(step.kind, step.name.partition("/")[0]) for step in back}
    if any(step.kind == "Deployment" for step in back):  # an upgrade goes over a whole type
        excused |= {("Deployment", one.ref.name) for one in desired.of("Deployment")}
    now = center.snapshot()
    listed = center.world.options.role_list == "list"  # else nobody can know what roles are
    return [
        f"{resource.ref}: {wrong}"
        for resource in desired.resources.values()
        if (resource.ref.kind, resource.ref.name.partition("/")[0]) not in excused
        for wrong in _wrong(resource, desired, listed, now)
    ]


def _wrong(resource: Resource, desired: Desired, listed: bool, now: Snapshot) -> Iterator[str]:
    if resource.ref.kind == "Deployment":
        yield from _deployment(resource, desired, now)
    look = {"Role": _role, "User": _user, "Service": _service, "Worker": _worker}.get(resource.ref.kind)
    if look is not None:
        yield from look(resource, listed, now)


def _role(resource: Resource, listed: bool, now: Snapshot) -> Iterator[str]:
    found = [one for one in now["roles"].values() if one["name"] == resource.ref.name]
    if len(found) != 1:
        yield f"{len(found)} of them"
    elif resource.spec.rights is not None and listed and _plain(found[0]["rights"]) != _plain(resource.spec.rights):
        yield f"has the rights {found[0]['rights']}"


def _plain(rights: object) -> object:
    assert isinstance(rights, dict)
    return {area: sorted(verbs) for area, verbs in rights.items() if verbs}


def _user(resource: Resource, listed: bool, now: Snapshot) -> Iterator[str]:
    found = [one for one in now["users"].values() if one["name"] == resource.ref.name and one["directory_id"] == 1]
    if len(found) != 1:
        yield f"{len(found)} of them"
        return
    spec = resource.spec
    for name in ("email", "display_name", "description"):
        if getattr(spec, name) is not None and found[0][name] != getattr(spec, name):
            yield f"{name} is {found[0][name]!r}"
    held = {now["roles"][str(role)]["name"] for role in found[0]["roles"] if str(role) in now["roles"]}
    if spec.roles is not None and listed and held != set(spec.roles):
        yield f"holds {sorted(held)}"


def _service(resource: Resource, listed: bool, now: Snapshot) -> Iterator[str]:
    spec = resource.spec
    place = (spec.type, spec.host, spec.port)
    found = [one for one in now["services"].values() if (one["type"], one["host"], one["port"]) == place]
    if len(found) != 1:
        yield f"{len(found)} at {place}"


def _worker(resource: Resource, listed: bool, now: Snapshot) -> Iterator[str]:
    spec = resource.spec
    found = [one for one in now["workers"].values() if (one["host"], one["port"]) == (spec.host, spec.port)]
    if len(found) != 1:
        yield f"{len(found)} of them"
    elif found[0]["display_name"] != resource.ref.name:
        yield f"is called {found[0]['display_name']}"


def _deployment(resource: Resource, desired: Desired, now: Snapshot) -> Iterator[str]:
    spec = resource.spec
    for declared in (one for one in desired.of("Worker") if one.ref.name in spec.workers):
        place = (declared.spec.host, declared.spec.port)
        found = [one for one in now["workers"].values() if (one["host"], one["port"]) == place]
        if not found:
            continue  # the worker's own matter
        instance = found[0]["instance"] or {}
        if found[0]["status"] != "Deployed" or instance.get("type") != spec.type:
            yield f"{declared.ref.name} is {found[0]['status']} {instance.get('type')}"
        elif spec.version is not None and instance.get("version") != spec.version:
            yield f"{declared.ref.name} runs {instance.get('version')}"
