"""A state file to damage, and what is read of it: by the program, and by the statements that it reads with.

What the program makes of a file depends on what SQLite answers to its statements, and on the file's size. Where all
answers are the same as before the damage, so is what the program makes of them; where SQLite refuses to read in the
same words, the program refuses in the same way. It is asked itself wherever an answer is a new one, and that is what
makes every byte affordable.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.memory import Memory
from reconciler.model import Key
from reconciler.store import Approval, Entry, PassStart, Quarantine, Settlement, Store, open_for_reading
from reconciler.store.glance import Looks, glance_at
from reconciler.store.records import Standing
from reconciler.store.sqlite import backend, engine, plain
from tests.fuzz.record import record
from tests.fuzz.told import judge_words

TARGET = "default"
LOGIN = "fingerprint-of-a-login"
SUFFIXES = ("", ".key", "-wal")
PREPARED = "FUZZ_STATE"
"""The environment's name of the folder that :func:`prepare` has filled."""

ALICE: Key = ("User", ("LOCAL", "alice"))
BOB: Key = ("User", ("LOCAL", "bob"))
CAROL: Key = ("User", ("LOCAL", "carol"))


@dataclass(frozen=True)
class Read:
    """All that decides about writes: what is remembered and what was ordered."""

    memory: Memory
    standing: Standing
    refused_login: float | None
    damaged: int


def prepare(folder: Path) -> Path:
    """Apply the example for real, and go on from there: the state's file."""
    record(folder)
    source, path = folder / "desk" / "state" / "state.db", folder / "state.db"
    for suffix in SUFFIXES[:2]:
        shutil.copy(f"{source}{suffix}", f"{path}{suffix}")
    with closing(sqlite3.connect(path)) as connection:
        (url,) = connection.execute("SELECT url FROM targets").fetchone()
    asyncio.run(_go_on(path, url))
    (folder / "facts.json").write_text(json.dumps({"url": url, "now": time.time() + 60}))
    return path


async def _go_on(path: Path, url: str) -> None:
    """What an apply leaves that was killed between a delete and its create, and what operators have ordered."""
    now = time.time()
    store = Store.open(f"sqlite:///{path}", TARGET, url, writable=True)
    try:
        number = await store.begin_pass(PassStart(now))
        gone = _entry(number, "replace", BOB, now, destructive=1, fields={BOB: {"email": "bob@example.com"}})
        await store.close_entry(await store.open_entry(gone), Settlement("done"))
        await store.open_entry(_entry(number, "delete", ALICE, now, destructive=1))
        await store.open_entry(_entry(number, "create", CAROL, now, fields={CAROL: {"email": "carol@example.com"}}))
        await store.approve(Approval("sha256:" + "a" * 64, "ops", now, now + 3600))
        await store.quarantine(Quarantine(*BOB, "bob", 3, now + 3600, "the server said no"))
        await store.remember_refused_login(LOGIN, now)
    finally:
        await store.close()


def _entry(number: int, action: str, key: Key, at: float, **more: object) -> Entry:
    name = key[1][1]
    return Entry(number, f"{action}User", "DELETE", "/admin/user/8", action, (f"{action}/User/{name}",), (key,),
                 (name,), at, **more)  # type: ignore[arg-type]  # fmt: skip


class State:
    """A copy of a state, in a folder of its own."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.path = folder / "state.db"
        for suffix in SUFFIXES:
            if (found := source.with_name(source.name + suffix)).exists():
                shutil.copy(found, f"{self.path}{suffix}")
        facts = json.loads(source.with_name("facts.json").read_text())
        self.url, self.now = facts["url"], facts["now"]
        self.sound = self.read()
        self._statements = self._traced()
        self._answers = self._asked()
        self._verdicts: dict[str, str] = {}

    def read(self) -> Read:
        """What the program reads. Raises StateError."""
        store = open_for_reading(f"sqlite:///{self.path}", TARGET, self.url)
        if store is None:
            raise StateError("no such target")
        try:
            memory = store.memory(self.now)
            # Without the event loop that ``standing`` and ``close`` would take.
            return Read(memory, store._standing(self.now), store.refused_login(LOGIN), store.damaged)
        finally:
            store._engine.dispose()

    def _glanced(self) -> Memory:
        """What a plan reads, which goes another way. Raises StateError."""
        glance = glance_at(f"sqlite:///{self.path}", TARGET, self.url)
        if glance is None:
            raise StateError("no such target")
        return asyncio.run(_looked(glance, self.now))

    def _traced(self) -> list[str]:
        statements: list[str] = []
        connect = plain.connect

        def traced(path: Path, writable: bool) -> sqlite3.Connection:
            connection = connect(path, writable)
            connection.set_trace_callback(statements.append)
            return connection

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("reconciler.store.sqlite.engine.connect", traced)
            patch.setattr(backend, "open_engine", engine.open_engine)
            self.read()
        return statements

    def _asked(self) -> str:
        with closing(plain.connect(self.path, False)) as connection:
            return repr([connection.execute(one).fetchall() for one in self._statements])

    def judge(self) -> str:
        """How the damaged state is taken: it may be refused, and what is left of it may only be less."""
        try:
            answers = self._asked()
        except (sqlite3.Error, ValueError) as error:  # a text of the schema's may be no UTF-8 any more
            size = self.path.stat().st_size
            words = f"{type(error).__name__} {error} {getattr(error, 'sqlite_errorcode', 0)} {bool(size)}"
            if words not in self._verdicts:
                self._verdicts[words] = self._judged()
            return self._verdicts[words]
        if answers == self._answers and self._whole():
            return "nothing changes"
        return self._judged()

    def _whole(self) -> bool:
        """The one thing that the program looks at beside the answers."""
        return self.path.stat().st_size % 4096 == 0

    def _judged(self) -> str:
        try:
            found = self.read()
        except StateError as error:
            judge_words(error.message)
            with suppress(StateError):  # but it may be of a table that a plan doesn't read
                owns_no_more(self.sound.memory, self._glanced())
            return "refused"
        only_shrunk(self.sound, found)
        assert self._glanced() == found.memory
        return "nothing changes" if found == self.sound else "less"


async def _looked(glance: Looks, now: float) -> Memory:
    try:
        return await glance.look(now)
    finally:
        await glance.close()


def only_shrunk(sound: Read, found: Read) -> None:
    """Nothing is owned, known or agreed to that wasn't; nothing that is open, used up or refused is forgotten."""
    owns_no_more(sound.memory, found.memory)
    assert set(found.standing.approvals) <= set(sound.standing.approvals)
    assert found.standing.suspension is not None or sound.standing.suspension is None


def owns_no_more(before: Memory, after: Memory) -> None:
    """Of what is remembered of objects and calls."""
    assert after.lineage == before.lineage
    assert after.owned.items() <= before.owned.items()
    assert all(before.unfinished.get(key) == one for key, one in after.unfinished.items())
    assert all(before.made.get(key) == fields for key, fields in after.made.items())
    for key, fields in after.sent.items():
        assert fields.items() <= before.sent[key].items()
    assert len(after.open) >= len(before.open)
    assert after.spent >= before.spent


@contextmanager
def quick() -> Iterator[None]:
    """Keep one engine a file, so that statements aren't compiled anew for each opening; its connections are new."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "open_engine", cache(engine.open_engine))
        yield


def prepared(folder: Path) -> Path:
    """The state that the tests have made once, else one of our own."""
    found = os.environ.get(PREPARED)
    return Path(found, "state.db") if found else prepare(folder)
