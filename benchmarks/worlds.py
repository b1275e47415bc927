"""Many emulated Control Centers in one process: each lives under a path of its own, as in http://127.0.0.1:PORT/t0001.

Started by itself (`python -m benchmarks.worlds COUNT FOLDER PORT`), it prints its URL. What the worlds know is in the
folder after SIGTERM, and taken up from there at the start.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.metadefender.app import Setup, build, create_app
from reconciler.emulator.metadefender.world import World
from reconciler.emulator.server import bind, serve

USER, PASSWORD = "admin", "benchmark"
TOLD = "/_worlds"
DAY = 24 * 3600 * 1000


def name_of(number: int) -> str:
    """What a target, its folder and its world's path are called."""
    return f"t{number:05d}"


class Worlds:
    """Passes each request on to the world that its path begins with, without that beginning."""

    def __init__(self, count: int, folder: Path, spool: Path) -> None:
        self._folder = folder
        self._worlds = {name: self._made(name, spool) for name in map(name_of, range(count))}
        self._apps: dict[str, ASGIApp] = {name: create_app(world) for name, world in self._worlds.items()}

    def _made(self, name: str, spool: Path) -> World:
        world = build(Setup(spool, self._folder / f"{name}.json", USER, PASSWORD))
        # Kept once, at the end, and not at each write. And no session ends between two rounds.
        world.state.path = None
        world.state.settings["session"]["sessionTimeout"] = DAY
        return world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == TOLD:
            await Response(orjson.dumps(self._told()), media_type="application/json")(scope, receive, send)
            return
        _, name, rest = scope["path"].split("/", 2)
        await self._apps[name]({**scope, "path": f"/{rest}"}, receive, send)

    def _told(self) -> dict[str, int]:
        journals = [world.journal for world in self._worlds.values()]
        return {
            "requests": sum(one.counts()["total"] for one in journals),
            "violations": sum(len(one.violations()) for one in journals),
        }

    def keep(self) -> None:
        """Put everything into the folder."""
        for name, world in self._worlds.items():
            content = orjson.dumps(world.state.as_json(world.clock.now()))
            (self._folder / f"{name}.json").write_bytes(content)


def main() -> None:
    """COUNT FOLDER PORT"""
    count, folder, port = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="worlds-") as spool:
        worlds = Worlds(count, folder, Path(spool))
        listener, url = bind("127.0.0.1", port)
        serve(worlds, listener, lambda: click.echo(url))
        worlds.keep()


if __name__ == "__main__":
    main()
