"""The emulated Control Center, in the same process and without HTTP: its handlers, its rules and its own log."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from reconciler.emulator.collection import Record
from reconciler.emulator.exchange import Exchange
from reconciler.emulator.metadefender.app import Setup, build
from reconciler.emulator.metadefender.emulation import ControlCenter
from reconciler.emulator.metadefender.state import COLLECTIONS, LOCAL, State
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.routes import Routes
from tests.machine.wire import Outgoing

PASSWORD = "the-reconciler's-own-password"
ROUTES = Routes(ControlCenter.operations)
SHARED = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


class Center:
    """One emulated Control Center. ``settings`` are the emulator's options by name."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._spool: Path | None = None
        setup = Setup(Path("."), user="admin", password=PASSWORD, settings=settings)
        self.world = build(setup)
        self._emulation = ControlCenter(self.world)

    @property
    def state(self) -> State:
        """All of its data."""
        return self.world.state

    def operation(self, method: str, path: str) -> str:
        """The name of a request's operation."""
        try:
            return ROUTES.find(method, path)[0].id
        except Refusal:
            return "unknown"

    def edit(self, order: Mapping[str, Any]) -> None:
        """Change data behind the clients' backs, as far as the console lets a human do it."""
        if _permitted(self.state, order):
            self._emulation.edit(order)

    def expire(self, outgoing: Outgoing) -> None:
        """End the session that a request goes with."""
        self.world.sessions.close(outgoing.headers.get("apikey", ""))

    def settle(self) -> None:
        """Make happen what is due by now."""
        self.world.settle()

    def violations(self) -> list[dict[str, Any]]:
        """The rules of the product that requests have broken."""
        return self.world.journal.violations()

    def snapshot(self) -> dict[str, dict[str, Record]]:
        """All objects by collection and id, as they are at this instant."""
        # A look inside: the collections' own records, which are replaced and never changed.
        return {name: dict(self.state.collection(name)._records) for name in COLLECTIONS}

    async def answer(self, outgoing: Outgoing) -> tuple[int, bytes]:
        """Do what a request asks for."""
        self._emulation.settle()
        exchange = self._exchange(outgoing)
        if outgoing.operation == "uploadInstaller":
            self._make_spool()
        try:
            if exchange.refusal is not None:
                raise exchange.refusal
            found = await self._emulation.handle(exchange)
        except Refusal as refusal:
            if refusal.rule is not None:
                self.world.journal.violate(exchange.entry.n, refusal.rule, f"{outgoing.operation}: {refusal.text}")
            exchange.entry.status = refusal.status
            return refusal.status, orjson.dumps(refusal.body or self._emulation.error(refusal.status, refusal.text))
        exchange.entry.status = 200
        return 200, b"" if found is None else found if isinstance(found, bytes) else orjson.dumps(found)

    def _exchange(self, outgoing: Outgoing) -> Exchange:
        path, _, _ = outgoing.path.partition("?")
        operation, refusal = None, None
        params: dict[str, str] = {}
        try:
            operation, params = ROUTES.find(outgoing.method, path)
        except Refusal as found:
            refusal = found
        entry = self.world.journal.begin(outgoing.method, path, outgoing.operation)
        headers: Any = outgoing.headers
        return Exchange(operation, params, refusal, entry, headers, "", _chunks(outgoing.body), outgoing.body)

    def _make_spool(self) -> None:
        """Only uploads need a folder, and making one takes longer than all else."""
        if self._spool is None:
            self._spool = Path(tempfile.mkdtemp(prefix="spool-", dir=SHARED if SHARED.is_dir() else None))
            weakref.finalize(self, shutil.rmtree, self._spool, ignore_errors=True)
            self.world.spool = self._spool


def _permitted(state: State, order: Mapping[str, Any]) -> bool:
    """A console refuses duplicates, and takes nothing away that is in use."""
    name, match, add = order["collection"], order.get("match", {}), order.get("add", {})
    if add:
        tag = {
            "users": ("name", add.get("directory_id", LOCAL), add.get("name")),
            "roles": ("name", add.get("name")),
            "installers": ("checksum", add.get("checksum")),
        }.get(name, ("address", add.get("host"), add.get("port")))
        return not state.collection(name).has(*tag)
    if "delete" not in order or name not in COLLECTIONS:
        return True
    if name == "services" and state.workers.has("busy"):
        return False
    return not any(_used(state, name, id) for id in state.collection(name).matching(match))


def _used(state: State, name: str, id: str) -> bool:
    if name == "roles":
        return state.users.has("role", id)
    if name == "installers":
        return state.workers.has("installer", id)
    return name == "workers" and _carries(state, id)


def _carries(state: State, id: str) -> bool:
    worker = state.workers.get(id)
    return worker is not None and worker["status"] != "Available"


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body
