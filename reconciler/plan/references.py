"""References by name: what they mean, what order they demand, and what they keep from going away."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.errors import InvalidTree
from reconciler.load import place
from reconciler.model import Identity, Item, Key, LiveObject, Problem, Reference, Resource
from reconciler.steps import Action, Step, Target
from reconciler.systems.base import Kind
from reconciler.systems.draft import Draft, down, last, up
from reconciler.systems.view import View

Named = tuple[str, str]
"""A kind and a name in it, as a document names an object."""


def check_references(view: View) -> None:
    """Refuse what only the live side shows to be wrong: names of nothing, two documents that mean one object.

    Raises InvalidTree with all of them.
    """
    unknown = {one for one in _named(view) if not _known(view, *one)}
    problems = [_missing(resource, reference) for resource, reference in _naming(view, unknown)]
    problems += [problem for kind in view.system.kinds.values() for problem in _of_kind(view, kind)]
    if problems:
        raise InvalidTree(sorted(problems))


def _named(view: View) -> set[Named]:
    """What documents name, each once: thousands name the same few things."""
    resources = view.desired.resources.values()
    return {(reference.kind, reference.name) for resource in resources for reference in resource.references}


def _naming(view: View, names: Collection[Named]) -> list[tuple[Resource, Reference]]:
    """The references to some names, in the order of the documents' own."""
    found = [
        (resource, reference)
        for resource in (view.desired.resources.values() if names else ())
        for reference in resource.references
        if (reference.kind, reference.name) in names
    ]
    return sorted(found, key=lambda one: one[0].ref)


def _known(view: View, kind_name: str, name: str) -> bool:
    kind = view.system.kinds[kind_name]
    if view.declared(kind_name, name) is not None or view.trouble(kind) is not None:
        return True
    return not kind.can_find(view) or view.live_named(kind_name, name) is not None


def _unchecked(view: View, kind_name: str, name: str) -> bool:
    return view.declared(kind_name, name) is None and not view.system.kinds[kind_name].can_find(view)


def warn_unchecked(draft: Draft) -> None:
    """Say which names are passed through because the server doesn't show what there is."""
    unchecked = {one for one in _named(draft.view) if _unchecked(draft.view, *one)}
    for resource, reference in _naming(draft.view, unchecked):
        draft.warnings.append(
            f"{resource.ref} names the {reference.kind} {reference.name!r}, which nobody declares, "
            "and the server doesn't show whether it is there"
        )


def _missing(resource: Resource, reference: Reference) -> Problem:
    message = (
        f"{resource.ref} names the {reference.kind} {reference.name!r}, which is neither declared nor live: "
        "declare it, or correct the name"
    )
    return Problem(place(resource.document, reference.path), message)


def _of_kind(view: View, kind: Kind) -> Iterator[Problem]:
    """What a kind says of its documents beside the live side, and objects that are asked for twice."""
    if view.trouble(kind) is not None:
        return
    for resource in view.desired.of(kind.name):
        for path, message in kind.check_live(resource, view):
            yield Problem(place(resource.document, ("spec", *path)), message)
    claimed: dict[Identity, Item] = {}
    for item in view.items(kind.name):
        earlier = claimed.setdefault(item.identity, item)
        if earlier is not item:
            message = (
                f"{item.kind}/{item.name} and {earlier.kind}/{earlier.name} ({earlier.resource.document.location})"
            )
            yield Problem(
                item.resource.document.location, f"{message} are the same object ({', '.join(item.identity)})"
            )


def order_by_references(draft: Draft) -> None:
    """What is referred to comes first and goes last."""
    for step in list(draft.steps.values()):
        for target in step.targets:
            if target.item is not None:
                _after_what_it_names(draft, step, target, target.item)
            if target.live is not None:
                _before_what_it_uses(draft, step, target)


def _after_what_it_names(draft: Draft, step: Step, target: Target, item: Item) -> None:
    for key in wanted_keys(draft.view, item):
        other = draft.touching(key)
        if other is not None and other is not step and (there := up(other)) and (mine := up(step)):
            draft.before(there, mine, hard=_depends(draft, step, target, other, key))


def _depends(draft: Draft, step: Step, target: Target, other: Step, key: Key) -> bool:
    """Whether a step can't be done unless another is: what is there and stays there is enough to be named."""
    if target.live is not None and not step.action.takes_down:
        kind = draft.view.system.kinds[step.kind]
        if key in set(kind.refers_to(target.live, draft.view)):
            return False
    return other.live is None or other.action.takes_down


def _before_what_it_uses(draft: Draft, step: Step, target: Target) -> None:
    live = target.live
    assert live is not None
    kind = draft.view.system.kinds[live.kind]
    wanted = set(wanted_keys(draft.view, target.item)) if target.item else set()
    for key in kind.refers_to(live, draft.view):
        other = draft.touching(key)
        if other is None or other is step or (theirs := down(other)) is None:
            continue
        if (mine := down(step)) is not None:
            draft.before(mine, theirs)
        elif key not in wanted:
            draft.before(last(step), theirs)


def wanted_keys(view: View, item: Item) -> Iterator[Key]:
    """The natural keys of what an item's document names (only its own share, where a document asks for several)."""
    kind = view.system.kinds[item.kind]
    yield from kind.item_refers_to(item, view)


def hold_what_is_in_use(draft: Draft) -> None:
    """Hold back what takes away a thing that a live object uses and goes on using."""
    if all(down(step) is None for step in draft.steps.values()):
        return
    for kind in draft.view.system.kinds.values():
        for live in draft.view.live(kind.name):
            for key in kind.refers_to(live, draft.view):
                _keep(draft, live, key)


def _keep(draft: Draft, user: LiveObject, key: Key) -> None:
    step = draft.touching(key)
    if step is None or down(step) is None or step.live is None or step.live.key != key:
        return
    rule = draft.view.system.kinds[step.kind].in_use
    if rule is None or _lets_go(draft, user, key, step):
        return
    draft.block(
        step,
        rule,
        f"{user.kind}/{user.name} uses it",
        f"take {user.kind}/{user.name} away first, or let it use another",
    )


def hold_what_is_named(draft: Draft) -> None:
    """Hold back the deletion of what a document still names, whether or not something uses it yet."""
    if all(step.action is not Action.DELETE for step in draft.steps.values()):
        return
    declared = [item for kind in draft.view.system.kinds for item in draft.view.items(kind)]
    planned = [target.item for step in draft.steps.values() for target in step.targets if target.item is not None]
    for item in [*declared, *planned]:
        for key in wanted_keys(draft.view, item):
            _keep_named(draft, item, key)


def _keep_named(draft: Draft, item: Item, key: Key) -> None:
    step = draft.touching(key)
    if step is None or step.action is not Action.DELETE or step.live is None or step.live.key != key:
        return
    rule = draft.view.system.kinds[step.kind].in_use
    if rule is not None:
        draft.block(
            step,
            rule,
            f"{item.resource.ref} names it",
            f"let {item.resource.ref} name another, or declare it again",
        )


def _lets_go(draft: Draft, user: LiveObject, key: Key, taken: Step) -> bool:
    """Whether the plan itself ends the use before the thing goes away."""
    step = draft.touching(user.key)
    if step is None or not draft.is_free(step):
        return False
    target = draft.target(step, user.key)
    item = target.item if target is not None else None
    wanted = set(wanted_keys(draft.view, item)) if item is not None else set()
    if down(step) is not None:
        return step.action is Action.DELETE or taken.action.brings_up or key not in wanted
    return item is not None and key not in wanted
