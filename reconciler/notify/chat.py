"""Slack, Teams, mail and whatever else apprise knows: a title and a few lines to its addresses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from reconciler.errors import InputError, Unanswered
from reconciler.notify.message import Message, to_text
from reconciler.secret import Secret

T = TypeVar("T")
DEADLINE = 60.0
"""Seconds for one address; apprise itself gives up a connection after a few."""

_TYPES = {"converged": "success", "failed": "failure", "error": "failure", "blocked": "warning", "drifted": "warning"}


class Apprise:
    """Sends messages with apprise (the extra ``notify``). The secret holds one of its addresses, or several.

    apprise uses a client of its own: redirects and proxies are its business, and so is whether an address is
    encrypted. Raises InputError when it isn't installed or doesn't understand an address.
    """

    def __init__(
        self, name: str, url: Secret, targets: frozenset[str] = frozenset(), deadline: float = DEADLINE
    ) -> None:
        self.name = name
        self.targets = targets
        self._deadline = deadline
        self._addresses = _addresses(name, url)
        self._had: tuple[str, set[int]] = ("", set())

    async def send(self, message: Message) -> None:
        """Raises Unanswered when an address could not be told; another try leaves out those that were."""
        if self._had[0] != message.id:
            self._had = (message.id, set())
        title, body = to_text(message)
        kind = _TYPES.get(message.outcome, "info")
        for number, address in enumerate(self._addresses):
            if number not in self._had[1] and await self._told(address, title, body, kind):
                self._had[1].add(number)
        missed = len(self._addresses) - len(self._had[1])
        if missed:
            raise Unanswered(f"{self.name}: apprise could not deliver to {missed} of {len(self._addresses)} addresses")

    async def _told(self, address: Any, title: str, body: str, kind: str) -> bool:
        def notify() -> bool:
            return bool(address.notify(body=body, title=title, notify_type=kind, body_format="text"))

        try:
            async with asyncio.timeout(self._deadline):
                return await _in_thread(notify)
        except TimeoutError:
            return False

    async def close(self) -> None:
        return None


def _addresses(name: str, url: Secret) -> list[Any]:
    """One apprise object for each address, so that each can be tried again by itself."""
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise InputError(
            f"{name} needs apprise, which is not installed",
            remedy="in a clone of the reconciler: pip install '.[notify]'",
        ) from error
    every = apprise.Apprise()
    if not every.add(url.reveal()) or not len(every):
        raise InputError(
            f"{name} is no address that apprise understands", remedy="see https://github.com/caronc/apprise/wiki"
        )
    addresses = []
    for server in every:
        addresses.append(apprise.Apprise())
        addresses[-1].add(server)
    return addresses


async def _in_thread(work: Callable[[], T]) -> T:
    """Run in a thread of its own that doesn't hold up the end of the process, as the loop's own threads do."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(setter: Callable[[Any], None], value: object) -> None:
        if not future.done():
            setter(value)

    def run() -> None:
        setter: Callable[[Any], None] = future.set_result
        try:
            value: object = work()
        except Exception as error:  # noqa: BLE001 - it is raised where the thread was started
            setter, value = future.set_exception, error
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(settle, setter, value)

    threading.Thread(target=run, name="apprise", daemon=True).start()
    return await future
