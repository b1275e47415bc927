"""What is refused of a PostgreSQL, what is said about it, and what never is."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.errors import InputError, StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store import Store, open_for_reading, restore, shown
from tests.postgres import Server
from tests.store.given import KEYRING, NOW, URL, State, begun, child, entry_of, key_of, line, user, with_store

pytestmark = pytest.mark.ci


def both(url: str, keyring: Keyring | None = KEYRING) -> list[StateError]:
    """What a writer and a reader are told."""
    said = []
    for writable in (True, False):
        with pytest.raises(StateError) as error:
            Store.open(url, "default", URL, keyring, writable=writable)
        said.append(error.value)
    return said


@pytest.mark.parametrize("url", ["me:hunt%40er2@127.0.0.1:{}/state", "me@127.0.0.1:{}/state?password=hunt%40er2"])
def test_a_server_that_is_not_there_is_told_without_the_password(url: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = "postgresql+psycopg://" + url.format(taken.getsockname()[1])
        for error in both(url):
            assert error.message.startswith("the state postgresql://127.0.0.1:")
            assert "can't be reached" in error.message
            assert error.retryable
            assert "er2" not in f"{error.message} {error.remedy} {error.__cause__} {error.__context__}"
    assert "er2" not in shown(url)
    assert "me" in shown(url)


def test_reading_what_is_not_there(server: Server, database: str):
    assert open_for_reading(database, "default", URL, KEYRING) is None
    assert server.sql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    with pytest.raises(StateUnusable, match="holds no state"):
        Store.open(database, "default", URL, KEYRING, writable=False)
    asyncio.run(Store.open(database, "another", URL, KEYRING, writable=True).close())
    assert open_for_reading(database, "default", URL, KEYRING) is None


def test_a_key_is_asked_for(database: str):
    with pytest.raises(StateUnusable, match="fingerprint-key"):
        Store.open(database, "default", URL, writable=True)
    asyncio.run(Store.open(database, "default", URL, KEYRING, writable=True).close())
    assert all("fingerprint-key" in error.message for error in both(database, None))
    assert all("key that isn't here" in error.message for error in both(database, Keyring((b"o" * 32,))))


def test_another_program_and_another_version_are_refused(server: Server, database: str):
    server.sql(database, "CREATE TABLE targets (x int)")
    with pytest.raises(StateUnusable, match="another program"):
        Store.open(database, "default", URL, KEYRING, writable=True)
    server.sql(database, "DROP TABLE targets")
    asyncio.run(Store.open(database, "default", URL, KEYRING, writable=True).close())
    server.sql(database, "UPDATE schema_version SET version = 99")
    assert all("version 99" in error.message for error in both(database))


def test_a_changed_row_is_not_owned(server: Server, database: str):
    where = State(database, KEYRING, lambda statement: server.sql(database, statement))

    async def fill(store: Store) -> None:
        await store.own(user("alice"))
        await store.own(user("bob"))

    async def look(store: Store) -> None:
        assert (set((await store.look(NOW)).owned), store.damaged) == ({key_of("bob")}, 1)

    with_store(where, fill)
    where.run("UPDATE owned SET object_id = '8' WHERE name = 'alice'")
    with_store(where, look)
    # A change of keys renews the seals of intact rows only.
    with_store(where, look, keyring=Keyring((b"n" * 32, *KEYRING.keys)))
    with_store(where, look, keyring=Keyring((b"n" * 32,)))


def test_an_entry_is_there_after_sigkill(database: str):
    script = """
async def main():
    store = Store.open(url, "default", URL, KEYRING, writable=True, lease=1.0)
    say(await store.open_entry(entry_of(await begun(store), "alice", action="delete", destructive=1)))
    time.sleep(60)
asyncio.run(main())
"""
    with child(database, script) as process:
        number = int(line(process))
        process.kill()
        process.wait()
    store = Store.open(database, "default", URL, KEYRING, writable=True, lock_timeout=20)
    memory = store.memory(NOW)
    assert ([entry.entry for entry in memory.open], memory.spent) == ([number], 1)
    asyncio.run(store.close())


def test_a_reader_sees_one_moment(database: str):
    async def story() -> None:
        store = Store.open(database, "default", URL, KEYRING, writable=True)
        reader = open_for_reading(database, "default", URL, KEYRING)
        assert reader is not None
        number = await begun(store)

        async def turn() -> None:
            for i in range(40):
                entry = await store.open_entry(entry_of(number, f"user-{i}", destructive=1))
                assert entry

        turning = asyncio.create_task(turn())
        while not turning.done():
            memory = await reader.look(NOW)
            assert len(memory.open) == memory.spent
        await turning
        with pytest.raises(StateError, match="for reading"):
            await reader.own(user("bob"))
        await reader.close()
        await store.close()

    asyncio.run(story())


def test_replicas_that_start_together_make_one_state(database: str):
    def start(number: int) -> str:
        store = Store.join(f"{database}&application_name={number}", "default", URL, KEYRING)
        asyncio.run(store.close())
        return store.lineage

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(start, range(6)))) == 1


def test_a_cancelled_write_is_carried_out_before_the_lease_ends(database: str):
    async def story() -> None:
        store = Store.open(database, "default", URL, KEYRING, writable=True)
        writing = asyncio.create_task(store.own(user("alice")))
        await asyncio.sleep(0)
        writing.cancel()
        await store.close()
        reader = open_for_reading(database, "default", URL, KEYRING)
        assert reader is not None
        assert set(reader.memory(NOW).owned) == {key_of("alice")}
        await reader.close()

    asyncio.run(story())


def test_copies_are_the_servers_own_business(database: str, tmp_path: Path):
    store = Store.open(database, "default", URL, KEYRING, writable=True)
    with pytest.raises(InputError, match="pg_dump"):
        store.backup(tmp_path / "copy")
    asyncio.run(store.close())
    with pytest.raises(InputError, match="pg_dump"):
        restore(database, "default", URL, tmp_path / "copy", KEYRING)


def test_the_commands_work_with_it(server: Server, database: str, tmp_path: Path):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reconciler", "state", *words, "--url", URL, "--state", database]
        environ = os.environ | {"RECONCILER_SECRET_FINGERPRINT_KEY": "k" * 32}
        root = Path(__file__).parents[2]
        return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)

    assert run("list").stdout == "0 objects.\n"
    made = run("init")
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("The state postgresql+psycopg://postgres@/")
    store = Store.open(database, "default", URL, KEYRING, writable=True, holder="the daemon")
    asyncio.run(store.own(user("alice")))
    assert run("list").stdout == "User/alice  id 7\n1 object.\n"
    refused = run("init")
    assert refused.returncode == 1
    assert "in use by the daemon" in refused.stderr
    asyncio.run(store.close())
    copy = run("backup", str(tmp_path / "copy"))
    assert (copy.returncode, copy.stdout) == (1, "")
    assert "pg_dump" in copy.stderr
