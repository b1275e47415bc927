"""Applies the example to the emulator and keeps what was answered, planned, observed and remembered.

``python -m tests.fuzz.record`` renews the files in ``recorded``, which inputs are made from: a number of an input
means the same one on every machine.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.emulator.server import threaded
from tests.e2e.kit import Center, Desk, setup
from tests.emulator.center import Switch

RECORDED = Path(__file__).parent / "recorded"


class Listener:
    """An application that keeps the last good answer to each (method, path)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.answers: dict[tuple[str, str], bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, status = bytearray(), 0

        async def listen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, listen)
        if 200 <= status < 300:
            self.answers[scope["method"], scope["path"]] = bytes(body)


def record(folder: Path) -> dict[str, Any]:
    """Operation → what a Control Center answered while the example was applied, and planned for again.

    The folder then holds ``desk/state/state.db``, the recording ``live.json`` and the first plan, ``plan.json``.
    """
    switch = Switch()
    with threaded(switch) as url:
        center = Center(url, switch, setup(folder / "spool"))
        switch.app = listener = Listener(switch.app)
        desk = Desk(folder / "desk", center)
        desk.give_example()
        desk.run("state", "init").ended(0)
        desk.plan("--out", str(folder / "plan.json")).ended(0)
        desk.apply().ended(0)
        desk.plan("--detailed-exitcode").ended(0)
        desk.run("observe", "--out", str(folder / "live.json")).ended(0)
        names = {(one["method"], one["path"]): one["operationId"] for one in center.requests()}
    found = {names[place]: body for place, body in listener.answers.items() if names.get(place)}
    return {name: json.loads(body) if body else None for name, body in sorted(found.items())}


def main() -> None:
    """Renew the files."""
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        answers = record(Path(folder))
        (RECORDED / "answers.json").write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
        for name in ("plan.json", "live.json"):
            shutil.copy(Path(folder, name), RECORDED / name)


if __name__ == "__main__":
    main()
