"""The order at run time: a failed move stops what depends on it, and nothing else waits for it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Hashable, Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from msgspec import Struct

from reconciler.api import Client
from reconciler.errors import StateError
from reconciler.execute.call import Call, Ended
from reconciler.execute.events import Event, Happening, Listener
from reconciler.execute.learn import learn
from reconciler.execute.look import Looker
from reconciler.execute.outcomes import combine
from reconciler.execute.settling import Settling
from reconciler.plan.forecast import verb_of, works_of
from reconciler.steps import INTERRUPTED, Move, Outcome, Plan, Status, Step
from reconciler.systems.base import Kind, Verb, Work

if TYPE_CHECKING:
    from reconciler.store import Store


class Options(Struct, frozen=True):
    """``parallelism``: calls at once; ``timeout``, ``poll``: seconds to wait for what settles, between two looks."""

    parallelism: int = 8
    timeout: float = 3600.0
    poll: float = 2.0


class Group(Struct, frozen=True):
    """Moves that share one call."""

    kind: Kind
    verb: Verb
    moves: tuple[Move, ...]


class Scheduler:
    """Carries out one plan."""

    def __init__(
        self, plan: Plan, client: Client, looker: Looker, store: Store, pass_id: int, options: Options, tell: Listener
    ) -> None:
        self._plan = plan
        self._steps = {step.id: step for step in plan.steps}
        self._moves = {move.id: move for move in plan.moves}
        self._client = client
        self._looker = looker
        self._store = store
        self._pass_id = pass_id
        self._tell = tell
        # As many again get ready, or write down what they have done: the client counts what is in flight.
        self._turns = asyncio.Semaphore(2 * options.parallelism)
        self._settling = Settling(looker, time.monotonic() + options.timeout, options.poll)
        self._ended: dict[str, Outcome] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._running = 0
        self._stopping = False

    def stop(self) -> None:
        """Begin nothing more; what is under way is finished."""
        self._stopping = True
        self._settling.stop()

    async def run(self) -> dict[str, Outcome]:
        """The outcome of each step, by its id. Raises StateError, LeaseLost above all, and ends what is under way."""
        try:
            await self._carry_out()
        except ExceptionGroup as errors:
            raise _first_of_state(errors) or errors from None
        await learn(self._plan, self._ended, self._looker, self._store)
        return {step.id: combine(step, self._ended) for step in self._plan.steps}

    async def _carry_out(self) -> None:
        sorter = TopologicalSorter({move.id: move.hard | move.soft for move in self._plan.moves})
        sorter.prepare()
        async with asyncio.TaskGroup() as tasks:
            while sorter.is_active():
                started = self._start(sorter.get_ready(), sorter)
                for group in started:
                    tasks.create_task(self._perform(group, time.monotonic()))
                if started or self._running:
                    sorter.done(*await self._next())

    def _start(self, ready: tuple[str, ...], sorter: TopologicalSorter[str]) -> list[Group]:
        """The groups to begin now; what a failure stops is ended here."""
        free: list[Move] = []
        for id in sorted(ready):
            why = self._skips(self._moves[id])
            if why is None:
                free.append(self._moves[id])
            else:
                self._end(self._moves[id], Outcome(id, Status.SKIPPED, why, attempts=0))
                sorter.done(id)
        self._running += len(free)
        return self._groups(free)

    async def _next(self) -> list[str]:
        """The moves that have just ended, at least one."""
        ended = [await self._queue.get()]
        while not self._queue.empty():
            ended.append(self._queue.get_nowait())
        self._running -= len(ended)
        return ended

    def _skips(self, move: Move) -> str | None:
        if self._stopping:
            return INTERRUPTED
        for id in sorted(move.hard):
            if self._ended[id].status is not Status.DONE:
                return f"waits for {self._moves[id].step}, which {WORDS[self._ended[id].status]}"
        return None

    def _groups(self, moves: list[Move]) -> list[Group]:
        """Moves that are ready together and whose kind takes them together, one group a call."""
        groups: dict[Hashable, list[Move]] = defaultdict(list)
        for move in moves:
            step = self._steps[move.step]
            kind, verb = self._kind(step), verb_of(move, step)
            batch = kind.batch(verb, next(works_of(move, step)))
            groups[(kind.name, verb, move.id if batch is None else batch)].append(move)
        return [
            Group(self._kind(step), verb_of(group[0], step), tuple(group))
            for group in groups.values()
            for step in [self._steps[group[0].step]]
        ]

    def _kind(self, step: Step) -> Kind:
        return self._looker.view.system.kinds[step.kind]

    async def _perform(self, group: Group, ready_at: float) -> None:
        started = time.monotonic()
        works = [work for move in group.moves for work in works_of(move, self._steps[move.step])]
        steps = {move.id: self._steps[move.step] for move in group.moves}
        # What is made may be found by a look alone, should its answer be lost: it has to be missing twice.
        fresh = group.verb is Verb.CREATE or any(move.hard or _harms(steps[move.id]) for move in group.moves)
        call = Call(
            self._client,
            self._looker,
            self._store,
            self._pass_id,
            group.kind,
            group.verb,
            tuple(works),
            steps,
            ready_at if fresh else float("-inf"),
            lambda: self._stopping,
        )
        async with self._turns:
            if self._stopping:
                self._leave(group)
                return
            for move in group.moves:
                self._tell(Event(Happening.STARTED, move.step, move.id))
            ended = await call.run()
        self._remember(call)
        settling = [self._settle(move, group, ended, call.attempts, started) for move in group.moves]
        # Most groups are of one move: thousands of tasks would be made for nothing.
        await (settling[0] if len(settling) == 1 else asyncio.gather(*settling))

    def _leave(self, group: Group) -> None:
        """What was still waiting for its turn isn't begun any more."""
        for move in group.moves:
            self._end(move, Outcome(move.id, Status.SKIPPED, INTERRUPTED, attempts=0))
            self._queue.put_nowait(move.id)

    def _remember(self, call: Call) -> None:
        """What the call made ours counts at once, for those who come after it."""
        memory = self._looker.view.memory
        if isinstance(memory.owned, dict):
            memory.owned.update({owned.key: owned for owned in call.owned})
            for key in call.disowned:
                memory.owned.pop(key, None)

    async def _settle(
        self, move: Move, group: Group, ended: Mapping[str, Ended], attempts: int, started: float
    ) -> None:
        end = ended[move.id]
        status, error = end.status, end.error
        if status is Status.DONE and end.sent and group.kind.polls is not None:
            works = list(works_of(move, self._steps[move.step])) if group.verb is Verb.UPGRADE else [end.work]
            status, error = await self._settle_all(move, group, works)
        seconds = time.monotonic() - started
        self._end(move, Outcome(move.id, status, error, attempts if end.sent else 0, seconds))
        self._queue.put_nowait(move.id)

    async def _settle_all(self, move: Move, group: Group, works: list[Work]) -> tuple[Status, str | None]:
        since = time.monotonic()
        found: tuple[Status, str | None] = (Status.DONE, None)
        for work in works:
            found = await self._settling.wait(
                group.kind,
                group.verb,
                work,
                since,
                lambda text: self._tell(Event(Happening.WAITING, move.step, move.id, text)),
            )
            if found[0] is not Status.DONE:
                return found
        if group.verb is Verb.DELETE and not self._steps[move.step].action.two_phased:
            for work in works:
                if work.live is not None:
                    await self._store.disown(work.live.key)
        return found

    def _end(self, move: Move, outcome: Outcome) -> None:
        self._ended[move.id] = outcome
        self._tell(Event(Happening.ENDED, move.step, move.id, outcome.error or "", outcome=outcome))


def _harms(step: Step) -> bool:
    """Whether the step must be decided on a read of its own, begun after it was ready."""
    return step.destructive or step.disruptive or step.action.takes_down


def _first_of_state(errors: BaseExceptionGroup[BaseException]) -> StateError | None:
    """Several calls may fail by one cause: the lease is lost, or the database is gone."""
    for error in errors.exceptions:
        found = _first_of_state(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, StateError):
            return found
    return None


WORDS = {
    Status.FAILED: "failed",
    Status.SKIPPED: "was skipped",
    Status.UNKNOWN: "has an unknown outcome",
    Status.PROGRESSING: "isn't settled yet",
}
