"""The last net under every text that leaves the process: what we know to be secret is taken out of it.

Secrets aren't turned into text in the first place; but a server, a library or an operating system may repeat one in
its own words.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct, field

from reconciler.forms import SHORTEST, Finder
from reconciler.secret import SHOWN, Secret

AFTERGLOW = 3600.0
"""Seconds for which a secret that is no longer in force is still taken out: calls and sessions may outlive it."""

RETIRED = 500
"""How many such secrets an owner may have; the oldest go first. Those in force are never dropped."""

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
_KEYS = frozenset(
    """
    apikey auth authorization bearer cookie cookies credential credentials passphrase passwd password passwords
    privatekey pwd secret secrets sessionid token tokens
    """.split()
)
_KEY_PAIRS = frozenset({("api", "key"), ("private", "key"), ("session", "id"), ("set", "cookie")})
_TELLTALE = re.compile(
    r"(?<=://)(?!git@)[^/\s@'\"]+(?=@)|(?<=\bbearer )(?=\S*\d)[\w.~+/=-]{8,}|(?<=\bauthorization: basic )[\w+/=-]+",
    re.IGNORECASE,
)
_HINTS = ("://", "bearer ", "basic ")


class _Owner(Struct):
    """One owner's secrets: those in force, and since when the others aren't any more."""

    current: frozenset[str] = frozenset()
    retired: dict[str, float] = field(default_factory=dict)

    def replace(self, values: frozenset[str], now: float) -> None:
        """Put others in force."""
        for value in self.current - values:
            self.retired[value] = now
        self.current = values
        for value, since in list(self.retired.items()):
            if value in values or now - since > AFTERGLOW:
                del self.retired[value]
        while len(self.retired) > RETIRED:
            del self.retired[next(iter(self.retired))]


class Redactor:
    """Knows the secrets in force and takes them out of texts. For any thread. What a look costs, see ``Finder``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._owners: dict[str, _Owner] = {}
        self._uses: dict[str, int] = {}
        self._finder = Finder()

    def remember(self, owner: str, values: Iterable[Secret]) -> None:
        """These are the secrets of ``owner`` (a target, the process) from now on; all that it had before retire.

        Values shorter than 4 characters aren't looked for. Cheap when nothing changed, so it is called in every pass.
        """
        found = frozenset(value for secret in values if len(value := secret.reveal()) >= SHORTEST)
        with self._lock:
            known = self._owners.setdefault(owner, _Owner())
            if found == known.current and not known.retired:
                return
            before = known.current | known.retired.keys()
            known.replace(found, self._clock())
            self._count(before, known.current | known.retired.keys())

    def forget(self, owner: str) -> None:
        """The owner is gone, and so are its secrets."""
        with self._lock:
            known = self._owners.pop(owner, _Owner())
            self._count(known.current | known.retired.keys(), frozenset())

    def hide(self, text: str) -> str:
        """The text with ``(secret)`` in place of every known secret in any of its forms, and of URLs' user parts."""
        with self._lock:
            text = self._finder.covered(text, SHOWN)
        small = text.lower()
        return _TELLTALE.sub(SHOWN, text) if any(hint in small for hint in _HINTS) else text

    def _count(self, before: frozenset[str], after: frozenset[str]) -> None:
        """Many owners may share a secret; its forms are looked for while one has it."""
        for value in after - before:
            self._uses[value] = self._uses.get(value, 0) + 1
            if self._uses[value] == 1:
                self._finder.add(value)
        for value in before - after:
            self._uses[value] -= 1
            if not self._uses[value]:
                del self._uses[value]
                self._finder.drop(value)


@lru_cache(maxsize=1000)
def is_secret(key: str) -> bool:
    """Whether a field of this name holds a secret, whatever its value: ``password``, ``X-Api-Key``."""
    words = [word.lower() for word in _WORD.findall(key)]
    return not _KEYS.isdisjoint(words) or not _KEY_PAIRS.isdisjoint(pairwise(words))
