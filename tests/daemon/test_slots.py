"""Slow passes give their slots back, but not without a bound."""

from __future__ import annotations

import asyncio

from reconciler.daemon.slots import LENT, Slots


async def started(slots: Slots, passes: int, seconds: float) -> int:
    """How many of so many passes, none of which ends, have begun after a while."""
    begun = 0

    async def one() -> None:
        nonlocal begun
        async with slots.taken():
            begun += 1
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(one()) for _ in range(passes)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return begun


def test_at_first_only_so_many_begin():
    assert asyncio.run(started(Slots(2, patience=60), 9, 0.05)) == 2


def test_slow_ones_make_room():
    assert asyncio.run(started(Slots(2, patience=0.01), 9, 0.2)) == 9


def test_but_not_without_a_bound():
    count = 2
    assert asyncio.run(started(Slots(count, patience=0.01), 50, 0.3)) == count + LENT * count


async def twice() -> list[int]:
    slots = Slots(2, patience=0.01)
    return [await started(slots, 50, 0.3) for _ in range(2)]


def test_what_was_lent_comes_back():
    assert len(set(asyncio.run(twice()))) == 1
