"""A Control Center as tests hold it: its inside, and a client that asks it over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.metadefender.world import World

API_KEY = "0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f"
NAME = "ometascan-5.15.0-1-x64.msi"
NEWER = "ometascan-5.16.0-1-x64.msi"


class Switch:
    """An application that can be exchanged while it is served."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Session:
    """Asks with an apikey of its own, over connections that all share: a client of one's own takes long to set up."""

    def __init__(self, client: httpx.Client, apikey: str) -> None:
        self.client = client
        self.apikey = apikey

    def ask(self, method: str, path: str, json: Any = None, **more: Any) -> httpx.Response:
        content = {} if json is None else {"json": json}
        headers = {"apikey": self.apikey, **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **content, **more)

    def status(self, method: str, path: str, json: Any = None, **more: Any) -> int:
        return self.ask(method, path, json, **more).status_code

    def ok(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        """The JSON of an answer that must be 200."""
        response = self.ask(method, path, json, **more)
        assert response.status_code == 200, response.text
        return response.json() if response.content else None


class Center(Session):
    """A Control Center of one test: `world` is its inside, and the rest asks it over HTTP with an API key."""

    def __init__(self, world: World, client: httpx.Client) -> None:
        super().__init__(client, API_KEY)
        self.world = world

    def set(self, **settings: object) -> None:
        self.ok("PUT", "/_emulator/options", settings)

    def login(self, user: str = "admin", password: str = "admin") -> Session:
        """Whoever logs in, with its session."""
        answer = self.ok("POST", "/login", {"user": user, "password": password})
        return Session(self.client, answer["session_id"])

    def upload(self, name: str = NAME, content: bytes = b"installer") -> str:
        answer = self.ok("POST", "/admin/installer", content=content, headers={"filename": name})
        return str(answer["installer_id"])

    def workers(self) -> dict[str, Mapping[str, Any]]:
        """Workers by display name."""
        return {worker["display_name"]: worker for worker in self.ok("GET", "/admin/worker")}

    def deploy(self, worker_ids: list[str], installer_id: str, **more: Any) -> Any:
        body = {"type": "ometascan", "installer_id": installer_id, "worker": worker_ids, **more}
        return self.ok("POST", "/admin/worker/deploy", body)

    def rules(self) -> list[str]:
        """The names of the rules that were broken so far."""
        return [violation["rule"] for violation in self.ok("GET", "/_emulator/violations")]


Make: TypeAlias = Callable[..., Center]
