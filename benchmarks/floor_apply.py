"""The floor of an apply: create users with bare httpx, so many at once. Nothing is looked at, kept or checked.

Started by itself: `python benchmarks/floor_apply.py URL USER PASSWORD COUNT AT_ONCE`, in the benchmark's environment.
"""

from __future__ import annotations

import asyncio
import sys

import httpx

from benchmarks.objects import PASSWORD, user_name


async def main(url: str, user: str, password: str, count: int, at_once: int) -> None:
    """Everything once."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False, limits=limits) as http:
        answer = await http.post("/login", json={"user": user, "password": password})
        headers = {"apikey": answer.raise_for_status().json()["session_id"]}
        numbers = iter(range(count))

        async def some() -> None:
            for number in numbers:
                name = user_name(number)
                body: dict[str, object] = {"name": name, "directory_id": 1, "roles": ["1"], "password": PASSWORD}
                body |= {"display_name": f"User {number}", "email": f"{name}@example.com"}
                (await http.post("/admin/user", json=body, headers=headers)).raise_for_status()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(some())
        await http.post("/logout", headers=headers)


if __name__ == "__main__":
    place, account, word, number, parallel = sys.argv[1:]
    asyncio.run(main(place, account, word, int(number), int(parallel)))
