"""The daemon's HTTP side as a real server on a free loopback port, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import choose_encoder

from reconciler.config.daemon import PlanLimits
from reconciler.secret import Secret
from reconciler.web.app import create_app
from reconciler.web.server import serve
from reconciler.web.settings import Role, Token, WebSettings
from tests.web.control import MemoryControl

TOKENS = tuple(Token(f"the-{role}er", role, Secret(f"{role}-token-0123456789")) for role in Role)
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Never used; to make one for each client would take longer than the test."""

HOOK = Secret("hook secret")


def metrics(accept: str) -> tuple[bytes, str]:
    """One real figure, as the library writes it."""
    registry = CollectorRegistry()
    Gauge("targets", "How many.", registry=registry).set(2)
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


def settings(**changed: Any) -> WebSettings:
    """A token for each role, a webhook, and as many plans as a test cares for."""
    plans = PlanLimits(per_minute=10_000)
    given = {"metrics": metrics, "plans": plans, "tokens": TOKENS, "loopback": True, "webhook": HOOK, **changed}
    return WebSettings(**given)


def bearer(role: Role | str) -> dict[str, str]:
    """The header of this role's token."""
    return {"Authorization": f"Bearer {role}-token-0123456789"}


@dataclass
class Served:
    """A running server."""

    url: str
    control: MemoryControl
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    thread: threading.Thread
    app: Any

    def client(self, role: Role | str | None = None, **more: Any) -> httpx.Client:
        """A client with this role's token."""
        headers = {**(bearer(role) if role else {}), **more.pop("headers", {})}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, trust_env=False, verify=PLAIN, **more)

    def ask(self, method: str, path: str, role: Role | str | None = Role.OPERATE, **more: Any) -> httpx.Response:
        """One request on a connection of its own."""
        with self.client(role) as client:
            return client.request(method, path, **more)

    def do(self, work: Callable[[], Any]) -> Any:
        """Call something in the server's event loop."""
        done: list[Any] = []
        happened = threading.Event()

        def call() -> None:
            done.append(work())
            happened.set()

        self.loop.call_soon_threadsafe(call)
        assert happened.wait(5)
        return done[0]

    def tell(self, type: str, target: str | None = None, **data: Any) -> None:
        """Let something happen."""
        self.do(lambda: self.control.feed.tell(type, target, **data))

    def end(self) -> float:
        """Stop it; the seconds that took."""
        began = time.monotonic()
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)
        assert not self.thread.is_alive()
        return time.monotonic() - began


@contextmanager
def serving(control: MemoryControl | None = None, **changed: Any) -> Iterator[Served]:
    """A server with these settings."""
    found: list[Served] = []
    started = threading.Event()
    control = control or MemoryControl()

    async def main() -> None:
        stop = asyncio.Event()
        app = create_app(control, settings(**changed))

        def ready(url: str) -> None:
            found.append(Served(url, control, asyncio.get_running_loop(), stop, threading.current_thread(), app))
            started.set()

        await serve(app, "127.0.0.1:0", on_ready=ready, stop=stop)

    def run() -> None:
        try:
            asyncio.run(main())
        finally:
            started.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    server = found[0]
    try:
        yield server
    finally:
        if thread.is_alive():
            server.end()


def eventually(holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
