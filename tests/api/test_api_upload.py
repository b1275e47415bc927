"""Uploads: streamed, measured, and never finished with a file that isn't the one that was meant."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.api import Hooks
from reconciler.errors import InputError, Unanswered
from reconciler.wire import FileBody, Request
from tests.api.server import QUICK, Reply, client_of, go, listening, one, put, script, serving

MIB = 1024 * 1024


def upload(path: Path, **more: Any) -> Request:
    data = path.read_bytes()
    body = FileBody(str(path), len(data), hashlib.sha256(data).hexdigest())
    return Request(
        "upload", "POST", "/installer", body=replace(body, **more), headers={"filename": "a.msi"}, write=True
    )


class Sink:
    """Reads a body in pieces and keeps only its length and hash; ``pause`` is called for each piece."""

    def __init__(self, pause: Callable[[int], float] = lambda _: 0) -> None:
        self.head = b""
        self.length = 0
        self.digest = hashlib.sha256()
        self.pause = pause
        self.ended = asyncio.Event()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.head = await reader.readuntil(b"\r\n\r\n")
            expected = int(self.head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while self.length < expected:
                piece = await reader.read(65536)
                if not piece:
                    return
                self.length += len(piece)
                self.digest.update(piece)
                await asyncio.sleep(self.pause(self.length))
            writer.write(Reply().encode())
            await writer.drain()
        except OSError:
            pass
        finally:
            self.ended.set()


@asynccontextmanager
async def sinking(sink: Sink) -> AsyncIterator[str]:
    async with listening(sink.connected) as port:
        yield f"http://127.0.0.1:{port}"


def test_a_large_file_is_streamed_with_progress_and_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.msi"
    with path.open("wb") as file:
        for number in range(48):
            file.write(bytes([number]) * MIB)
        file.write(b"tail")
    request = upload(path)
    seen: list[tuple[int, int]] = []
    hooks = Hooks(on_upload=lambda _, sent, total: seen.append((sent, total)))

    async def main() -> None:
        sink = Sink()
        async with sinking(sink) as url, client_of(url, hooks=hooks) as client:
            tracemalloc.start()
            assert (await client.run(one(request))).status == 200
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 12 * MIB
            total = 48 * MIB + 4
            assert sink.length == total
            assert isinstance(request.body, FileBody)
            assert sink.digest.hexdigest() == request.body.sha256
            assert b"transfer-encoding" not in sink.head.lower()
            assert b"filename: a.msi" in sink.head
            assert b"content-type: application/octet-stream" in sink.head
            assert seen == [(min(n * MIB, total), total) for n in range(1, 50)]

    go(main())


def test_a_small_and_an_empty_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            for content in (b"x", b""):
                path = tmp_path / "f"
                path.write_bytes(content)
                await client.run(one(upload(path)))
                assert (server.seen[-1].body, server.seen[-1].headers["content-length"]) == (content, str(len(content)))

    go(main())


WRONG: dict[str, dict[str, Any]] = {
    "longer": {"size": 5},
    "shorter": {"size": 99},
    "other": {"sha256": "00" * 32},
    "none": {"sha256": ""},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("content", [b"0123456789", b""], ids=["some", "empty"])
def test_another_file_is_never_sent_whole(tmp_path: Path, wrong: dict[str, Any], content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    request = upload(path, **wrong)
    assert isinstance(request.body, FileBody)
    expected = request.body.size

    async def main() -> None:
        sink = Sink()
        async with sinking(sink) as url, client_of(url) as client:
            with pytest.raises(InputError, match="not the file that was planned"):
                await client.run(one(request))
            await sink.ended.wait()
            assert sink.length < max(expected, 1)

    go(main())


@pytest.mark.parametrize("change", ["truncate", "append", "overwrite"])
def test_a_file_that_changes_on_its_way_is_broken_off(tmp_path: Path, change: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(8 * MIB))
    request = upload(path)

    def meanwhile(_: Request, sent: int, total: int) -> None:
        if sent == 4 * MIB:
            with path.open("r+b") as file:
                file.truncate(5 * MIB) if change == "truncate" else file.seek(0, 2 if change == "append" else 0)
                if change == "overwrite":
                    file.seek(6 * MIB)
                file.write(b"changed")

    async def main() -> None:
        sink = Sink()
        async with sinking(sink) as url, client_of(url, hooks=Hooks(on_upload=meanwhile)) as client:
            with pytest.raises(InputError, match="before its last byte"):
                await client.run(one(request))
            await sink.ended.wait()
            assert 4 * MIB <= sink.length < 8 * MIB

    go(main())


def test_a_missing_file_sends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    request = upload(path)
    path.unlink()

    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            with pytest.raises(InputError, match="nothing was sent"):
                await client.run(one(request))
            assert server.connections == 0

    go(main())


def test_an_upload_has_a_deadline_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(2 * MIB))

    async def main() -> None:
        limits = replace(QUICK, request=0.1, upload=5)
        async with sinking(Sink(lambda _: 0.01)) as url, client_of(url, limits=limits) as client:
            assert (await client.run(one(upload(path)))).status == 200
        path.write_bytes(bytes(16 * MIB))
        limits = replace(QUICK, upload=0.3)
        async with (
            sinking(Sink(lambda length: length // MIB)) as url,
            client_of(url, limits=limits) as client,
        ):
            with pytest.raises(Unanswered, match=r"within 0\.3 s"):
                await client.run(one(upload(path)))

    go(main())


def test_an_early_refusal_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(4 * MIB))

    async def main() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(Reply(413).encode())
            while await reader.read(65536):
                pass

        async with listening(refuse) as port, client_of(f"http://127.0.0.1:{port}") as client:
            assert (await client.run(one(upload(path)))).status == 413

    go(main())


def test_other_bodies_are_not_files() -> None:
    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            await client.run(one(put(headers={"content-type": "text/plain"})))
            assert server.seen[0].headers["content-type"] == "text/plain"

    go(main())


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file that opens and can't be read")
def test_a_file_that_cannot_be_read_on_breaks_the_upload_off() -> None:
    async def main() -> None:
        sink = Sink()
        body = FileBody("/proc/self/mem", 10, "00" * 32)
        async with sinking(sink) as url, client_of(url) as client:
            with pytest.raises(InputError, match="can't be read on"):
                await client.run(one(Request("upload", "POST", "/installer", body=body, write=True)))
            await sink.ended.wait()
            assert sink.length == 0

    go(main())
