"""``service-frozen-after-deploy``: a service can be neither edited nor removed while anything is deployed."""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.model import LiveObject
from reconciler.steps import Action, Step
from reconciler.systems.draft import Draft, Rule, down, first, last, make_step, up
from reconciler.systems.view import View

FROZEN = "service-frozen-after-deploy"


def deployed(view: View) -> tuple[LiveObject, ...]:
    """Every instance that is deployed, deploying, upgrading or undeploying."""
    return view.live("Deployment")


def freezes(step: Step) -> bool:
    """Whether the step is an edit or a removal that a deployed instance forbids (another display name isn't)."""
    if step.kind != "Service" or step.live is None:
        return False
    return step.action is not Action.UPDATE or any(change.path != "/display_name" for change in step.changes)


class ServiceFrozen(Rule):
    """Hold edits back, or, with ``redeploy`` allowed, take every instance down around them."""

    name = FROZEN
    source = "PUT and DELETE /admin/service/{service_id}: not after instances have been deployed"

    def expand(self, draft: Draft) -> None:
        edits = [step for step in draft.of("Service") if freezes(step) and draft.is_free(step)]
        if not edits or not draft.policy.allows("redeploy"):
            return
        for step in edits:
            draft.put(replace(step, group=FROZEN, disruptive=bool(deployed(draft.view))))
        for live in deployed(draft.view):
            _redeploy(draft, live)

    def hold(self, draft: Draft) -> None:
        for step in draft.of("Service"):
            if not freezes(step):
                continue
            staying = [live for live in deployed(draft.view) if not _goes_down(draft, live)]
            if staying:
                draft.block(step, self.name, _reason(staying), _remedy(draft, staying))

    def order(self, draft: Draft) -> None:
        edits = [step for step in draft.of("Service") if freezes(step)]
        for edit in edits:
            for step in draft.of("Deployment"):
                below, above = down(step), up(step)
                if below is not None:
                    draft.before(below, first(edit))
                if above is not None and step.action is not Action.UPGRADE:
                    draft.before(last(edit), above, hard=draft.is_free(edit))


def _goes_down(draft: Draft, live: LiveObject) -> bool:
    step = draft.touching(live.key)
    return step is not None and down(step) is not None and draft.is_free(step)


def _redeploy(draft: Draft, live: LiveObject) -> None:
    """Turn what happens to a declared instance into: down before the edit, up again after it."""
    item = draft.view.item_of(live)
    step = draft.touching(live.key)
    if step is not None and step.action in (Action.DELETE, Action.REDEPLOY):
        draft.put(replace(step, group=FROZEN))
    elif item is not None:
        changes = step.changes if step is not None else ()
        if step is not None:
            draft.drop(step)
        draft.unchanged.pop(item.key, None)
        reason = "a service can only be edited while nothing is deployed: down meanwhile"
        draft.add(make_step(draft.view, Action.REDEPLOY, item, live, changes=changes, reason=reason, group=FROZEN))


def _reason(staying: list[LiveObject]) -> str:
    names = ", ".join(live.name for live in staying[:3]) + (f" and {len(staying) - 3} more" if len(staying) > 3 else "")
    return f"services can't be edited or removed while instances are deployed ({names})"


def _remedy(draft: Draft, staying: list[LiveObject]) -> str:
    strangers = [live for live in staying if draft.view.item_of(live) is None]
    if strangers and draft.policy.allows("redeploy"):
        return f"declare and adopt the Deployment of {strangers[0].name} too, or undeploy it by hand"
    return "--allow redeploy undeploys all of them, edits, and deploys them again; they are down meanwhile"
