"""Replicas share PostgreSQL: one at a time writes to a target, and whoever lost it finds out before it does harm."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from reconciler.errors import LeaseLost, StateError, StateLocked
from reconciler.store import Approval, Quarantine, Settlement, Store, Suspension
from tests.postgres import Server, running
from tests.store.given import KEYRING, NOW, URL, begun, child, entry_of, key_of, line, user

pytestmark = pytest.mark.ci

HOLD = """
store = Store.open(url, "default", URL, KEYRING, writable=True, holder="child", lease=1.5)
say("open")
"""
WRITE = """
async def main():
    number = await begun(store)
    for i in range(10**6):
        try:
            await store.open_entry(entry_of(number, f"user-{i}"))
            store.fence()
            say("written", i)
        except LeaseLost as error:
            say("lost", store.held)
            break
        except StateError:
            pass  # it was paused within a write, and the server has ended that
    await store.close()
asyncio.run(main())
"""


def taken(url: str, **more: float) -> Store:
    return Store.open(url, "default", URL, KEYRING, writable=True, holder="parent", **more)


def joined(url: str, name: str, **more: float) -> Store:
    """A replica of its own: a database under another spelling is another one to this process."""
    return Store.join(f"{url}&application_name={name}", "default", URL, KEYRING, holder=name, **{"lease": 60.0, **more})


def told(url: str, story: Callable[[Store, Store], Awaitable[None]], **more: float) -> None:
    """A story of two replicas, ``one`` of which holds the lease."""

    async def telling() -> None:
        one, two = joined(url, "one", **more), joined(url, "two", **more)
        try:
            assert await one.acquire()
            await story(one, two)
        finally:
            await one.close()
            await two.close()

    asyncio.run(telling())


def holds(store: Store) -> bool:
    return store.held


def token(server: Server, url: str) -> int:
    return int(server.sql(url, "SELECT token FROM leases")[0][0])


def run_out(server: Server, url: str, seconds: float = 0.0) -> None:
    """Let the lease have run out ``seconds`` ago."""
    server.sql(url, f"UPDATE leases SET expires = extract(epoch FROM clock_timestamp()) - {seconds}")  # noqa: S608


def test_a_second_process_is_told_who_is_there_and_takes_over_after_sigkill(server: Server, database: str):
    with child(database, HOLD + "time.sleep(60)") as process:
        assert line(process) == "open"
        with pytest.raises(StateLocked, match=r"target default is in use by child, whose lease runs until 20\d\d-"):
            taken(database)
        assert token(server, database) == 1
        process.kill()
        process.wait()
        store = taken(database, lock_timeout=20)
        assert token(server, database) == 2
        asyncio.run(store.close())


def test_a_lease_that_was_given_up_is_free_at_once(server: Server, database: str):
    with child(database, HOLD + "time.sleep(0.5)\nasyncio.run(store.close())") as process:
        assert line(process) == "open"
        process.wait()
        store = taken(database)
        assert (token(server, database), store.settle_after) == (2, 0.0)
        asyncio.run(store.close())


def test_a_holder_that_was_paused_writes_nothing_after_the_take_over(server: Server, database: str):
    with child(database, HOLD + WRITE) as process:
        assert [line(process) for _ in range(3)] == ["open", "written 0", "written 1"]
        os.kill(process.pid, signal.SIGSTOP)
        started = time.monotonic()
        store = taken(database, lock_timeout=30)
        assert time.monotonic() - started < 1.5 + 10
        before = server.sql(database, "SELECT count(*), max(id) FROM entries")
        os.kill(process.pid, signal.SIGCONT)
        assert process.stdout is not None
        assert process.stdout.read().splitlines()[-1] == "lost False"
        assert server.sql(database, "SELECT count(*), max(id) FROM entries") == before
        assert store.held
        # Its last entry is open, and may have been sent shortly before the lease ran out.
        assert 20 < store.settle_after - time.monotonic() < 30
        asyncio.run(store.close())


def test_one_holds_and_the_other_stands_by(server: Server, database: str):
    async def story(one: Store, two: Store) -> None:
        assert (one.held, two.held, one.holder, two.holder) == (True, False, None, "one")
        one.fence()
        assert await one.acquire()
        assert not await two.acquire()
        assert token(server, database) == 1
        for refused in (begun(two), two.remember_ids({}), two.quarantine(Quarantine("User", ("a",), "a", 1, 0.0, ""))):
            with pytest.raises(LeaseLost):
                await refused
        with pytest.raises(LeaseLost):
            two.fence()
        await one.release()
        assert (one.held, one.holder) == (False, None)
        with pytest.raises(LeaseLost):
            await begun(one)
        assert await two.acquire()
        assert (two.held, two.holder, token(server, database)) == (True, None, 2)
        assert not await one.acquire()
        assert one.holder == "two"
        await begun(two)

    told(database, story)


def test_orders_need_no_lease(database: str):
    async def story(one: Store, two: Store) -> None:
        entry = await one.open_entry(entry_of(await begun(one), "alice"))
        suspension, approval = Suspension("ann", "why", NOW), Approval("sha256:1", "ann", NOW, NOW + 60)
        await two.suspend(suspension)
        await two.approve(approval)
        await two.own(user("bob"))
        await two.settle(entry, Settlement("not-done"), "ann")
        assert (one.suspension(NOW), one.approvals(NOW)) == (suspension, (approval,))
        memory = await one.look(NOW)
        assert (set(memory.owned), memory.open) == ({key_of("bob")}, ())
        await two.disown(key_of("bob"))
        await two.withdraw("sha256:1")
        await two.resume()
        assert (one.suspension(NOW), one.approvals(NOW), one.memory(NOW).owned) == (None, (), {})

    told(database, story)


def test_orders_and_the_holder_come_one_after_the_other(database: str):
    """Both delete and insert the same rows, and count up the same number."""

    async def story(one: Store, two: Store) -> None:
        number = await begun(one)

        async def spend() -> None:
            for _ in range(30):
                entry = await one.open_entry(entry_of(number, "x", destructive=1))
                await asyncio.gather(one.own(user("alice", "1")), one.close_entry(entry, Settlement("done")))

        async def order() -> None:
            for _ in range(60):
                await two.own(user("alice", "2"))

        entries = [await one.open_entry(entry_of(number, "y", destructive=1)) for _ in range(30)]

        async def settle() -> None:
            for entry in entries:
                await two.settle(entry, Settlement("not-done"), "ann")

        await asyncio.gather(spend(), order(), settle())
        memory = one.memory(NOW)
        assert (set(memory.owned), memory.open, memory.spent, one.damaged) == ({key_of("alice")}, (), 30, 0)

    told(database, story)


def test_the_token_of_a_former_holder_writes_nothing(server: Server, database: str):
    async def story(one: Store, two: Store) -> None:
        number = await begun(one)
        run_out(server, database)
        assert await two.acquire()
        assert holds(one), "it can't know yet"
        for write in (
            one.open_entry(entry_of(number, "alice")),
            one.own(user("bob")),
            one.end_pass(number, "x", {}, []),
        ):
            with pytest.raises(LeaseLost):
                await write
        assert not holds(one)
        with pytest.raises(LeaseLost):
            one.fence()
        assert (two.entries(), two.memory(NOW).owned) == ([], {})
        assert not await one.acquire()
        await one.suspend(Suspension("ann", "an order even now", NOW))
        await two.release()
        assert await one.acquire()
        assert token(server, database) == 3
        await one.open_entry(entry_of(number, "alice"))

    told(database, story)


def test_what_a_vanished_holder_left_open_is_settled_late(server: Server, database: str):
    async def story(one: Store, two: Store) -> None:
        assert one.settle_after == 0.0
        entry = await one.open_entry(entry_of(await begun(one), "alice"))
        run_out(server, database, 4)
        assert await two.acquire()
        assert 20 < two.settle_after - time.monotonic() <= 26
        # The wait isn't over because the one who waited goes.
        await two.release()
        assert two.settle_after == 0.0
        await one.release()
        assert await one.acquire()
        assert 20 < one.settle_after - time.monotonic() <= 30
        await one.settle(entry, Settlement("not-done"), "read")
        run_out(server, database, 4)
        assert await two.acquire()
        assert two.settle_after == 0.0
        await one.release()
        run_out(server, database, 40)
        await two.open_entry(entry_of(await begun(two), "alice"))
        run_out(server, database, 40)
        assert await one.acquire()
        assert one.settle_after == 0.0, "its requests are long over"

    told(database, story)


def test_who_leaves_with_open_entries_makes_the_next_one_wait(database: str):
    async def story(one: Store, two: Store) -> None:
        await one.open_entry(entry_of(await begun(one), "alice"))
        await one.release()
        assert await two.acquire()
        assert 20 < two.settle_after - time.monotonic() <= 30

    told(database, story)


def test_a_take_over_waits_for_the_write_under_way(server: Server, database: str):
    async def story(one: Store, two: Store) -> None:
        run_out(server, database)
        with psycopg.connect(database.replace("+psycopg", "")) as writing:
            writing.execute("SELECT token FROM leases FOR KEY SHARE")
            taking = asyncio.create_task(two.acquire())
            done, _ = await asyncio.wait([taking], timeout=0.5)
            assert not done
        assert await taking

    told(database, story)


def test_a_blocked_event_loop_keeps_its_lease(server: Server, database: str):
    async def story(one: Store, two: Store) -> None:
        for _ in range(3):
            time.sleep(1.0)  # noqa: ASYNC251 - that's the point
            one.fence()
        assert not await two.acquire()
        assert token(server, database) == 1

    told(database, story, lease=1.5)


def test_several_targets_of_one_process_are_shared_with_another(database: str):
    async def story() -> None:
        def replica(name: str, target: str) -> Store:
            url = f"{database}&application_name={name}"
            return Store.join(url, target, f"{URL}/{target}", KEYRING, holder=name, lease=1.5)

        one, two = ([replica(name, target) for target in "abcd"] for name in ("one", "two"))
        with pytest.raises(StateLocked, match="this process"):
            replica("one", "a")
        assert [await store.acquire() for store in (one[0], two[1], one[2], two[3])] == [True] * 4
        await asyncio.sleep(2.5)
        assert [await store.acquire() for store in (two[0], one[1], two[2], one[3])] == [False] * 4
        assert [store.holder for store in (two[0], one[1], two[2], one[3])] == ["one", "two"] * 2
        for store in (*one, *two):
            await store.close()

    threads = threading.active_count()
    asyncio.run(story())
    assert threading.active_count() == threads


async def unreachable(ask: Awaitable[object]) -> None:
    with pytest.raises(StateError, match="can't be reached") as error:
        await ask
    assert error.value.retryable
    assert type(error.value) is StateError


def test_a_database_that_is_gone_stops_writes_and_comes_back_by_itself():
    async def story(server: Server) -> None:
        store = Store.open(server.database(), "default", URL, KEYRING, writable=True, lease=2.0)
        number = await begun(store)
        server.stop()
        for ask in (store.open_entry(entry_of(number, "alice")), store.look(NOW)):
            await unreachable(ask)
        until = time.monotonic() + 10
        while holds(store):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        with pytest.raises(LeaseLost):
            store.fence()
        await unreachable(store.acquire())
        server.start()
        while not holds(store):
            assert time.monotonic() < until + 20
            await asyncio.sleep(0.05)
        store.fence()
        await store.open_entry(entry_of(number, "alice"))
        assert len((await store.look(NOW)).open) == 1
        server.stop()
        await store.close()

    with running() as server:
        asyncio.run(story(server))
