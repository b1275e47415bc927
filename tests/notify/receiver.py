"""Real HTTP receivers on loopback: what notifications and statuses are sent to."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from reconciler.notify import Notifier


@dataclass
class Got:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """``wait`` in seconds before it, or until the ``gate`` is open; a status of 0 hangs up."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    wait: float = 0.0
    gate: threading.Event | None = None


class Receiver:
    """Answers in this order, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers or [Answer()])
        self.got: list[Got] = []
        self.port = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def outcomes(self) -> list[str]:
        return [got.json["outcome"] for got in self.got]

    def answer(self, got: Got) -> Answer:
        with self.lock:
            self.got.append(got)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(*answers: Answer) -> Iterator[Receiver]:
    receiver = Receiver(*answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.answer(Got(self.command, self.path, headers, body))
            time.sleep(answer.wait)
            if answer.gate is not None:
                answer.gate.wait(10)
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """The other side has gone."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def until(met: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - what is waited for happens in threads
            await asyncio.sleep(0.01)


def go(notifier: Notifier, main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine beside the notifier, which is drained and ended after it."""

    async def both() -> None:
        running = asyncio.create_task(notifier.run())
        try:
            async with asyncio.timeout(20):
                await main
                await notifier.drain(10)
        finally:
            assert not running.done(), "the notifier ends by being cancelled only"
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(both())
