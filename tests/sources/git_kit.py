"""Real repositories, and real servers for them: local, smart HTTP with credentials, ssh as far as its command line."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from reconciler.errors import ReconcilerError
from reconciler.sources import Tree
from reconciler.sources.git import GitSource, Repository

T = TypeVar("T")
IDENTITY = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "core.fsync=none")
BACKEND = Path(subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip())


class Origin:
    """A bare repository that is pushed to from a work tree beside it."""

    def __init__(self, folder: Path, form: str = "sha1") -> None:
        self.path, self.work = folder / "origin.git", folder / "work"
        options = ["-q", "-b", "main", f"--object-format={form}"]
        subprocess.run(["git", "init", "--bare", *options, str(self.path)], check=True)
        subprocess.run(["git", "init", *options, str(self.work)], check=True)

    def git(self, *arguments: str, bare: bool = False) -> str:
        folder = self.path if bare else self.work
        command = ["git", *IDENTITY, *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name: str, content: str | bytes = "x\n") -> None:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def link(self, name: str, target: str) -> None:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def submodule(self, name: str) -> None:
        self.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{name}")

    def commit(self, *options: str, add: bool = True, push: bool = True) -> str:
        if add:
            self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", "change", *options)
        if push:
            self.push()
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "-q", "--force", str(self.path), "HEAD:main")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path)


@pytest.fixture
def repository(origin: Origin, tmp_path: Path) -> Callable[..., Repository]:
    """The repository as it is followed; anything can be said otherwise."""

    def build(**changes: Any) -> Repository:
        usual: dict[str, Any] = {"url": str(origin.path), "branch": "main", "mirror": tmp_path / "mirror"}
        return Repository(**usual | changes)

    return build


def run(work: Awaitable[T]) -> T:
    async def main() -> T:
        return await asyncio.wait_for(work, 60)

    return asyncio.run(main())


def fetched(repository: Repository) -> str:
    return run(GitSource(repository).fetch())


async def fetch_and_read(source: GitSource) -> Tree:
    return await source.read(await source.fetch())


def tree(repository: Repository) -> Tree:
    return run(fetch_and_read(GitSource(repository)))


def names(repository: Repository) -> list[str]:
    return [file.name for file in tree(repository).files]


def refusal(work: Awaitable[object], kind: type[ReconcilerError] = ReconcilerError) -> ReconcilerError:
    with pytest.raises(kind) as caught:
        run(work)
    assert caught.value.remedy
    return caught.value


class GitServer(ThreadingHTTPServer):
    """Smart HTTP on a loopback address. ``credentials`` is ``user:password``, None to let everyone in."""

    daemon_threads = True

    def __init__(self, root: Path, credentials: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root, self.credentials = root, credentials
        self.seen: list[tuple[str, str | None]] = []
        self.redirect: str | None = None
        self.status: int | None = None
        self.text = b""
        self.slow: threading.Event | None = None
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/origin.git"


class Handler(BaseHTTPRequestHandler):
    server: GitServer

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def answer(self, body: bytes) -> None:
        server, authorization = self.server, self.headers.get("Authorization")
        server.seen.append((self.path, authorization))
        if server.redirect:
            return self.say(302, Location=server.redirect + self.path)
        wanted = server.credentials and "Basic " + base64.b64encode(server.credentials.encode()).decode()
        if wanted and authorization is None:
            return self.say(401, **{"WWW-Authenticate": 'Basic realm="git"'})
        if wanted and authorization != wanted:
            return self.say(403)
        if server.status:
            return self.say(server.status)
        server.arrived.set()
        if server.slow is not None:
            server.slow.wait(60)
        return self.backend(body)

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.text)))
        if self.server.text:
            self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(self.server.text)

    def backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        command = [str(BACKEND / "git-http-backend")]
        done = subprocess.run(command, input=body, env=environment, check=True, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        self.send_header("Content-Length", str(len(content)))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests look at ``seen``."""

    def handle(self) -> None:
        with suppress(ConnectionError):  # a git that was killed
            super().handle()


@contextmanager
def serving(root: Path, credentials: str | None = None) -> Iterator[GitServer]:
    server = GitServer(root, credentials)
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            if server.slow is not None:
                server.slow.set()
            server.shutdown()
            thread.join()
