"""The journal around one call: an entry before each write, closed when the effect is known, never earlier."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace

from reconciler.errors import (
    ApiError,
    InputError,
    LeaseLost,
    ReconcilerError,
    ServerFault,
    SessionRenewed,
    StateError,
    Unreachable,
)
from reconciler.execute.effects import fingerprints, key_of, name_of, owned_as
from reconciler.memory import Owned
from reconciler.model import Key
from reconciler.steps import INTERRUPTED, Step
from reconciler.store.records import Ending, Entry, Settlement
from reconciler.systems.base import Kind, Result, Results, Said, Verb, Work
from reconciler.systems.view import View
from reconciler.wire import Request, Response


class TooLate(ApiError):
    """Between reading and writing, so much time has passed that it has to be read anew; nothing was sent."""

    retryable = True


class Stopped(ApiError):
    """The pass was told to stop while the call waited for its turn; nothing was sent."""


NOT_DONE = (Unreachable, SessionRenewed, ServerFault, TooLate, Stopped, InputError)
"""The write surely wasn't carried out. InputError: a file can't be sent as planned, and its last byte was held back."""


class Keeper(Protocol):
    """The part of the store that a call needs."""

    async def open_entry(self, entry: Entry) -> int: ...

    async def close_entry(self, entry_id: int, settlement: Settlement) -> None: ...

    async def settle(self, entry_id: int, settlement: Settlement, how: str) -> None: ...

    async def remember_sent(self, key: Key, fingerprints: Mapping[str, str], at: float) -> None: ...


@dataclass
class CallJournal:
    """Journals the writes of one call. ``writes`` counts those that were sent; the first may be until ``until``
    (monotonic seconds), when what was read for it has grown old, and as long as the pass isn't ``stopping``."""

    keeper: Keeper
    pass_id: int
    kind: Kind
    verb: Verb
    works: tuple[Work, ...]
    steps: Mapping[str, Step]
    view: View
    writes: int = 0
    owned: list[Owned] = field(default_factory=list)
    disowned: list[Key] = field(default_factory=list)
    until: float = float("inf")
    stopping: Callable[[], bool] = lambda: False
    _open: tuple[int, Request] | None = None
    _clear: dict[str, Result] = field(default_factory=dict)

    async def before(self, request: Request) -> int:
        """An entry that names all the call's objects; durable when this returns."""
        await self._close_earlier()
        if not self.writes:
            self._require_new(request)
        entry = await self.keeper.open_entry(self._entry(request))
        self._open = (entry, request)
        self.writes += 1
        return entry

    def departs(self, token: int) -> None:
        """The entry is written, and its request has waited for its turn. Raises TooLate, Stopped."""
        if self.writes == 1 and self._open is not None:
            self._require_new(self._open[1])

    async def after(self, token: int, response: Response | None, error: ReconcilerError | None) -> None:
        """A write that surely wasn't carried out closes its entry; any other waits for what it meant."""
        if isinstance(error, NOT_DONE):
            await self._close(Settlement("not-done", reason=error.message))
        elif isinstance(error, LeaseLost):
            # Nothing was sent. Should another replica hold the lease by now, the entry is its to settle.
            with suppress(StateError):
                await self._close(Settlement("not-done", reason=error.message))

    async def conclude(self, results: Results) -> None:
        """Close the last entry by what the answer said of each object."""
        said = {work.move: results.get(work.move, Result.unclear("")) for work in self.works}
        done = [work for work in self.works if said[work.move].said is Said.DONE]
        if self._open is None:
            await self._found_done(done)
            return
        if any(result.said is Said.UNCLEAR for result in said.values()):
            self._clear = {work.move: said[work.move] for work in done}
            return
        errors = "; ".join(sorted({result.error or "" for result in said.values()} - {""}))
        await self._close(self.settlement(done, said, errors))
        await self._settle_earlier("done" if done else "refused")

    async def _settle_earlier(self, ending: Ending) -> None:
        """A clear answer to a second try settles the first, too, where nothing else ever could."""
        mine = {key_of(work) for work in self.works}
        for entry in self.view.memory.open if self.kind.second_tries else ():
            if mine.issuperset(entry.objects):
                await self.keeper.settle(entry.entry, Settlement(ending, reason="a later answer settled it"), "answer")

    async def _found_done(self, done: list[Work]) -> None:
        """Done without a write of this call: an earlier one, of which nobody knew, had been carried out."""
        for work in done:
            found = fingerprints(self.kind, self.verb, work, self.view, None)
            if found:
                await self.keeper.remember_sent(key_of(work), found, time.time())

    async def close_unclear(self, done: list[Work], unknown: list[Work], reason: str) -> None:
        """Close the last entry after the live side was read; what it couldn't tell stays listed as unknown."""
        if self._open is None:
            return
        said = {work.move: Result.done() for work in done} | self._clear
        all_done = [work for work in self.works if work.move in said]
        settlement = self.settlement(all_done, said, reason, otherwise="not-done")
        await self._close(replace(settlement, status="unknown") if unknown else settlement)

    def settlement(self, done: list[Work], said: Results, reason: str, *, otherwise: Ending = "refused") -> Settlement:
        """What is known once these works are done; ``otherwise``: the ending when none is."""
        covers = self._open[1].covers if self._open else None
        makes = self.verb is Verb.CREATE or (self.verb is Verb.UPDATE and self.kind.singleton)
        own = tuple(self._owned(work, said[work.move].id) for work in done) if makes else ()
        gone = tuple(key for work in done for key in self._gone(work))
        prints = {key_of(work): fingerprints(self.kind, self.verb, work, self.view, covers) for work in done}
        self.owned += own
        self.disowned += gone
        return Settlement(
            "done" if done else otherwise,
            own=own,
            disown=gone,
            sent={key: found for key, found in prints.items() if found},
            reason=reason,
        )

    def _owned(self, work: Work, id: str | None) -> Owned:
        assert work.item is not None
        return owned_as(work.item, id)

    def _gone(self, work: Work) -> list[Key]:
        """Gone for good: not where it comes back in the same step, nor before its end was seen."""
        if self.verb is not Verb.DELETE or work.live is None or self.kind.polls is not None:
            return []
        return [] if self.steps[work.move].action.two_phased else [work.live.key]

    async def _close_earlier(self) -> None:
        """An earlier write of the same call was answered well, or the flow wouldn't have gone on."""
        if self._open is not None:
            await self._close(self.settlement(list(self.works), {w.move: Result.done() for w in self.works}, ""))

    async def _close(self, settlement: Settlement) -> None:
        assert self._open is not None
        entry, self._open = self._open[0], None
        await self.keeper.close_entry(entry, settlement)

    def _entry(self, request: Request) -> Entry:
        """A step is charged to the budget once, with its first write."""
        return Entry(
            pass_id=self.pass_id,
            operation=request.operation,
            method=request.method,
            path=request.path,
            action=self.verb.value,
            moves=tuple(work.move for work in self.works),
            objects=tuple(key_of(work) for work in self.works),
            names=tuple(name_of(work) for work in self.works),
            at=time.time(),
            destructive=0 if self.writes else sum(self._harms(self.steps[work.move]) for work in self.works),
            fields={key: fields for work in self.works for key, fields in self._coming(self.steps[work.move])},
        )

    def _require_new(self, request: Request) -> None:
        if self.stopping():
            raise Stopped(f"{request.operation}: {INTERRUPTED}")
        if time.monotonic() > self.until:
            raise TooLate(
                f"{request.operation}: too much time has passed since the live side was read; nothing was sent"
            )

    def _harms(self, step: Step) -> bool:
        return step.destructive and (self.verb is Verb.DELETE or not step.action.two_phased)

    def _coming(self, step: Step) -> list[tuple[Key, dict[str, Any]]]:
        """What is to be created again after this delete, so that a crash in between can't lose it; or what this create
        makes, so that it is known again by its looks as long as its id isn't."""
        makes = self.verb is Verb.CREATE and not self.kind.singleton and not self.kind.one_way
        if not makes and not (self.verb is Verb.DELETE and step.action.two_phased):
            return []
        return [(one.item.key, dict(one.item.fields)) for one in step.targets if one.item is not None]
