"""One thread that writes, and commits for all who wait at once: a write costs a share of one ``fsync``.

While a commit is under way, further calls gather; the next transaction holds all of them, and those that come in the
moment after, where there is a crowd. If one fails, they are done anew, each in a savepoint of its own, so that its
neighbours are left alone. Nobody is answered before the commit is on the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from reconciler.errors import StateError
from reconciler.store.backend import Backend

T = TypeVar("T")

_AT_ONCE = 256
_MOMENT = 0.002
"""Seconds in which more may come where several came at once before: a commit costs more than what it holds."""
_TRIES = 3
_ITS_OWN_FAULT = (IntegrityError, DataError, ProgrammingError)


class _Job(Struct, frozen=True):
    work: Callable[[Connection], Any]
    answer: Future[Any]


_Attempt = Callable[[Connection, _Job], tuple[Any, Exception | None]]


class Writer:
    """Runs functions of a connection in shared transactions. ``commits`` counts the transactions that held.

    ``engine`` begins transactions that write; one that ``backend`` finds worth another try is run again. ``guard`` is
    called before and after each transaction's work and raises StateError when what is written would be lost.
    """

    def __init__(self, engine: Engine, backend: Backend, guard: Callable[[], None]) -> None:
        self.commits = 0
        self._engine = engine
        self._backend = backend
        self._guard = guard
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._submitting = threading.Lock()
        self._closed = threading.Event()
        self._crowded = False
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Have ``work`` done. The future ends when the commit with it is durable; cancelling it undoes nothing.

        It fails with what ``work`` raised, or with StateError when the transaction as a whole failed.
        """
        answer: Future[T] = Future()
        answer.set_running_or_notify_cancel()
        with self._submitting:
            if self._closed.is_set():
                raise StateError("the state is closed")
            self._jobs.put(_Job(work, answer))
        return answer

    def flush(self) -> None:
        """Wait until what was submitted so far is done, or has failed. Blocks."""
        with suppress(StateError):
            self.submit(lambda _: None).result()

    def close(self) -> None:
        """Do what was submitted, then end the thread."""
        with self._submitting:
            if not self._closed.is_set():
                self._closed.set()
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._gather()
            if batch:
                self._serve(batch)

    def _gather(self) -> tuple[list[_Job], bool]:
        batch, last = self._waiting()
        self._crowded = len(batch) > 1
        return batch, last

    def _waiting(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        job = self._jobs.get()
        if self._crowded:
            self._closed.wait(_MOMENT)
        while job is not None:
            batch.append(job)
            if len(batch) == _AT_ONCE:
                return batch, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _serve(self, batch: list[_Job]) -> None:
        try:
            results = self._transact_again(batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must hear of it
            failure = self._explained(error)
            for job in batch:
                # One error object for several tasks would gather their tracebacks.
                own = type(failure)(failure.message, remedy=failure.remedy)
                own.retryable = failure.retryable
                job.answer.set_exception(own)
            return
        self.commits += 1
        for job, (value, failed) in zip(batch, results, strict=True):
            if failed is None:
                job.answer.set_result(value)
            else:
                job.answer.set_exception(failed)

    def _transact_again(self, batch: list[_Job]) -> list[tuple[Any, Exception | None]]:
        for _ in range(_TRIES - 1):
            try:
                return self._transact(batch)
            except SQLAlchemyError as error:
                if not self._backend.passing(error):
                    raise
        return self._transact(batch)

    def _transact(self, batch: list[_Job]) -> list[tuple[Any, Exception | None]]:
        with suppress(_OneFailed):
            return self._transaction(batch, self._plainly)
        return self._transaction(batch, self._apart)

    def _transaction(self, batch: list[_Job], attempt: _Attempt) -> list[tuple[Any, Exception | None]]:
        self._guard()
        with self._engine.begin() as connection:
            results = [attempt(connection, job) for job in batch]
            self._guard()
        return results

    def _plainly(self, connection: Connection, job: _Job) -> tuple[Any, Exception | None]:
        """Nearly always nothing fails, and a savepoint costs as much as a row."""
        try:
            return job.work(connection), None
        except Exception as error:
            if _of_database(error):
                raise
            raise _OneFailed from error

    def _apart(self, connection: Connection, job: _Job) -> tuple[Any, Exception | None]:
        savepoint = connection.begin_nested()
        try:
            value = job.work(connection)
        except Exception as error:
            if _of_database(error):
                raise
            savepoint.rollback()
            return None, self._explained(error) if isinstance(error, SQLAlchemyError) else error
        savepoint.commit()
        return value, None

    def _explained(self, error: Exception) -> StateError:
        if isinstance(error, StateError):
            return error
        return self._backend.explain(error)


class _OneFailed(Exception):
    """One of a batch did; the others are to be done without it."""


def _of_database(error: Exception) -> bool:
    """The database itself failed: nothing of this transaction can be relied on."""
    return isinstance(error, DBAPIError) and not isinstance(error, _ITS_OWN_FAULT)
