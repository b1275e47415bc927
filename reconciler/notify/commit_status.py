"""A commit's status on the git server: whether what it describes is what runs."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import structlog
from msgspec import Struct

from reconciler.api.address import join
from reconciler.errors import InputError
from reconciler.notify.forges import FORGES, State
from reconciler.notify.post import DEADLINE, Post, Way, accepted
from reconciler.notify.tries import PAUSES, deliver
from reconciler.secret import Secret, hidden
from reconciler.wire import json_body

LONGEST = 140
AGAIN = 300.0
"""Seconds until a status that could not be delivered is tried anew."""

_SHA = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_BAD = ("error", "failed", "blocked")
_HEADER = re.compile("[!-~]+")
_log = structlog.get_logger("reconciler.notify")


class _Status(Struct, frozen=True):
    revision: str
    state: State
    description: str

    def same(self, other: _Status | None) -> bool:
        return other is not None and (self.revision, self.state) == (other.revision, other.state)


def judged(outcomes: Mapping[str, str | None], error: str | None = None) -> tuple[State, str]:
    """The state of a revision over all targets, and a description of at most 140 characters.

    ``outcomes`` is by target how the last pass with this revision ended, None before the first one. An error of the
    tree itself is ``error``; one target that failed or is blocked makes it ``failure``; all converged ``success``;
    anything else (drift that is only told, a suspension, what goes on) is ``pending``.
    """
    counts = Counter(outcome or "waiting" for outcome in outcomes.values())
    good = counts.pop("converged", 0)
    words = [f"{good} of {len(outcomes)} targets converged"]
    words += [f"{counts[word]} {word}" for word in sorted(counts, key=lambda word: (word not in _BAD, word))]
    named = sorted(name for name, outcome in outcomes.items() if outcome in _BAD)
    description = ", ".join(words) + (f": {', '.join(named)}" if named else "")
    state: State = "pending"
    if error is not None:
        state, description = "error", error
    elif named:
        state = "failure"
    elif outcomes and not counts:
        state = "success"
    line = " ".join(description.split())
    return state, line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


class CommitStatus:
    """Tells the git server the newest state of a revision, once for each revision and state.

    Only the newest counts: what changed again before it was sent is never sent.
    """

    def __init__(
        self,
        provider: str,
        repository: str,
        token: Secret,
        *,
        name: str = "commit status",
        api: str | None = None,
        context: str = "reconciler",
        page: str | None = None,
        way: Way | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self.name = name
        self._forge = FORGES[provider]
        self._repository = repository
        self._token = token
        self._context = context
        self._page = page
        if not _HEADER.fullmatch(token.reveal()):
            raise InputError(f"the token of the {name} has characters that no header may hold")
        self._post = Post(api or self._forge.api, name, way or Way(), deadline)
        if self._post.address.query or self._post.address.userinfo:
            raise InputError(f"the api address of the {name} has a query or credentials", remedy="take them out")
        join(self._post.address, self._forge.path(repository, "0" * 40))
        self._wanted: _Status | None = None
        self._settled: _Status | None = None
        self._wake = asyncio.Event()

    def tell(
        self, revision: str, outcomes: Mapping[str, str | None], error: str | None = None, *, hide: Callable[[str], str]
    ) -> None:
        """This is how things are; see ``judged``. A revision that is no commit's hash is ignored. Never blocks."""
        if not _SHA.fullmatch(revision):
            return
        state, description = judged(outcomes, None if error is None else hide(error))
        wanted = _Status(revision, state, description)
        if not wanted.same(self._wanted):
            self._wanted = wanted
            self._wake.set()

    @property
    def idle(self) -> bool:
        """Nothing is left to be sent."""
        return self._wanted is None or self._wanted.same(self._settled)

    async def run(self, pauses: Sequence[float] = PAUSES, again: float = AGAIN) -> None:
        """Send what is wanted, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (wanted := self._wanted) is not None and not wanted.same(self._settled):
                if not await self._sent(wanted, pauses):
                    await asyncio.sleep(again)

    async def _sent(self, wanted: _Status, pauses: Sequence[float]) -> bool:
        """Whether that is over: it was sent, or refused, which trying again doesn't change."""
        end = await deliver(lambda: self._send(wanted), self.name, pauses, revision=wanted.revision)
        if end == "missed":
            return False
        self._settled = wanted
        if end == "delivered":
            _log.info("the commit's status was set", revision=wanted.revision, state=wanted.state)
        return True

    async def _send(self, wanted: _Status) -> None:
        path = self._forge.path(self._repository, wanted.revision)
        body = self._forge.body(wanted.state, self._context, wanted.description, self._page)
        headers = self._forge.headers(self._token.reveal())
        response = await self._post.send(join(self._post.address, path), json_body(body), headers)
        if not self._forge.already(response):
            accepted(response, self.name, hidden(response.text, [self._token]))

    async def close(self) -> None:
        await self._post.close()
