"""The emulator as a process of its own that can be given another Control Center at once, for hundreds of small tests.

Beside the requests of the emulator it answers POST /_test/reset {"spool", "center": a file or null, "fixture",
"settings"}, GET /_test/keys (each key that was ever given out) and POST /_test/save {"center": a file}.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.metadefender.app import build, create_app
from reconciler.emulator.metadefender.world import World
from reconciler.emulator.server import bind, serve
from tests.e2e.kit import KeptSessions, setup


class Theatre:
    """The application: the Control Center that is on, and the requests that change it."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._world: World | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/_test/"):
            assert self._app is not None
            await self._app(scope, receive, send)
            return
        content = await Request(scope, receive).body()
        answer = self._told(scope["path"], orjson.loads(content) if content else {})
        await Response(orjson.dumps(answer), media_type="application/json")(scope, receive, send)

    def _told(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/_test/reset":
            center = Path(body["center"]) if body["center"] else None
            self._world = build(setup(Path(body["spool"]), center, body["fixture"], **body["settings"]))
            self._world.state.path = None
            self._world.sessions = KeptSessions(self._world)
            self._app = create_app(self._world)
            return {}
        world = self._world
        assert world is not None
        if path == "/_test/save":
            Path(body["center"]).write_bytes(orjson.dumps(world.state.as_json(world.clock.now())))
            return {}
        assert isinstance(world.sessions, KeptSessions)
        return sorted(world.sessions.keys | {user["api_key"] for user in world.state.users})


def main() -> None:
    """Serve on a free port until SIGTERM; its URL is the first line of output."""
    listener, url = bind("127.0.0.1", 0)

    def announce() -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    with listener:
        serve(Theatre(), listener, announce)


if __name__ == "__main__":
    main()
