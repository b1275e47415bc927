"""The state, for what a person tells it where no daemon is asked: as its one writer, or beside others where it can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.opening import keyring_of, open_store
from reconciler.settings import Target
from reconciler.store import Store


@asynccontextmanager
async def writing(target: Target, lock_timeout: float) -> AsyncIterator[Store]:
    """The state as its one writer has it. Raises StateLocked, StateUnusable."""
    store = open_store(target, writes=True, lock_timeout=lock_timeout)
    assert store is not None
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def ordering(target: Target, lock_timeout: float) -> AsyncIterator[Store]:
    """The state for orders alone, which needn't wait for the holder of the lease, where there is such a thing."""
    if target.state.startswith("sqlite:"):
        async with writing(target, lock_timeout) as store:
            yield store
        return
    store = Store.join(target.state, target.name, target.url, keyring_of(target))
    try:
        yield store
    finally:
        await store.close()
