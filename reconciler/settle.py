"""What an earlier run has left behind: open journal entries, ids not learnt yet, objects that are gone."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reconciler.errors import InputError
from reconciler.execute.effects import owned_as
from reconciler.memory import OpenEntry, Owned
from reconciler.model import Item, Key
from reconciler.store.records import CLOSED, Ending, EntryRecord, Settlement
from reconciler.systems.base import Kind, System
from reconciler.systems.view import View

if TYPE_CHECKING:
    from reconciler.store import Store


def vanished(view: View) -> list[Key]:
    """Objects of ours that the live side doesn't show, of the kinds that could be read."""
    names = {owned.kind for owned in view.memory.owned.values()}
    shown = {name: view.live_index(name) for name in names if _shows(view, name)}
    return [
        owned.key
        for owned in view.memory.owned.values()
        if owned.kind in shown and owned.identity not in shown[owned.kind]
    ]


def _shows(view: View, name: str) -> bool:
    """Whether what the live side doesn't show of a kind isn't there."""
    kind = view.system.kinds.get(name)
    return kind is not None and not kind.singleton and view.trouble(kind) is None and kind.can_find(view)


async def settle_open(view: View, store: Store) -> None:
    """Settle journal entries by what the live side shows. The rest stay, as unknown."""
    for entry in view.memory.open:
        settlement = _settlement(view, entry)
        if settlement is not None:
            await store.settle(entry.entry, settlement, "read")


def as_settled(view: View) -> View:
    """The view as it is once :func:`settle_open` has been at work, for a plan, which writes nothing."""
    memory = view.memory
    if not memory.open:
        return view  # with all that it has worked out already
    owned, sent, unfinished = dict(memory.owned), dict(memory.sent), dict(memory.unfinished)
    still_open: list[OpenEntry] = []
    for entry in memory.open:
        settlement = _settlement(view, entry)
        if settlement is None:
            still_open.append(entry)
            continue
        for key in settlement.disown:
            owned.pop(key, None)
            sent.pop(key, None)
        owned |= {one.key: one for one in settlement.own}
        for key in [one.key for one in settlement.own] if settlement.status == "done" else entry.objects:
            unfinished.pop(key, None)
    settled = replace(memory, owned=owned, sent=sent, unfinished=unfinished, open=tuple(still_open))
    return replace(view, memory=settled, _cache={})


def _settlement(view: View, entry: OpenEntry) -> Settlement | None:
    kinds = [view.system.kinds.get(key[0]) for key in entry.objects]
    if any(kind is None or view.trouble(kind) is not None for kind in kinds):
        return None
    known = [kind for kind in kinds if kind is not None]
    if entry.action == "create":
        return _created(view, entry, known)
    if entry.action == "delete":
        return _deleted(view, entry, known)
    return Settlement("done", reason="planned anew from what is live")


def _created(view: View, entry: OpenEntry, kinds: list[Kind]) -> Settlement | None:
    """A create that is there now as it was sent is ours: it was looked for, and not found, right before.

    What looks otherwise may have been made by somebody else in that moment: nobody can tell.
    """
    own: list[Owned] = []
    for key, kind in zip(entry.objects, kinds, strict=True):
        item = view.item_index(key[0]).get(key[1])
        live = (view.pairs(kind.name).get(item.identity) if item else None) or view.live_index(key[0]).get(key[1])
        if live is not None and not view.looks_as_sent(key, live):
            return None
        if live is not None:
            own.append(
                owned_as(item, live.id, live=live) if item else _bare(live.kind, live.identity, live.id, live.name)
            )
        elif not kind.can_find(view):
            return None
    return Settlement("done" if own else "not-done", own=tuple(own), reason="read after a run that was cut short")


def _deleted(view: View, entry: OpenEntry, kinds: list[Kind]) -> Settlement | None:
    if not all(kind.can_find(view) for kind in kinds):
        return None
    there = {key for key in entry.objects if key[1] in view.live_index(key[0])}
    replaced = view.memory.unfinished.keys()
    gone = tuple(key for key in entry.objects if key not in there and key not in replaced)
    status = "not-done" if len(there) == len(entry.objects) else "done"
    return Settlement(
        status,  # type: ignore[arg-type]
        disown=gone,
        reason="read after a run that was cut short",
    )


def _bare(kind: str, identity: tuple[str, ...], id: str | None, name: str) -> Owned:
    return Owned(kind, identity, id, name, document=name)


async def tidy(view: View, store: Store) -> None:
    """Bring the memory up to date with what was read: adoptions, ids, documents; and what is gone for good."""
    readable = [kind for kind in view.system.kinds.values() if view.trouble(kind) is None]
    items = [(kind, item) for kind in readable for item in view.items(kind.name)]
    told = [one for kind, item in items if (one := _renewed(item, kind, view)) is not None]
    if told:
        await store.own(*(wanted for wanted, _ in told))
    former = {known.key for _, known in told if known is not None} - {wanted.key for wanted, _ in told}
    declared = {item.key for kind in view.system.kinds for item in view.items(kind)}
    gone = {*vanished(view), *(owned.key for owned in view.memory.owned.values() if _only_changed(owned, view))}
    if no_more := former | (gone - declared):
        await store.disown(*sorted(no_more))
    for key in {*view.memory.unfinished.keys() - declared, *_told(view)}:
        await store.disown_unfinished(key)


def _only_changed(owned: Owned, view: View) -> bool:
    """Whether it is of a kind that is never made and never taken away: without its document it means nothing to us."""
    kind = view.system.kinds.get(owned.kind)
    return kind is not None and not kind.deletable and not kind.one_way


def _told(view: View) -> set[Key]:
    """Objects whose looks nobody needs any more: their id is known, or they aren't ours."""
    memory = view.memory
    waiting = {key for entry in memory.open for key in entry.objects}
    unlearnt = {key for key, owned in memory.owned.items() if owned.id is None}
    return set(memory.made) - unlearnt - waiting


def _renewed(item: Item, kind: Kind, view: View) -> tuple[Owned, Owned | None] | None:
    """What is to be remembered of an object, and what was; None where nothing new is."""
    live = view.pairs(kind.name).get(item.identity)
    if live is None:
        return None
    known = view.memory.owned.get(live.key) or view.memory.owned.get(item.key)
    adopts = item.resource.annotations.get("reconciler/adopt") == "enabled"
    if known is None and not adopts and not kind.singleton:
        return None
    if known is not None and not view.owns(live):
        return None
    wanted = owned_as(item, live.id, live=live, adopted=known.adopted if known else adopts)
    return (wanted, known) if known != wanted else None


def settled_by_hand(system: System, record: EntryRecord, ending: Ending, unfinished: Collection[Key]) -> Settlement:
    """What it means that somebody says how a write ended (``done`` or ``not-done``) of which nobody could tell.

    A word alone makes nothing ours: whoever wants that adopts the object. A delete that was done gives ownership up,
    but of what is still to be made anew (``unfinished``). Raises InputError for an entry that is settled, and where
    the object would be made a second time.
    """
    entry = record.entry
    if record.status in CLOSED:
        raise InputError(f"entry {record.id} is settled already: {record.status}")
    kinds = [system.kinds.get(key[0]) for key in entry.objects]
    if entry.action == "create" and ending == "done" and any(kind is not None and kind.one_way for kind in kinds):
        names = " ".join(entry.names).replace("/", " ", 1)
        raise InputError(
            f"{', '.join(entry.names)} can't be looked up, so it would be made once more as long as it isn't ours",
            remedy=f"say that it was done with: reconciler adopt {names}",
        )
    gone = entry.action == "delete" and ending == "done" and record.intact
    disown = tuple(key for key in entry.objects if key not in unfinished) if gone else ()
    return Settlement(ending, disown=disown, reason="somebody said so")
