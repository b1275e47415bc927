"""Answers of the thread that writes reach each who waits, whatever became of the others, and wake the loop rarely."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from reconciler.store.answers import Answers


def futures(count: int) -> list[Future[Any]]:
    return [Future() for _ in range(count)]


def answered_by_a_thread(given: list[Future[Any]]) -> None:
    def answer() -> None:
        for number, one in enumerate(given):
            if number % 3 == 2:
                one.set_exception(ValueError(number))
            else:
                one.set_result(number)

    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()


def test_each_gets_its_own_and_the_loop_is_woken_once() -> None:
    answers, woken = Answers(), 0

    async def main() -> list[Any]:
        loop, given = asyncio.get_running_loop(), futures(9)
        original = loop.call_soon_threadsafe

        def counting(*what: Any, **how: Any) -> Any:
            nonlocal woken
            woken += 1
            return original(*what, **how)

        loop.call_soon_threadsafe = counting  # type: ignore[method-assign, assignment]
        waiting = [asyncio.create_task(answers.of(one)) for one in given]
        await asyncio.sleep(0)
        answered_by_a_thread(given)
        return await asyncio.gather(*waiting, return_exceptions=True)

    found = asyncio.run(main())
    assert [str(one) for one in found] == [str(number) for number in range(9)]
    assert [isinstance(one, ValueError) for one in found] == [number % 3 == 2 for number in range(9)]
    assert woken == 1


def test_one_that_is_cancelled_leaves_the_others_alone() -> None:
    answers = Answers()

    async def main() -> None:
        given = futures(3)
        waiting = [asyncio.create_task(answers.of(one)) for one in given]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[2].cancel()
        await asyncio.sleep(0)
        answered_by_a_thread(given)
        assert await waiting[1] == 1
        assert given[0].result() == 0

    asyncio.run(main())


def test_what_comes_after_a_loops_end_keeps_nobody_from_the_next_one() -> None:
    answers, given = Answers(), futures(2)

    async def gives_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answers.of(given[0]), 0.01)

    asyncio.run(gives_up())
    given[0].set_result("late")

    async def main() -> Any:
        waiting = asyncio.create_task(answers.of(given[1]))
        await asyncio.sleep(0)
        answered_by_a_thread(given[1:])
        return await waiting

    assert asyncio.run(main()) == 0
