"""Canaries, and the one scanner that looks for them: in files, in what was printed, in what was answered.

It writes its own forms, and takes none of the reconciler's: what the reconciler forgets, it mustn't forget as well.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Characters; of a shorter value only the text itself is looked for, as its codes are in every file."""

PARTIAL = 16
"""Characters of a long value that must not be seen alone either, at its start and at its end."""

ROLES = """
    control-center-user-password control-center-api-key session-id session-csrf user-password previous-password
    user-api-key service-password service-connection-key worker-connection-key storage-salt brightriver-client-token
    brightriver-session-token bunnystudio-token read-token plan-token operate-token daemon-csrf daemon-cookie
    webhook-secret git-token git-password ssh-private-key tls-private-key notification-url notification-signing-key
    apprise-url commit-status-token fingerprint-key state-key database-password proxy-password server-token
    with-spaces with-quotes with-markup with-unicode with-percent with-lines
""".split()
"""What the reconciler is trusted with, and values that are written differently wherever they are written."""

_SHAPES: Mapping[str, Callable[[str], str]] = {
    "control-center-api-key": lambda core: core.encode().hex()[:36],
    "session-id": lambda core: core.encode().hex()[:32],
    "ssh-private-key": lambda core: _pem("OPENSSH PRIVATE KEY", core),
    "tls-private-key": lambda core: _pem("PRIVATE KEY", core),
    "notification-url": lambda core: f"https://hooks.example/services/T0/{core}?token={core[::-1]}&x=1",
    "apprise-url": lambda core: f"slack://{core}/{core[::-1]}/#ops",
    "with-spaces": lambda core: f"{core}  and more\tof it",
    "with-quotes": lambda core: f'{core}"\'\\"`$',
    "with-markup": lambda core: f"<b>{core}</b>&amp;",
    "with-unicode": lambda core: f"ключ-{core}-é\U0001f511",
    "with-percent": lambda core: f"100%25/{core}+a=b&c?d#e",
    "with-lines": lambda core: f"{core}-first\n{core[::-1]}-second",
}


def canaries(seed: int = 0) -> dict[str, str]:
    """A value for each role, unlike all others and unlike any word."""
    chance = random.Random(seed)  # noqa: S311 - the same ones each time
    cores = {role: "".join(chance.choices("abcdefghkmnpqrstuvwxyzABCDEFGH23456789", k=24)) for role in ROLES}
    return {role: _SHAPES.get(role, str)(core) for role, core in cores.items()}


def _pem(kind: str, core: str) -> str:
    lines = [base64.b64encode(f"{core}-{number}-{core[::-1]}".encode()).decode() for number in range(4)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"]) + "\n"


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _lower(text: str) -> str:
    return re.sub("%..", lambda match: match[0].lower(), text)


FORMS: Mapping[str, Callable[[str], str]] = {
    "raw": str,
    "stripped": str.strip,
    "json": _escaped,
    "json in utf-8": lambda one: json.dumps(one, ensure_ascii=False)[1:-1],
    "json in json": lambda one: _escaped(_escaped(one)),
    "json as PHP writes it": lambda one: _escaped(one).replace("/", "\\/"),
    "json as Go writes it": lambda one: (
        json.dumps(one, ensure_ascii=False)[1:-1]
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
    ),
    "html as Jinja writes it": lambda one: html.escape(one).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "url": lambda one: quote(one, safe=""),
    "url in lower case": lambda one: _lower(quote(one, safe="")),
    "url path": quote,
    "form": quote_plus,
    "html": html.escape,
    "html without quotes": lambda one: html.escape(one, quote=False),
    "repr": lambda one: repr(one)[1:-1],
    "repr of bytes": lambda one: repr(one.encode())[2:-1],
    "hex": lambda one: one.encode().hex(),
    "HEX": lambda one: one.encode().hex().upper(),
    "base64": lambda one: base64.b64encode(one.encode()).decode().rstrip("="),
    "urlsafe base64": lambda one: base64.urlsafe_b64encode(one.encode()).decode().rstrip("="),
    "base64 of user:password": lambda one: _within(one, 1, base64.b64encode),
    "base64 of a longer text": lambda one: _within(one, 2, base64.b64encode),
    "urlsafe base64 of a longer text": lambda one: _within(one, 2, base64.urlsafe_b64encode),
    "urlsafe base64 of user:password": lambda one: _within(one, 1, base64.urlsafe_b64encode),
}
"""How a text may be written; each makes the part that doesn't depend on what stands around it."""


def _within(value: str, before: int, encode: Callable[[bytes], bytes]) -> str:
    """In base64 behind so many other bytes (modulo 3): without the characters that these or what follows share."""
    raw = value.encode()
    code = encode(bytes(before) + raw).decode().rstrip("=")
    whole = (before + len(raw)) * 8 // 6
    return code[(before * 8 + 5) // 6 : whole]


@dataclass(frozen=True, slots=True)
class Found:
    """A canary that was seen: which one, how it was written, where. Its value stays out of the test's own output."""

    name: str
    form: str
    place: str

    def __str__(self) -> str:
        return f"{self.name} ({self.form}) in {self.place}"


def written(value: str) -> Iterator[tuple[str, str]]:
    """(form, text) of every way in which a value may be given away, whole."""
    parts = [value, *(line for line in value.splitlines() if len(line) >= PARTIAL and not line.startswith("-----"))]
    for part in dict.fromkeys(parts):
        for form, write in FORMS.items():
            yield form, write(part)


@lru_cache(maxsize=10_000)
def needles(value: str, partial: bool = False) -> tuple[tuple[str, bytes], ...]:
    """(form, bytes) to look for: none of them holds another one, as finding that one is enough."""
    if len(value) < SHORTEST:
        return (("raw", value.encode()),) if value else ()
    texts: dict[bytes, str] = {}
    for form, one in written(value):
        if len(one) >= SHORTEST:
            texts.setdefault(one.encode(), form)
    if partial and len(value) >= 24 and "\n" not in value:
        texts[value[-PARTIAL:].encode()] = "its end"
        if "://" not in value:  # a URL's start is no secret
            texts[value[:PARTIAL].encode()] = "its start"
    smallest = sorted(texts, key=len)
    kept: list[bytes] = []
    for text in smallest:
        if not any(other in text for other in kept):
            kept.append(text)
    return tuple((texts[text], text) for text in kept)


def scan(
    paths: Iterable[Path], texts: Mapping[str, str | bytes], values: Mapping[str, str], *, partial: bool = False
) -> list[Found]:
    """Every canary (``values`` by name) in these files and texts (by where they are from), in any form.

    ``partial``: half a value counts, too.
    """
    looked_for = [(name, form, text) for name, value in values.items() for form, text in needles(value, partial)]
    found = []
    for place, data in _everything(paths, texts):
        found += [Found(name, form, place) for name, form, text in looked_for if text in data]
    return found


def _everything(paths: Iterable[Path], texts: Mapping[str, str | bytes]) -> Iterator[tuple[str, bytes]]:
    for place, text in texts.items():
        yield place, text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
    for path in paths:
        if path.is_file():
            yield str(path.name), path.read_bytes()
