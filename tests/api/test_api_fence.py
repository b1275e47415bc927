"""A write whose target may be another's by now doesn't leave, not even its body; what had left is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.api import Client, Hooks
from reconciler.errors import LeaseLost, ReconcilerError, Unanswered
from reconciler.wire import Request, Response
from tests.api.server import Reply, client_of, get, go, listening, one, script, serving
from tests.api.test_api_upload import MIB, Sink, upload

BODY = b'{"a": 1}'


class Fence:
    """Lets ``passes`` parts of requests through."""

    def __init__(self, passes: int = 0) -> None:
        self.passes = passes
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked > self.passes:
            raise LeaseLost("the lease isn't ours any more", remedy="Wait.")


class Notes:
    """A journal that notes what became of each write."""

    def __init__(self) -> None:
        self.errors: list[ReconcilerError | None] = []

    async def before(self, request: Request) -> int:
        return 1

    def departs(self, token: Any) -> None: ...

    async def after(self, token: Any, response: Response | None, error: ReconcilerError | None) -> None:
        self.errors.append(error)


def write(body: bytes | None) -> Request:
    return Request("change", "PUT", "/thing", body=body, write=True)


async def refused(client: Client, request: Request, kind: type[ReconcilerError]) -> ReconcilerError:
    notes = Notes()
    with pytest.raises(kind) as error:
        await client.run(one(request), notes)
    assert notes.errors == [error.value]
    assert type(error.value) is kind
    assert error.value.__context__ is None
    return error.value


@pytest.mark.parametrize("body", [None, BODY])
def test_a_fenced_write_never_reaches_the_server(body: bytes | None):
    fence = Fence()

    async def main() -> None:
        hooks = Hooks(fence=fence)
        async with serving(script(Reply(), Reply(), Reply())) as server, client_of(server.url, hooks=hooks) as client:
            await client.run(one(get()))
            assert fence.asked == 0
            error = await refused(client, write(body), LeaseLost)
            assert error.message == "change: the lease isn't ours any more; nothing was sent"
            assert error.remedy == "Wait."
            assert fence.asked == 1
            await client.run(one(get()))
            fence.passes = 10
            await client.run(one(write(body)))
            assert fence.asked == (3 if body else 2)
            assert server.calls == ["GET /thing", "GET /thing", "PUT /thing"]

    go(main())


def test_a_body_stays_back_when_only_its_head_had_left():
    async def main() -> None:
        hooks = Hooks(fence=Fence(1))
        async with serving(script(Reply())) as server, client_of(server.url, hooks=hooks) as client:
            error = await refused(client, write(BODY), Unanswered)
            assert "it was broken off: the lease isn't ours any more" in error.message
            assert server.calls == []

    go(main())


def test_an_upload_ends_with_the_lease(tmp_path: Path):
    file = tmp_path / "installer"
    file.write_bytes(b"x" * 4 * MIB)
    sink = Sink()

    async def main() -> None:
        # The head, the body, and two of its pieces.
        hooks = Hooks(fence=Fence(4))
        async with listening(sink.connected) as port, client_of(f"http://127.0.0.1:{port}", hooks=hooks) as client:
            await refused(client, upload(file), Unanswered)
            await sink.ended.wait()
            assert sink.length == 2 * MIB

    go(main())
