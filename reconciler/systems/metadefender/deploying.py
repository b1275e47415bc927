"""The rules around instances: what must be there before a deploy, and what an upgrade goes over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from msgspec.structs import replace

from reconciler.model import LiveObject
from reconciler.steps import Action, Step, Target
from reconciler.systems.draft import Draft, Rule, down, up
from reconciler.systems.metadefender.deployment import installers_of
from reconciler.systems.metadefender.entries import AVAILABLE
from reconciler.systems.metadefender.service import TYPES

KNOWN_TYPES = frozenset({"ometascan", "api-gateway", "callback-service", "download-service"})


class ServicesBeforeDeploy(Rule):
    """All five essential services are connected before anything is deployed."""

    name = "services-before-deploy"
    source = "the product's deployment order"

    def hold(self, draft: Draft) -> None:
        going = {step.live.key for step in draft.of("Service", Action.DELETE) if step.live is not None}
        there = {live.identity[0] for live in draft.view.live("Service") if live.key not in going}
        there |= {item.identity[0] for item in draft.view.items("Service")}
        missing = [type for type in TYPES if type not in there]
        if missing and draft.view.trouble(draft.view.system.kinds["Service"]) is None:
            for step in _deploys(draft):
                reason = f"no service of the type {', '.join(missing)} is connected or declared"
                draft.block(step, self.name, reason, "declare the missing services")

    def order(self, draft: Draft) -> None:
        for service in draft.of("Service"):
            for step in _deploys(draft):
                above, mine = up(service), up(step)
                if above is not None and mine is not None and service.live is None:
                    draft.before(above, mine)


class InstallerBeforeDeploy(Rule):
    """An installer of the wanted version is there, or on its way, before a deploy or an upgrade."""

    name = "installer-before-deploy"
    source = "POST /admin/worker/deploy takes an installer_id; an upgrade needs an installer of its version"

    def hold(self, draft: Draft) -> None:
        for step in [*_deploys(draft), *draft.of("Deployment", Action.UPGRADE)]:
            item = step.item
            if item is None or item.resource.spec.installer is not None:
                continue
            if not list(installers_of(draft.view, item.identity[0], item.fields.get("version"))):
                reason = f"no installer of {item.identity[0]} {item.fields.get('version')} is uploaded or declared"
                draft.block(step, self.name, reason, "declare an Installer whose file has that version")


class WorkerNotAvailable(Rule):
    """A worker that is busy with another type, failed or disconnected takes no deploy."""

    name = "worker-not-available"
    source = "GET /admin/worker/available/{installer_id}"

    def hold(self, draft: Draft) -> None:
        leaving = _leaving(draft)
        for step in draft.of("Deployment", Action.CREATE):
            assert step.item is not None
            worker = draft.view.live_index("Worker").get((step.item.identity[1],))
            if worker is None or worker.facts["status"] in (AVAILABLE, ""):
                continue
            if worker.identity[0] in leaving or _goes(draft, worker):
                continue
            reason = f"the worker {worker.name} is {worker.facts['status']}"
            draft.block(step, self.name, reason, "take away what is deployed there, or mend the worker")

    def order(self, draft: Draft) -> None:
        leaving = _leaving(draft)
        for step in draft.of("Deployment", Action.CREATE):
            assert step.item is not None
            for other in leaving[step.item.identity[1]]:
                draft.before(other.id, step.id)


def _leaving(draft: Draft) -> Mapping[str, list[Step]]:
    """The deletions of instances by the address of the worker that each of them frees."""
    found: dict[str, list[Step]] = defaultdict(list)
    for step in draft.of("Deployment", Action.DELETE):
        if step.live is not None:
            found[step.live.identity[1]].append(step)
    return found


def _goes(draft: Draft, worker: LiveObject) -> bool:
    """Whether the plan takes the worker itself away."""
    step = draft.touching(worker.key)
    return step is not None and down(step) is not None


class OneVersionAType(Rule):
    """One upgrade for a type, which goes over every instance of it."""

    name = "one-version-a-type"
    source = "POST /admin/worker/upgrade takes a type and a version, and nothing else"

    def expand(self, draft: Draft) -> None:
        by_type: dict[str, list[Step]] = defaultdict(list)
        for step in draft.of("Deployment", Action.UPGRADE):
            assert step.live is not None
            by_type[step.live.identity[0]].append(step)
        for type, steps in sorted(by_type.items()):
            _merge(draft, type, steps)

    def hold(self, draft: Draft) -> None:
        for step in draft.of("Deployment", Action.UPGRADE):
            strangers = [one.live for one in step.targets if one.item is None and one.live is not None]
            if strangers:
                draft.block(
                    step,
                    self.name,
                    f"the upgrade would go over {strangers[0].name} too, which no document declares",
                    "declare its Deployment, and adopt it",
                )

    def order(self, draft: Draft) -> None:
        """What goes away does so before the upgrade, which would go over it too; what is deployed comes after it."""
        for upgrade in draft.of("Deployment", Action.UPGRADE):
            for step in draft.of("Deployment"):
                below, above = down(step), up(step)
                if step is upgrade or _type_of(step) != _type_of(upgrade):
                    continue
                if below is not None:
                    draft.before(below, upgrade.id)
                if above is not None:
                    draft.before(upgrade.id, above, hard=False)


def _type_of(step: Step) -> str:
    found = step.item or step.live
    return found.identity[0] if found is not None else ""


def _stays(draft: Draft, live: LiveObject) -> bool:
    """Whether an instance is still there, untouched, when the upgrade goes over its type."""
    step = draft.touching(live.key)
    return step is None or not step.action.takes_down


def _merge(draft: Draft, type: str, steps: list[Step]) -> None:
    steps = sorted(steps, key=lambda step: step.live.identity if step.live else ())
    for step in steps:
        draft.drop(step)
    wanted = {step.live.identity: step for step in steps if step.live is not None}
    targets = tuple(
        Target(draft.view.item_of(live), live)
        for live in draft.view.live("Deployment")
        if live.identity[0] == type and _stays(draft, live)
    )
    lead = steps[0]
    assert lead.item is not None
    ordered = sorted(targets, key=lambda one: one.live is None or one.live.identity not in wanted)
    count = f"all {len(targets)} instances" if len(targets) > 1 else "the only instance"
    merged = replace(
        lead,
        id=f"{Action.UPGRADE}/Deployment/{type}",
        name=type,
        targets=tuple(ordered),
        reason=f"{lead.reason}: goes over {count} of the type {type}, one after the other",
    )
    for one in targets:
        if one.item is not None:
            draft.unchanged.pop(one.item.key, None)
    draft.put(merged)


class KnownType(Rule):
    """A type that we have never heard of is passed on, with a warning."""

    name = "unknown-type"
    source = "types exist beyond those that the reference lists"

    def expand(self, draft: Draft) -> None:
        for resource in sorted(draft.view.desired.of("Deployment"), key=lambda one: one.ref):
            if resource.spec.type not in KNOWN_TYPES:
                draft.warnings.append(f"{resource.ref}: the type {resource.spec.type!r} isn't one that we know")


def _deploys(draft: Draft) -> list[Step]:
    return draft.of("Deployment", Action.CREATE, Action.REDEPLOY)
