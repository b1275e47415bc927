"""What GitHub (also Gitea and Forgejo) and GitLab want to be asked about comments. Describes requests, sends none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from msgspec import Struct

from reconciler.errors import BadReply
from reconciler.secret import Secret
from reconciler.wire import Request, Response, json_body

PAGE = 100


class Note(Struct, frozen=True):
    """A comment that is there. ``page`` is its address for people, None where the server doesn't tell."""

    id: int
    author: str
    body: str
    page: str | None = None


class Forge(Protocol):
    """One kind of git server. ``limit`` is a comment's length in characters; ``permission`` what a token needs."""

    name: str
    thing: str
    limit: int
    permission: str
    robot: str | None

    def credentials(self, token: Secret) -> dict[str, Secret]:
        """The headers that say who we are."""

    def comments(self, repository: str, number: int, page: int) -> Request:
        """A page of the comments, oldest first."""

    def more(self, response: Response) -> bool:
        """Whether there is a page behind this one."""

    def note(self, data: Any) -> Note | None:
        """One entry of the list; None for what isn't somebody's comment. Raises BadReply."""

    def create(self, repository: str, number: int, body: str) -> Request:
        """A new comment."""

    def update(self, repository: str, number: int, id: int, body: str) -> Request:
        """Another text for a comment."""

    def me(self) -> Request:
        """Who the token belongs to."""

    def name_of(self, data: Any) -> str | None:
        """The name in the answer to :meth:`me`."""


class GitHub:
    """``/repos/OWNER/NAME/issues/N/comments``: a pull request is an issue there."""

    name = "github"
    thing = "pull request"
    limit = 65536
    permission = (
        "in GitHub Actions `permissions: {pull-requests: write}`; in a fork's pull request there is no such token"
    )
    robot: str | None = "github-actions[bot]"
    headers: Mapping[str, str] = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}

    def credentials(self, token: Secret) -> dict[str, Secret]:
        return {"authorization": Secret(f"Bearer {token.reveal()}")}

    def comments(self, repository: str, number: int, page: int) -> Request:
        return self._request("listComments", "GET", f"{_issues(repository)}/{number}/comments?{_page(page)}")

    def more(self, response: Response) -> bool:
        return re.search(r';\s*rel="?next"?', response.headers.get("link", "")) is not None

    def note(self, data: Any) -> Note | None:
        return _note(data, "user", "login", "html_url")

    def create(self, repository: str, number: int, body: str) -> Request:
        return self._request("createComment", "POST", f"{_issues(repository)}/{number}/comments", body)

    def update(self, repository: str, number: int, id: int, body: str) -> Request:
        return self._request("updateComment", "PATCH", f"{_issues(repository)}/comments/{id}", body)

    def me(self) -> Request:
        return self._request("whoAmI", "GET", "/user")

    def name_of(self, data: Any) -> str | None:
        return _text(data, "login")

    def _request(self, operation: str, method: str, path: str, body: str | None = None) -> Request:
        return _request(operation, method, path, self.headers, body)


class GitLab:
    """``/projects/ID/merge_requests/N/notes``."""

    name = "gitlab"
    thing = "merge request"
    limit = 1_000_000
    permission = "a project access token with the scope api and the role Reporter or more; CI_JOB_TOKEN can't comment"
    robot: str | None = None

    def credentials(self, token: Secret) -> dict[str, Secret]:
        return {"private-token": Secret(token.reveal())}

    def comments(self, repository: str, number: int, page: int) -> Request:
        return _request("listNotes", "GET", f"{_notes(repository, number)}?{_page(page)}&sort=asc&order_by=created_at")

    def more(self, response: Response) -> bool:
        return bool(response.headers.get("x-next-page", "").strip())

    def note(self, data: Any) -> Note | None:
        return None if isinstance(data, dict) and data.get("system") is True else _note(data, "author", "username", "")

    def create(self, repository: str, number: int, body: str) -> Request:
        return _request("createNote", "POST", _notes(repository, number), body=body)

    def update(self, repository: str, number: int, id: int, body: str) -> Request:
        return _request("updateNote", "PUT", f"{_notes(repository, number)}/{id}", body=body)

    def me(self) -> Request:
        return _request("whoAmI", "GET", "/user")

    def name_of(self, data: Any) -> str | None:
        return _text(data, "username")


FORGES: Mapping[str, Forge] = {"github": GitHub(), "gitlab": GitLab()}


def _issues(repository: str) -> str:
    return f"/repos/{quote(repository)}/issues"


def _notes(repository: str, number: int) -> str:
    return f"/projects/{quote(repository, safe='')}/merge_requests/{number}/notes"


def _page(number: int) -> str:
    return f"per_page={PAGE}&page={number}"


def _request(
    operation: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | None = None
) -> Request:
    data = None if body is None else json_body({"body": body})
    return Request(operation, method, path, body=data, headers=headers or {}, write=method != "GET")


def _note(data: Any, author: str, name: str, page: str) -> Note:
    if not isinstance(data, dict) or type(data.get("id")) is not int:
        raise BadReply("the answer is no list of comments")
    # Where an account is gone, there is a comment without an author.
    body, address = data.get("body"), data.get(page)
    return Note(
        data["id"],
        _text(data.get(author), name) or "",
        body if isinstance(body, str) else "",
        address if isinstance(address, str) else None,
    )


def _text(data: Any, name: str) -> str | None:
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, str) and found else None
