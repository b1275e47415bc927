"""How GitHub and GitLab want a commit's status to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol
from urllib.parse import quote

from reconciler.wire import Response

State = Literal["success", "failure", "error", "pending"]


class Forge(Protocol):
    """One kind of git server. ``api`` is the address that its own server has."""

    api: str

    def path(self, repository: str, revision: str) -> str:
        """Where the status of a revision is posted, below the API's address."""

    def headers(self, token: str) -> Mapping[str, str]:
        """What says who we are."""

    def body(self, state: State, context: str, description: str, page: str | None) -> dict[str, str]:
        """The status."""

    def already(self, response: Response) -> bool:
        """Whether a refusal only says that the status is there already."""


class GitHub:
    """``POST /repos/OWNER/NAME/statuses/SHA``; Gitea and Forgejo take the same below ``/api/v1``."""

    api = "https://api.github.com"

    def path(self, repository: str, revision: str) -> str:
        return f"/repos/{quote(repository)}/statuses/{revision}"

    def headers(self, token: str) -> Mapping[str, str]:
        return {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }

    def body(self, state: State, context: str, description: str, page: str | None) -> dict[str, str]:
        status = {"state": state, "context": context, "description": description}
        return status | ({"target_url": page} if page else {})

    def already(self, response: Response) -> bool:
        return False


class GitLab:
    """``POST /projects/GROUP%2FNAME/statuses/SHA``."""

    api = "https://gitlab.com/api/v4"

    def path(self, repository: str, revision: str) -> str:
        return f"/projects/{quote(repository, safe='')}/statuses/{revision}"

    def headers(self, token: str) -> Mapping[str, str]:
        return {"private-token": token}

    def body(self, state: State, context: str, description: str, page: str | None) -> dict[str, str]:
        word = "failed" if state in ("failure", "error") else state
        status = {"state": word, "name": context, "description": description}
        return status | ({"target_url": page} if page else {})

    def already(self, response: Response) -> bool:
        """A state can't be set twice: ``Cannot transition status via :succeed from :success``."""
        return response.status == 400 and "Cannot transition status" in response.text


FORGES: Mapping[str, Forge] = {"github": GitHub(), "gitlab": GitLab()}
