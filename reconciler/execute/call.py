"""One call for one or several objects: look, journal, send, and find out what became of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from reconciler.api import Client
from reconciler.errors import ApiError, InputError, Refused, ServerFault
from reconciler.execute.checks import NotReady, Ready, UnderWay, prepared
from reconciler.execute.journaling import NOT_DONE, CallJournal, Keeper, Stopped, TooLate
from reconciler.execute.look import Looker
from reconciler.memory import Owned
from reconciler.model import FileFacts, Key
from reconciler.sources.directory import sha256_of
from reconciler.steps import INTERRUPTED, Status, Step
from reconciler.systems.base import Kind, Result, Said, Verb, Work

TRIES = 3
WAITS = 10
"""How often what was read may grow old before its turn comes; that counts as no attempt."""


class Ended(Struct, frozen=True):
    """How one object's call ended; ``work`` is as it was sent, with what was live then."""

    status: Status
    work: Work
    error: str | None = None
    id: str | None = None
    sent: bool = True


@dataclass
class Call:
    """Does one verb to a set of works, at most three times, and never twice without having looked in between."""

    client: Client
    looker: Looker
    keeper: Keeper
    pass_id: int
    kind: Kind
    verb: Verb
    works: tuple[Work, ...]
    steps: Mapping[str, Step]
    ready_at: float
    stopping: Callable[[], bool] = lambda: False
    attempts: int = 0
    owned: list[Owned] = field(default_factory=list)
    disowned: list[Key] = field(default_factory=list)
    _ended: dict[str, Ended] = field(default_factory=dict)
    _waits: int = 0
    _begun: bool = False

    async def run(self) -> dict[str, Ended]:
        """How each move's object ended: done, failed or unknown."""
        left = list(self.works)
        not_before = self.ready_at
        while left:
            left = await self._prepare(left, not_before)
            if not left:
                break
            self.attempts += 1
            left = await self._once(left)
            not_before = time.monotonic()
            if left:
                await asyncio.sleep(random.uniform(0.1, 0.5) * 2**self.attempts)  # noqa: S311 - only spreads load
        return self._ended

    async def _prepare(self, works: list[Work], not_before: float) -> list[Work]:
        """The works that are still to be done, with fresh eyes; the others are ended."""
        view = await self.looker.look(self.kind.reads, not_before)
        ready: list[Work] = []
        for work in works:
            try:
                ready.append(prepared(self.kind, self.verb, work, self.steps[work.move], view))
            except Ready:
                self._end(work, Status.DONE, sent=self.attempts > 0)
            except UnderWay:
                self._end(work, Status.DONE)
            except NotReady as why:
                self._end(work, Status.FAILED, str(why), sent=False)
        return [work for work in ready if self.verb is not Verb.CREATE or await self._hashed(work)]

    async def _hashed(self, work: Work) -> bool:
        """Whether what is to be sent can be read; where it can't, the work is ended."""
        try:
            await self._hash_files([work])
        except InputError as error:
            self._end(work, Status.FAILED, error.message, sent=False)
            return False
        return True

    async def _hash_files(self, works: list[Work]) -> None:
        for work in works:
            for file in self.kind.files(work.item.resource) if work.item else ():
                facts = self.looker.view.files.get(file)
                if facts is not None and facts.sha256 is None:
                    sha256 = await asyncio.to_thread(sha256_of, facts.path)
                    files: dict[str, FileFacts] = {**self.looker.view.files, file: replace(facts, sha256=sha256)}
                    self.looker.renew(files=files)

    async def _once(self, works: list[Work]) -> list[Work]:
        """Send; the works that surely weren't done and may be tried again."""
        view = self.looker.view
        journal = CallJournal(self.keeper, self.pass_id, self.kind, self.verb, tuple(works), self.steps, view)
        if not self._begun:  # what was begun is brought to its end
            journal.stopping = self.stopping
        journal.until = self.looker.good_until(self.kind.reads)
        try:
            results = dict(await self.client.run(self.kind.perform(self.verb, works, view), journal))
        except Stopped:
            return self._leave(works)
        except NOT_DONE as error:
            return await self._not_done(works, journal, error)
        except Refused as error:
            results = {work.move: Result.refused(error.message) for work in works}
        except ApiError as error:
            if not journal.writes:
                return await self._not_done(works, journal, error)
            return await self._find_out(works, journal, self.looker.quoted(error.message))
        results = {
            move: replace(one, error=one.error and self.looker.quoted(one.error)) for move, one in results.items()
        }
        await journal.conclude(results)
        unclear = [work for work in works if results.get(work.move, _SILENT).said is Said.UNCLEAR]
        self._take(works, results, unclear)
        left: list[Work] = []
        if unclear:
            left = await self._find_out(unclear, journal, results.get(unclear[0].move, _SILENT).error or "no answer")
        self._remember(journal)
        return left

    def _take(self, works: list[Work], results: Mapping[str, Result], unclear: list[Work]) -> None:
        for work in works:
            if work in unclear:
                continue
            result = results[work.move]
            status = Status.DONE if result.said is Said.DONE else Status.FAILED
            self._end(work, status, result.error, id=result.id)

    async def _not_done(self, works: list[Work], journal: CallJournal, error: ApiError | InputError) -> list[Work]:
        """The last write wasn't carried out (earlier ones of the same flow may have been)."""
        why = self.looker.quoted(error.message)
        self._begun = self._begun or journal.writes > 1
        if isinstance(error, TooLate) and self._waits < WAITS:
            self._waits += 1
            self.attempts -= 1
        await journal.conclude({work.move: Result.refused(why) for work in works})
        self._remember(journal)
        if self.attempts < TRIES and error.retryable:
            if isinstance(error, ServerFault) and error.retry_after:
                await asyncio.sleep(min(error.retry_after, 30.0))
            return works
        for work in works:
            self._end(work, Status.FAILED, why, sent=False)
        return []

    def _leave(self, works: list[Work]) -> list[Work]:
        for work in works:
            self._end(work, Status.SKIPPED, INTERRUPTED, sent=False)
        return []

    async def _find_out(self, works: list[Work], journal: CallJournal, why: str) -> list[Work]:
        """No clear answer: read the live side through the natural key before anything else."""
        self._begun = True
        view = await self.looker.look(self.kind.reads, time.monotonic())
        readable = view.trouble(self.kind) is None
        seen = {work.move: self.kind.happened(self.verb, work, view) if readable else None for work in works}
        repeatable = readable and self.kind.repeatable(self.verb, view) and self.attempts < TRIES
        done = [work for work in works if seen[work.move]]
        again = [work for work in works if seen[work.move] is False or (seen[work.move] is None and repeatable)]
        unknown = [work for work in works if work not in done and work not in again]
        await journal.close_unclear(done, unknown, why)
        self._remember(journal)
        for work in done:
            self._end(work, Status.DONE)
        for work in unknown:
            self._end(work, Status.UNKNOWN, f"{why}; the live side doesn't show whether it was done")
        if self.attempts < TRIES:
            return again
        for work in again:
            self._end(work, Status.FAILED, why)
        return []

    def _remember(self, journal: CallJournal) -> None:
        self.owned += journal.owned
        self.disowned += journal.disowned

    def _end(
        self, work: Work, status: Status, error: str | None = None, *, id: str | None = None, sent: bool = True
    ) -> None:
        self._ended[work.move] = Ended(status, work, error, id, sent)


_SILENT = Result.unclear("the answer doesn't mention it")
