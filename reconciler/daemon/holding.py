"""What one target keeps between its passes: the state, and a client with its session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from msgspec.structs import replace

from reconciler.api import Client, Hooks, Limits
from reconciler.errors import LoginRefused, ReconcilerError
from reconciler.opening import case_of, keyring_of, make_client, make_home
from reconciler.reconcile import Case
from reconciler.secret import Secret
from reconciler.settings import Target
from reconciler.store import Store
from reconciler.trees import Loaded
from reconciler.wire import Request

OnCall = Callable[[Request, int | ReconcilerError, float], None]


@dataclass
class Holding:
    """Opens what is needed when it is needed, and anew when the credentials have changed.

    ``holder`` is this replica's name, ``lease`` the seconds that its leases last.
    """

    name: str
    holder: str
    lease: float
    on_call: OnCall
    store: Store | None = None
    _client: Client | None = None
    _target: Target | None = None
    _credentials: dict[str, Secret] = field(default_factory=dict, repr=False)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _readers: int = 0
    _retired: list[Client] = field(default_factory=list)

    @property
    def opened(self) -> Store:
        """The state, which ``open_store`` has opened before."""
        assert self.store is not None
        return self.store

    async def open_store(self, target: Target) -> Store:
        """The state of the target. Raises StateError."""
        async with self._changing:
            if self.store is None:
                self.store = await asyncio.to_thread(self._join, target)
            return self.store

    def _join(self, target: Target) -> Store:
        make_home(target)
        return Store.join(
            target.state,
            target.name,
            target.url,
            keyring_of(target),
            holder=self.holder,
            lease=self.lease,
            request_deadline=Limits().request,
        )

    async def case(self, target: Target, loaded: Loaded | None, *, renew: bool = True) -> Case:
        """All that a pass needs; without ``renew``, a client that is in use stays. Raises ReconcilerError."""
        store = await self.open_store(target)
        async with self._changing:
            self._target = target
            client = self._client
            if client is None or (renew and dict(target.credentials) != self._credentials):
                client = await self._new_client(target, store)
        return case_of(target, loaded, store, client)

    async def try_login_again(self, target: Target) -> None:
        """Somebody says that credentials which were refused are good now."""
        store = await self.open_store(target)
        mark = credentials_mark(target, store)
        if await asyncio.to_thread(store.refused_login, mark) is not None:
            await store.forget_refused_login(mark)
            await self.log_out()

    async def rest(self) -> None:
        """Close connections if nobody uses one: until the next pass, a thousand targets would hold thousands."""
        if self._client is not None:
            await self._client.rest()

    async def close(self) -> None:
        """Log out, give the lease back, and close."""
        await self.log_out()
        store, self.store = self.store, None
        if store is not None:
            await store.close()

    async def log_out(self) -> None:
        """End the session; the next pass opens another one."""
        client, self._client = self._client, None
        if client is not None and self._readers:
            self._retired.append(client)  # closed by the last one who reads with it
        elif client is not None:
            await client.close()

    @asynccontextmanager
    async def reading(self, target: Target, loaded: Loaded) -> AsyncIterator[Case]:
        """A case that only reads, beside the passes, with the session that they use. Raises ReconcilerError."""
        case = await self.case(target, loaded, renew=False)
        self._readers += 1
        try:
            reader = case.client.reader()
            reader.count_anew()
            yield replace(case, client=reader)
        finally:
            self._readers -= 1
            if not self._readers:
                await self._close_retired()

    async def _close_retired(self) -> None:
        if not self.opened.held and not self._changing.locked():
            await self.log_out()  # another replica works with a session of its own: two may end each other
        retired, self._retired = self._retired, []
        for client in retired:
            await client.close()

    async def _new_client(self, target: Target, store: Store) -> Client:
        await self.log_out()
        self._credentials = dict(target.credentials)
        self._client = client = make_client(target, hooks=self._hooks(target, store))
        return client

    def _hooks(self, target: Target, store: Store) -> Hooks:
        mark = credentials_mark(target, store)

        async def guard() -> None:
            refused = await asyncio.to_thread(store.refused_login, mark)
            if refused is not None:
                when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(refused))
                raise LoginRefused(
                    f"login: these credentials were refused at {when} UTC, and are not tried again",
                    status=401,
                    remedy="put the right ones into their secrets: new ones are tried at once",
                )

        async def on_refused(error: LoginRefused) -> None:
            await store.remember_refused_login(mark)

        def hide(text: str) -> str:
            # With the secrets of the newest pass: the client outlives those that it was made with.
            return (self._target or target).hide(text)

        return Hooks(guard=guard, on_login_refused=on_refused, on_call=self.on_call, fence=store.fence, hide=hide)


def credentials_mark(target: Target, store: Store) -> str:
    """What stands for a version of the credentials: nothing can be read from it."""
    parts = [part for name in sorted(target.credentials) for part in (name, target.credentials[name].reveal())]
    return store.keyring.sign("login", target.name, *parts)
