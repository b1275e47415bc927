"""The first draft: each object that a document asks for, or that we own, against what is there."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

from msgspec.structs import replace

from reconciler.diff import Difference, compare, explain, listing
from reconciler.memory import Owned
from reconciler.model import Item, LiveObject, Ref
from reconciler.secret import SHOWN, SecretRef
from reconciler.steps import UNKNOWN, Action, Step, Unknown
from reconciler.systems.base import Kind
from reconciler.systems.draft import Draft, make_step


def hold_unsettled(draft: Draft) -> None:
    """Hold back the steps on objects of which an earlier write's effect isn't known."""
    tries = Counter(key for entry in draft.view.memory.open for key in entry.objects)
    for entry in draft.view.memory.open:
        for key in entry.objects:
            step = draft.touching(key)
            if step is not None and tries[key] > draft.view.system.kinds[step.kind].second_tries:
                draft.block(
                    step,
                    "unknown-outcome",
                    f"an earlier {entry.operation} got no answer, and the server doesn't show whether it was done",
                    _remedy(draft.view.system.kinds[step.kind], step.name, entry.entry),
                )


def _remedy(kind: Kind, name: str, entry: int) -> str:
    if kind.one_way:
        return f"ask those who run it; if it was done: `reconciler adopt {kind.name} {name}`"
    not_there = f"if it isn't: `reconciler resolve {entry} --as not-done`"
    return f"look in the console; if it is there: `reconciler adopt {kind.name} {name} --id ID`; {not_there}"


def compare_kind(draft: Draft, kind: Kind) -> None:
    """Draft the steps of one kind."""
    view = draft.view
    items = view.items(kind.name)
    trouble = view.trouble(kind)
    if trouble is not None:
        _unreadable(draft, kind, items, trouble)
        return
    pairs = view.pairs(kind.name)
    _warn_of_doubles(draft, kind)
    for item in items:
        live = pairs.get(item.identity)
        if live is None:
            _create(draft, item)
        else:
            _compare(draft, kind, item, live)
    if kind.one_way:
        _warn_of_forgotten(draft, kind)
        return
    matched = {live.identity for live in pairs.values()}
    mine = (owned for owned in view.memory.owned.values() if owned.kind == kind.name)
    for owned in sorted((one for one in mine if one.identity not in matched), key=attrgetter("identity")):
        _orphan(draft, kind, owned)


def _warn_of_doubles(draft: Draft, kind: Kind) -> None:
    """Two live objects with one natural key: only one of them is looked after, and people should know."""
    if len(draft.view.live_index(kind.name)) == len(draft.view.live(kind.name)):
        return
    count = Counter(live.identity for live in draft.view.live(kind.name))
    for identity in sorted(identity for identity, number in count.items() if number > 1):
        shown = ", ".join(identity)
        draft.warnings.append(f"{kind.name}: the server shows {count[identity]} objects with one natural key ({shown})")


def _warn_of_forgotten(draft: Draft, kind: Kind) -> None:
    """Taking the document of something final away changes nothing; the plan says so, once for all of them."""
    declared = {item.identity for item in draft.view.items(kind.name)}
    count = sum(live.identity not in declared for live in draft.view.live(kind.name))
    if count:
        what = f"{count} acknowledged {'has' if count == 1 else 'have'} no document any more"
        draft.warnings.append(f"{kind.name}: {what}; that changes nothing there, and nothing is sent again")


def _unreadable(draft: Draft, kind: Kind, items: tuple[Item, ...], trouble: str) -> None:
    for item in items:
        step = draft.add(make_step(draft.view, Action.UPDATE, item, None))
        draft.block(
            step,
            "unreadable",
            f"the live side couldn't be read ({trouble})",
            "mend the reading first: nothing of this kind is written meanwhile",
        )
    if not items and any(owned.kind == kind.name for owned in draft.view.memory.owned.values()):
        draft.warnings.append(f"{kind.name}: the live side couldn't be read ({trouble}), so nothing of it is judged")


def _create(draft: Draft, item: Item) -> None:
    unfinished = draft.view.memory.unfinished.get(item.key)
    lost = _vanished(draft, item)
    reason = ""
    if unfinished:
        item = replace(item, fields={**unfinished.fields, **item.fields})
        reason = "finishes a replacement that was cut short"
    elif lost is not None:
        reason = "it was ours and has vanished"
    step = draft.add(make_step(draft.view, Action.CREATE, item, None, changes=listing(item.fields), reason=reason))
    if lost is not None and not unfinished:
        draft.vanished[step.id] = lost.key


def _vanished(draft: Draft, item: Item) -> Owned | None:
    """What we remember of an object that isn't there; where its natural key isn't the document's, by the document."""
    view, kind = draft.view, draft.view.system.kinds[item.kind]
    found = view.memory.owned.get(item.key)
    if found is not None or kind.stable:
        return found
    name, index = item.resource.ref.name, view.live_index(item.kind)
    mine = [one for one in view.memory.owned.values() if (one.kind, one.document) == (item.kind, name)]
    return next((one for one in mine if one.identity not in index), None)


def _compare(draft: Draft, kind: Kind, item: Item, live: LiveObject) -> None:
    difference = compare(item, live, kind, draft.view)
    if difference.unknown:
        difference = _resend(difference, kind, item, draft)
    if difference.unknown:
        draft.unknown.append(_unknown(item, difference))
    if not difference.changed:
        draft.unchanged[item.key] = item
        condition = kind.condition(live)
        if condition.unwell:
            draft.warnings.append(f"{item.kind}/{item.name}: {condition.words}")
        return
    draft.add(_changed_step(draft, kind, item, live, difference))


def _changed_step(draft: Draft, kind: Kind, item: Item, live: LiveObject, difference: Difference) -> Step:
    changed = frozenset(difference.changed)
    action, reason = kind.decide(item, live, changed, draft.view)
    return make_step(draft.view, action, item, live, changes=explain(difference), changed=changed, reason=reason)


def _resend(difference: Difference, kind: Kind, item: Item, draft: Draft) -> Difference:
    """Count unknown fields as changed where the kind sends them once, or ``--resend`` asks for it."""
    sendable = {
        name
        for name in difference.unknown
        if (kind.sends_unknown or draft.policy.resend)
        and kind.updates(name)
        and not any(words in difference.unknown[name] for words in ("has no value here", "no key to compare with"))
    }
    if not sendable:
        return difference
    before = {name: SHOWN if isinstance(item.fields[name], SecretRef) else UNKNOWN for name in sendable}
    changed = {**difference.changed, **{name: (before[name], item.fields[name]) for name in sendable}}
    unknown = {name: why for name, why in difference.unknown.items() if name not in sendable}
    return Difference(changed, unknown)


def _unknown(item: Item, difference: Difference) -> Unknown:
    reasons = sorted(set(difference.unknown.values()))
    paths = tuple(f"/{name}" for name in sorted(difference.unknown))
    return Unknown(item.kind, item.name, paths, "; ".join(reasons))


def _orphan(draft: Draft, kind: Kind, owned: Owned) -> None:
    """An object of ours that no document asks for any more."""
    live = draft.view.live_index(kind.name).get(owned.identity)
    if live is None or not draft.view.is_owned(owned, live):
        return
    listed = kind.shrinks and draft.view.has(Ref(kind.name, owned.document))
    if not kind.deletable:
        draft.warnings.append(f"{kind.name}/{owned.name} has no document any more: it stays as it is, unmanaged")
    elif listed:
        draft.add(make_step(draft.view, Action.DELETE, None, live, reason=f"{kind.name}/{owned.document} left it out"))
    elif draft.policy.prune:
        step = draft.add(make_step(draft.view, Action.DELETE, None, live, reason="no document asks for it any more"))
        if owned.keep:
            draft.hold(
                step,
                "prune-disabled",
                "its document said reconciler/prune: disabled",
                f"`reconciler forget {kind.name} {owned.name}` if it is to stay for good",
            )
    else:
        draft.warnings.append(f"{kind.name}/{owned.name} is ours and has no document any more; --prune deletes it")
