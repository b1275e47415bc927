"""A state that knows objects as ours, as a long line of `apply` would have left it, made at once.

Started by itself: `python -m benchmarks.stocked STATE URL USERS WORKERS`, while the Control Center at URL runs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
from sqlalchemy import Connection, insert

from benchmarks.floor import logged_in
from benchmarks.objects import KEY, PASSWORD, Mix, user_name, worker_name
from benchmarks.worlds import PASSWORD as ADMIN_PASSWORD
from benchmarks.worlds import USER
from reconciler.secret import Keyring
from reconciler.store import Store
from reconciler.store.schema import owned, sent

TARGET = "default"
Thing = tuple[str, tuple[str, ...], str, str, str, str]
"""Kind, identity, name, id, the field that can't be read back, its value."""


def things(url: str, mix: Mix) -> Iterator[Thing]:
    """Every object of the mix under the id that it has there."""
    with httpx.Client(base_url=url, timeout=600, trust_env=False) as http:
        headers = logged_in(http, USER, ADMIN_PASSWORD)
        users = http.get("/admin/user", headers=headers).json() if mix.users else []
        workers = http.get("/admin/worker", headers=headers).json() if mix.workers else []
    ids = {user["name"]: str(user["id"]) for user in users}
    for name in map(user_name, range(mix.users)):
        yield "User", ("LOCAL", name), name, ids[name], "password", PASSWORD
    ids = {worker["display_name"]: worker["worker_id"] for worker in workers}
    for name in map(worker_name, range(mix.workers)):
        yield "Worker", (f"{name}.internal:8893",), name, ids[name], "connection_key", KEY


async def stock(state: str, url: str, mix: Mix) -> None:
    """Write the rows, sealed as the state seals them."""
    store = Store.open(state, TARGET, url, writable=True)
    seals = store._seals  # noqa: SLF001 - one transaction instead of one for each object
    assert store.keyring is not None
    owns, sends = [], []
    for thing in things(url, mix):
        own, send = _rows(thing, store.keyring)
        owns.append(seals.sealed(owned, own))
        sends.append(seals.sealed(sent, send))

    def work(connection: Connection) -> None:
        connection.execute(insert(owned), owns)
        connection.execute(insert(sent), sends)

    await store._write(work)  # noqa: SLF001 - the same
    await store.close()


def _rows(thing: Thing, keyring: Keyring) -> tuple[dict[str, Any], dict[str, Any]]:
    kind, identity, name, id, field, value = thing
    key = {"kind": kind, "identity": json.dumps(list(identity), separators=(",", ":"))}
    more = {"object_id": id, "name": name, "document": name, "keep": False, "adopted": False}
    fingerprint = keyring.make(TARGET, kind, identity, field, value)
    return {**key, **more}, {**key, "path": field, "fingerprint": fingerprint, "at": time.time()}


if __name__ == "__main__":
    asyncio.run(stock(sys.argv[1], sys.argv[2], Mix(int(sys.argv[3]), int(sys.argv[4]))))
