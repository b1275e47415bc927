"""GitHub's and GitLab's comments as real HTTP servers on loopback: each keeps what it is told, in its limits."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ROBOT = "github-actions[bot]"
TOKENS = {
    "canary-token-of-the-workflow-0123": ROBOT,
    "canary-token-of-a-person-01234567": "alice",
    "canary-token-of-a-reader-01234567": "reader",
}
WORKFLOW, PERSON, READER = TOKENS


@dataclass
class Comment:
    id: int
    author: str | None
    body: str
    system: bool = False


@dataclass
class Answer:
    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FakeForge:
    """``failures`` are statuses with which the next writes are answered; 0 does the write, and hangs up then."""

    kind: str
    comments: list[Comment] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    slow_reads: list[int] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    page: int = 100

    @property
    def repository(self) -> str:
        return "acme/clusters" if self.kind == "github" else "42"

    @property
    def writes(self) -> list[str]:
        return [method for method, _ in self.asked if method != "GET"]

    def say(self, author: str | None, body: str, *, system: bool = False) -> Comment:
        self.comments.append(Comment(len(self.comments) + 1, author, body, system))
        return self.comments[-1]

    def by(self, author: str) -> list[Comment]:
        return [one for one in self.comments if one.author == author]

    def env(self, token: str = WORKFLOW) -> dict[str, str]:
        """What a CI tells its jobs."""
        if self.kind == "github":
            return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": self.repository, "GITHUB_TOKEN": token,
                    "GITHUB_REF": "refs/pull/7/merge"}  # fmt: skip
        return {"CI_API_V4_URL": self.url, "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7", "GITLAB_TOKEN": token}

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.asked.append((method, path))
        user = self._user(headers)
        if user is None:
            return Answer(401, {"message": "Bad credentials"})
        if method == "GET" and self.slow_reads:
            return Answer(self.slow_reads.pop(0), {"message": "down"})
        if path == "/user":
            refused = self.kind == "github" and user == ROBOT
            return Answer(403, {"message": "Resource not accessible by integration"}) if refused else self._me(user)
        if method == "GET":
            return self._list(path, int(query["page"][0]), int(query["per_page"][0]))
        return self._write(method, path, user, json.loads(body)["body"])

    def _user(self, headers: Mapping[str, str]) -> str | None:
        given = headers.get("authorization", "") if self.kind == "github" else headers.get("private-token", "")
        return TOKENS.get(given.removeprefix("Bearer "))

    def _me(self, user: str) -> Answer:
        return Answer(200, {"login" if self.kind == "github" else "username": user, "id": 1})

    def _list(self, path: str, page: int, size: int) -> Answer:
        if path != self._collection:
            return Answer(404, {"message": "Not Found"})
        size = min(size, self.page)
        shown = self.comments[(page - 1) * size : page * size]
        more = len(self.comments) > page * size
        if self.kind == "github":
            link = {"link": f'<{self.url}{path}?page={page + 1}>; rel="next", <{self.url}>; rel="last"'} if more else {}
            return Answer(200, [self._shown(one) for one in shown], link)
        return Answer(200, [self._shown(one) for one in shown], {"x-next-page": str(page + 1) if more else ""})

    @property
    def _collection(self) -> str:
        return (
            "/repos/acme/clusters/issues/7/comments" if self.kind == "github" else "/projects/42/merge_requests/7/notes"
        )

    def _write(self, method: str, path: str, user: str, body: str) -> Answer | None:
        failure = self.failures.pop(0) if self.failures else None
        if failure:
            return Answer(failure, {"message": f"no, {failure}"}, {"retry-after": "0"})
        if user == "reader":
            return Answer(403, {"message": "403 Forbidden"})
        if len(body) > (65536 if self.kind == "github" else 1_000_000):
            return Answer(422 if self.kind == "github" else 400, {"message": "body is too long"})
        return self._done(method, path, user, body, lost=failure == 0)

    def _done(self, method: str, path: str, user: str, body: str, *, lost: bool) -> Answer | None:
        if method == "POST" and path == self._collection:
            found = self.say(user, body)
            return None if lost else Answer(201, self._shown(found))
        match = re.fullmatch(r".*/(?:comments|notes)/(\d+)", unquote(path))
        assert match is not None
        assert method == ("PATCH" if self.kind == "github" else "PUT")
        found = next(one for one in self.comments if one.id == int(match[1]))
        found.body = body
        return None if lost else Answer(200, self._shown(found))

    def _shown(self, one: Comment) -> dict[str, Any]:
        if self.kind == "github":
            user = {"login": one.author} if one.author else None
            return {"id": one.id, "body": one.body, "user": user, "html_url": f"{self.url}/pull/7#comment-{one.id}"}
        return {"id": one.id, "body": one.body, "author": {"username": one.author}, "system": one.system}


@contextmanager
def forging(kind: str) -> Iterator[FakeForge]:
    forge = FakeForge(kind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = forge.answer(self.command, self.path, headers, body)
            if answer is None:
                self.close_connection = True
                return
            data = json.dumps(answer.data).encode()
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(data)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _do  # noqa: N815 - the names that the base looks for

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    forge.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
