"""A pool that rests holds no connections, and goes on working."""

from __future__ import annotations

import asyncio

from reconciler.api import Tls, make_http


class Server:
    """Answers everything with 200 and an empty body, slowly where the path says so."""

    def __init__(self) -> None:
        self.open = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        while head := await reader.readline():
            while (await reader.readline()).strip():
                pass
            await asyncio.sleep(0.3 if b"slow" in head else 0)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        self.open -= 1
        writer.close()


async def resting(path: str) -> list[int]:
    """Open connections after a request, after a rest, and after a request and a rest within a slow one."""
    server = Server()
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with make_http(url, tls=Tls()) as http:
            await http.get(url)
            seen = [server.open]
            await http.rest()
            await asyncio.sleep(0.05)
            seen.append(server.open)
            under_way = asyncio.create_task(http.get(f"{url}/{path}"))
            await asyncio.sleep(0.05)
            await http.rest()
            assert (await under_way).status_code == 200
            await asyncio.sleep(0.05)
            seen.append(server.open)
        await asyncio.sleep(0.05)  # the server's side ends, too
    return seen


def test_who_rests_holds_no_connection():
    assert asyncio.run(resting("")) == [1, 0, 0]


def test_what_is_under_way_is_not_cut_off():
    assert asyncio.run(resting("slow")) == [1, 0, 1]
