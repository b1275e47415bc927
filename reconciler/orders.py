"""What people order besides passes: adopt, forget, resolve. The same from the command line and through the daemon."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.errors import InputError
from reconciler.load.suggest import suggest
from reconciler.memory import Owned
from reconciler.model import Identity, LiveObject
from reconciler.observe import observe
from reconciler.reconcile import Case
from reconciler.settle import settled_by_hand
from reconciler.store.records import Ending, EntryRecord, Settlement
from reconciler.systems.base import System
from reconciler.systems.view import View

if TYPE_CHECKING:
    from reconciler.store import Store


async def whole_view(case: Case) -> View:
    """Everything that the server shows, of every kind. Raises ApiError."""
    found = await observe(case.client, case.system, list(case.system.collections), case.seal)
    memory = await case.memory()
    return View(case.system, case.target, case.desired, found, memory, keyring=case.keyring, own_user=case.own_user)


async def adopt(case: Case, kind: str, name: str, id: str | None) -> LiveObject:
    """Make a live object ours. Raises InputError where there is none, or several, or no such kind."""
    require_kind(case.system, kind)
    live = _find(await whole_view(case), kind, name, id)
    await own(case, [Owned(kind, live.identity, live.id, live.name, document=name, adopted=True)])
    return live


def require_kind(system: System, kind: str) -> None:
    """Raises InputError where a system has no such kind."""
    if kind not in system.kinds:
        raise InputError(f"there is no kind {kind!r}.{suggest(kind, system.kinds)}")


async def own(case: Case, things: Sequence[Owned]) -> None:
    """Remember objects as ours; open questions about them are answered thereby."""
    assert case.store is not None
    await case.store.own(*things)
    keys = {owned.key for owned in things}
    for entry in case.store.entries(open_only=True):
        if not keys.isdisjoint(entry.entry.objects):
            await case.store.settle(entry.id, Settlement("done", reason="adopted"), "adopt")


def _find(view: View, kind: str, name: str, id: str | None) -> LiveObject:
    found = view.system.kinds[kind]
    trouble = view.trouble(found)
    if trouble is not None:
        raise InputError(f"{kind} couldn't be read ({trouble})")
    matches = [live for live in view.live(kind) if live.name == name and (id is None or live.id in (None, id))]
    if len(matches) == 1 and (matches[0].id or id is None):
        return matches[0]
    if found.one_way:
        return LiveObject(kind, _asked_for(view, kind, name), name, id, {})
    if id is not None and not found.can_find(view):
        return LiveObject(kind, (name,), name, id, {})
    if len(matches) > 1:
        ids = ", ".join(live.id or "?" for live in matches)
        raise InputError(f"there are {len(matches)} live objects {kind}/{name}", remedy=f"say which with --id ({ids})")
    raise InputError(f"there is no live {kind} named {name!r}.{suggest(name, [one.name for one in view.live(kind)])}")


def _asked_for(view: View, kind: str, name: str) -> Identity:
    """The natural key of what can't be looked up: that of an open question, by either name, else the name itself."""
    keys = [key for entry in view.memory.open for key in entry.objects if key[0] == kind]
    ends = (name.lower(), name.rpartition("/")[2].lower())
    return next((key[1] for key in keys if key[1][-1].lower() in ends), (name,))


async def forget(store: Store, kind: str, name: str) -> int:
    """Stop owning an object; gives how many there were of that name. Raises InputError when none is ours."""
    owned = [one for one in (await store.look(time.time())).owned.values() if one.kind == kind]
    found = [one for one in owned if name in (one.name, one.document)]
    if not found:
        raise InputError(f"{kind}/{name} isn't ours.{suggest(name, [one.name for one in owned])}")
    for one in found:
        await store.disown(one.key)
    return len(found)


async def resolve(store: Store, system: System, entry: int, ending: Ending, by: str) -> EntryRecord:
    """Settle a write of which nobody could tell how it ended. Raises InputError when it isn't open."""
    records = store.entries(open_only=True)
    record = next((one for one in records if one.id == entry), None)
    if record is None:
        numbers = ", ".join(str(one.id) for one in records) or "none"
        raise InputError(f"entry {entry} isn't open", remedy=f"open: {numbers}")
    unfinished = (await store.look(time.time())).unfinished
    await store.settle(entry, settled_by_hand(system, record, ending, unfinished), by)
    return record
