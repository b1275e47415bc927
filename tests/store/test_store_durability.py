"""What was acknowledged is on the disk, and one process at a time writes: shown with real processes and SIGKILL."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from reconciler.errors import StateError, StateLocked, StateUnusable
from reconciler.store import Settlement, Store, open_for_reading
from tests.store.given import NOW, URL, begun, child, entry_of, key_of, line, url_of, user, with_store

HOLD = """
store = Store.open(url_of(path), "default", URL, writable=True)
say("open")
time.sleep(60)
"""


def test_an_entry_is_there_after_sigkill(tmp_path: Path):
    path = tmp_path / "state.db"
    script = """
async def main():
    store = Store.open(url_of(path), "default", URL, writable=True)
    number = await store.open_entry(entry_of(await begun(store), "alice", action="delete", destructive=1))
    say(number)
    time.sleep(60)
asyncio.run(main())
"""
    with child(path, script) as process:
        number = int(line(process))
        process.kill()
        process.wait()

    async def look(store: Store) -> None:
        memory = store.memory(NOW)
        assert [(entry.entry, entry.objects, entry.action) for entry in memory.open] == [
            (number, (key_of("alice"),), "delete")
        ]
        assert memory.spent == 1
        assert store.history()[0].verdict is None

    with_store(path, look)


def test_nothing_that_was_acknowledged_is_lost_under_load(tmp_path: Path):
    path = tmp_path / "state.db"
    script = """
async def main():
    store = Store.open(url_of(path), "default", URL, writable=True)
    number = await begun(store)
    async def work(who):
        for i in range(10**6):
            name = f"{who}-{i}"
            entry = await store.open_entry(entry_of(number, name))
            await store.close_entry(entry, Settlement("done", own=(user(name),)))
            say(name)
    await asyncio.gather(*(work(who) for who in range(8)))
asyncio.run(main())
"""
    with child(path, script) as process:
        acknowledged = [line(process) for _ in range(100)]
        process.kill()
        assert process.stdout is not None
        acknowledged += [name for name in process.stdout.read().splitlines(keepends=True) if name.endswith("\n")]

    async def look(store: Store) -> None:
        memory = store.memory(NOW)
        assert {key_of(name.strip()) for name in acknowledged} <= set(memory.owned)
        assert store.damaged == 0

    with_store(path, look)


def test_a_second_writer_waits_for_the_first_to_die(tmp_path: Path):
    path = tmp_path / "state.db"
    with child(path, HOLD) as process:
        assert line(process) == "open"
        with pytest.raises(StateLocked, match=rf"process {process.pid}, since 20\d\d-") as refused:
            Store.open(url_of(path), "default", URL, writable=True)
        assert refused.value.remedy
        started = time.monotonic()
        with pytest.raises(StateLocked):
            Store.open(url_of(path), "other", URL, writable=True, lock_timeout=0.2)
        assert time.monotonic() - started >= 0.2
        process.kill()
        process.wait()
        asyncio.run(Store.open(url_of(path), "default", URL, writable=True).close())


def test_lock_timeout_outlasts_a_short_holder(tmp_path: Path):
    path = tmp_path / "state.db"
    script = """
store = Store.open(url_of(path), "default", URL, writable=True)
say("open")
time.sleep(0.3)
asyncio.run(store.close())
"""
    with child(path, script) as process:
        assert line(process) == "open"
        asyncio.run(Store.open(url_of(path), "default", URL, writable=True, lock_timeout=20).close())


def test_a_holder_without_a_name_is_still_a_holder(tmp_path: Path):
    path = tmp_path / "state.db"
    with child(path, HOLD) as process:
        assert line(process) == "open"
        (tmp_path / "state.db.lock").write_text("{")
        with pytest.raises(StateLocked, match="another process"):
            Store.open(url_of(path), "default", URL, writable=True)


def test_one_process_opens_a_target_once_and_several_targets_together(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story() -> None:
        first = Store.open(url_of(path), "one", URL, writable=True)
        second = Store.open(url_of(path), "two", "https://other.example", writable=True)
        with pytest.raises(StateLocked, match="this process"):
            Store.open(url_of(path), "one", URL, writable=True)
        assert first.lineage != second.lineage
        await first.own(user("alice"))
        await first.close()
        await first.close()
        await second.own(user("bob"))
        assert set(second.memory(NOW).owned) == {key_of("bob")}
        with pytest.raises(StateError, match="closed"):
            first.memory(NOW)
        with pytest.raises(StateError, match="closed"):
            await first.own(user("carol"))
        await second.close()

    asyncio.run(story())
    asyncio.run(Store.open(url_of(path), "one", URL, writable=True).close())


def test_reading_beside_a_writer(tmp_path: Path):
    path = tmp_path / "state.db"
    script = """
async def main():
    store = Store.open(url_of(path), "default", URL, writable=True)
    await store.own(user("alice"))
    say("ready")
    sys.stdin.readline()
    time.sleep(60)
asyncio.run(main())
"""
    with child(path, script) as process:
        assert line(process) == "ready"
        reader = open_for_reading(url_of(path), "default", URL)
        assert reader is not None
        assert set(reader.memory(NOW).owned) == {key_of("alice")}
        with pytest.raises(StateError, match="for reading"):
            asyncio.run(reader.own(user("bob")))
        asyncio.run(reader.close())


def test_a_reader_sees_one_moment(tmp_path: Path):
    """What a transaction changes together is seen together, also by a reader that runs beside it."""
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        number = await begun(store)
        reader = Store.open(url_of(path), "default", URL, writable=False)

        async def turn() -> None:
            for i in range(40):
                gone, come = (user("alice"), user("bob")) if i % 2 else (user("bob"), user("alice"))
                entry = await store.open_entry(entry_of(number, come.name))
                await store.close_entry(entry, Settlement("done", own=(come,), disown=(gone.key,)))

        await store.own(user("bob"))
        turning = asyncio.create_task(turn())
        while not turning.done():
            assert len(reader.memory(NOW).owned) == 1
            await asyncio.sleep(0)
        await turning
        await reader.close()

    with_store(path, story)


def test_a_full_disk_fails_everyone_who_waits_and_nobody_later(tmp_path: Path):
    script = """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main():
    store = Store.open(url_of(path), "default", URL, writable=True)
    number = await begun(store)
    size = max(file.stat().st_size for file in path.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
    def entries():
        return [store.open_entry(entry_of(number, "x" * 20_000)) for _ in range(8)]
    failed = await asyncio.gather(*entries(), return_exceptions=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    say(*sorted({type(error).__name__ for error in failed}))
    say(len(store.memory(NOW).open))
    numbers = await asyncio.gather(*entries())
    say(len(store.memory(NOW).open), len(set(numbers)))
    await store.close()
asyncio.run(main())
"""
    with child(tmp_path / "state.db", script) as process:
        kinds, before, after = line(process).split(), line(process), line(process)
    assert "StateError" in kinds
    assert set(kinds) <= {"StateError", "int"}
    assert int(before) == (0 if kinds == ["StateError"] else 1)  # the first may have had a transaction of its own
    assert after == f"{int(before) + 8} 8"


@pytest.mark.parametrize("victim", ["state.db", "state.db.lock"])
def test_a_file_that_is_taken_away_stops_the_writing(tmp_path: Path, victim: str):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        number = await begun(store)
        (tmp_path / victim).rename(tmp_path / "elsewhere")
        with pytest.raises(StateUnusable, match="removed or replaced"):
            await store.open_entry(entry_of(number, "alice"))
        (tmp_path / victim).write_bytes(b"")
        with pytest.raises(StateUnusable, match="removed or replaced"):
            await store.open_entry(entry_of(number, "alice"))
        os.replace(tmp_path / "elsewhere", tmp_path / victim)
        await store.open_entry(entry_of(number, "alice"))

    with_store(path, story)
