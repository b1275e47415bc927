"""Opens everything that a pass needs, and closes it again: the state, the secrets, the client."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reconciler.api import Client, Hooks, Limits, Tls, make_http
from reconciler.errors import InputError, MissingSecret
from reconciler.model import Desired
from reconciler.reconcile import Case
from reconciler.secret import Keyring
from reconciler.settings import Target, default_state
from reconciler.store.glance import Looks, glance_at
from reconciler.trees import Loaded

if TYPE_CHECKING:
    from reconciler.store import Store


@asynccontextmanager
async def opened(
    target: Target,
    loaded: Loaded | None = None,
    *,
    writes: bool = False,
    lock_timeout: float = 0.0,
    parallelism: int = 8,
    hooks: Hooks | None = None,
) -> AsyncIterator[Case]:
    """A case for one target; logged out and closed at the end. ``writes``: the state is opened for writing,
    and the client may write too."""
    if not writes:
        reading = client_for(target, read_only=True, parallelism=parallelism, hooks=hooks)
        async with _glanced(target) as glance, reading as client:
            keyring = glance.keyring if glance is not None else None
            yield replace(case_of(target, loaded, None, client), glance=glance, keyring=keyring)
        return
    store = open_store(target, writes=True, lock_timeout=lock_timeout)
    assert store is not None
    hooks = replace(hooks or Hooks(), fence=(hooks and hooks.fence) or store.fence)
    try:
        async with client_for(target, read_only=False, parallelism=parallelism, hooks=hooks) as client:
            yield case_of(target, loaded, store, client)
    finally:
        await store.close()


@asynccontextmanager
async def _glanced(target: Target) -> AsyncIterator[Looks | None]:
    """The state of a target for one look; None where there is none yet."""
    glance = glance_at(target.state, target.name, target.url, keyring_of(target))
    try:
        yield glance
    finally:
        if glance is not None:
            await glance.close()


@asynccontextmanager
async def client_for(
    target: Target, *, read_only: bool, parallelism: int = 8, hooks: Hooks | None = None
) -> AsyncIterator[Client]:
    """A client; logged out at the end."""
    client = make_client(target, read_only=read_only, parallelism=parallelism, hooks=hooks)
    try:
        yield client
    finally:
        await client.close()


def make_client(target: Target, *, read_only: bool = False, parallelism: int = 8, hooks: Hooks | None = None) -> Client:
    """A client, which somebody has to close. Raises InputError."""
    auth = target.system.auth(target.credentials)
    tls = Tls(ca=target.ca, allow_http=target.allow_http)
    http = make_http(target.url, tls=tls, proxy=target.proxy, connections=parallelism)
    hooks = hooks or Hooks()
    hooks = replace(hooks, hide=hooks.hide or target.hide)
    return Client(http, target.url, auth, read_only=read_only, limits=Limits(parallel=parallelism), hooks=hooks)


def open_store(target: Target, *, writes: bool, lock_timeout: float = 0.0) -> Store | None:
    """The state of a target; for reading None where there is none yet."""
    from reconciler.store import Store, open_for_reading  # noqa: PLC0415 - whoever only plans needs neither

    keyring = keyring_of(target)
    if writes:
        make_home(target)
        return Store.open(
            *(target.state, target.name, target.url, keyring),
            writable=True,
            lock_timeout=lock_timeout,
            request_deadline=Limits().request,
        )
    return open_for_reading(target.state, target.name, target.url, keyring)


def make_home(target: Target) -> None:
    """Make the folder of a state that nobody has named; where somebody has, a missing one may be a mistake."""
    if target.state != default_state(target.url, os.environ):
        return
    folder = os.path.dirname(target.state.removeprefix("sqlite:///"))
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be made: {error.strerror}", remedy="name the state with --state") from None


def keyring_of(target: Target) -> Keyring | None:
    """The key that the secret ``fingerprint-key`` holds; None leaves it to the file beside the database."""
    secrets = target.secrets
    try:
        return Keyring((secrets.configured("fingerprint-key").reveal().encode(),)) if secrets else None
    except MissingSecret:
        return None


def case_of(target: Target, loaded: Loaded | None, store: Store | None, client: Client) -> Case:
    """What a pass needs to know, from what was opened."""
    desired = loaded.desired if loaded else Desired()
    names = {name for one in desired.resources.values() for name in one.secrets}
    user = target.credentials.get("user")
    case = Case(
        target=target.name,
        system=target.system,
        url=target.url,
        desired=desired,
        client=client,
        store=store,
        policy=target.policy,
        values=target.secrets.values(names) if target.secrets else {},
        keyring=store.keyring if store else None,
        own_user=user.reveal() if user is not None else None,
        own_key=target.credentials.get("apikey"),
    )
    if loaded is None:
        return case
    return replace(case, files=loaded.files, revision=loaded.tree.revision)
