"""A store to try things on, and the smallest data that it takes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reconciler.memory import Owned
from reconciler.model import Key
from reconciler.secret import Keyring
from reconciler.store import Entry, PassStart, Store

T = TypeVar("T")

URL = "https://control-center.example:8892"
NOW = 1_800_000_000.0
DAY = 86_400.0
KEYRING = Keyring((b"k" * 32,))


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def user(name: str, number: str | None = "7", **more: Any) -> Owned:
    return Owned("User", ("LOCAL", name), number, name, name, **more)


def key_of(name: str) -> Key:
    return ("User", ("LOCAL", name))


def entry_of(pass_id: int, *names: str, action: str = "create", at: float = NOW, **more: Any) -> Entry:
    return Entry(
        pass_id=pass_id,
        operation=f"{action}User",
        method="POST",
        path="/admin/user",
        action=action,
        moves=tuple(f"{action}/User/{name}" for name in names),
        objects=tuple(key_of(name) for name in names),
        names=names,
        at=at,
        **more,
    )


@dataclass(frozen=True)
class State:
    """A state in a database of some kind; ``run`` is what someone else's tool would do to it."""

    url: str
    keyring: Keyring | None
    run: Callable[..., list[tuple[Any, ...]]]


def with_store(where: Path | State, story: Callable[[Store], Awaitable[T]], target: str = "default", **more: Any) -> T:
    """Open the state for writing, let the story happen, close it."""
    url, given = (where.url, {"keyring": where.keyring}) if isinstance(where, State) else (url_of(where), {})

    async def told() -> T:
        store = Store.open(url, target, URL, writable=True, **{**given, **more})
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(told())


def copied(folder: Path) -> Path:
    """A state that owned alice when ``copy.db`` was made, and owns bob, too, since then."""
    path = folder / "state.db"

    async def story(store: Store) -> None:
        await store.own(user("alice"))
        await store.open_entry(entry_of(await begun(store), "dave", destructive=2))
        store.backup(folder / "copy.db")
        await store.own(user("bob"))

    with_store(path, story)
    return path


async def begun(store: Store, at: float = NOW) -> int:
    return await store.begin_pass(PassStart(at))


def sql(path: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What someone else's tool would do to the file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


PROLOGUE = """
import asyncio, signal, sys, time
from pathlib import Path
from reconciler.errors import LeaseLost, StateError, StateLocked
from reconciler.store import PassStart, Settlement, Store
from tests.store.given import KEYRING, NOW, URL, begun, entry_of, key_of, url_of, user
url, path = sys.argv[1], Path(sys.argv[1])
def say(*words):
    print(*words, flush=True)
"""


@contextmanager
def child(where: Path | str, script: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that works on the state; killed with SIGKILL at the end, if it still lives."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROLOGUE + script, str(where)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
