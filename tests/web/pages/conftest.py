"""The status page of a staged daemon, served over real HTTP, and those who ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from reconciler.web.settings import Role, WebSettings
from tests.web.pages import stage
from tests.web.pages.reading import form_values

Opened = Callable[..., httpx.Client]


@pytest.fixture
def made() -> stage.Stage:
    """The daemon that most tests look at."""
    return stage.stage()


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Serves a stage; gives a client that isn't signed in and follows nothing."""
    with ExitStack() as stack:

        def start(control: stage.Stage, settings: WebSettings | None = None) -> httpx.Client:
            url = stack.enter_context(stage.served(control, settings or stage.settings(*Role)))
            return stack.enter_context(httpx.Client(base_url=url))

        yield start


@pytest.fixture
def signed(opened: Opened, made: stage.Stage) -> Iterator[Callable[[Role], Browser]]:
    """Signs in at the usual stage with the role's token."""
    with ExitStack() as stack:
        first = opened(made)

        def sign(role: Role) -> Browser:
            return Browser(stack.enter_context(httpx.Client(base_url=first.base_url)), role)

        yield sign


class Browser:
    """A browser without JavaScript: it keeps cookies, follows redirects, and says where a form comes from."""

    def __init__(self, client: httpx.Client, role: Role) -> None:
        self.client = client
        self.host = {"Origin": str(client.base_url).rstrip("/")}
        given = {"token": stage.TOKENS[role], "next": "/"}
        assert client.post("/login", data=given, headers=self.host).status_code == 303

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, follow_redirects=True)

    def send(self, page: str, action: str, **typed: str) -> httpx.Response:
        """Fill in the form of the page that goes to ``action`` and send it; gives the page that follows."""
        answer = self.client.post(action, data=form_values(self.get(page).text, action) | typed, headers=self.host)
        return self.get(answer.headers["location"]) if answer.status_code == 303 else answer
