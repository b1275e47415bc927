"""Documents that are almost right: plain data with one or more mistakes in it, written as YAML in many ways."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import yaml

CANARY = "canary-4711"
SECRET_FIELDS = ("password", "previous_password", "api_key", "connection_key", "token", "passwd", "config", "url",
                 "signing", "credentials", "state")  # fmt: skip


class Pairs(list[tuple[Any, Any]]):
    """A map that may hold one key twice."""


@dataclass(frozen=True)
class Raw:
    """A text that is written as it is."""

    text: str


Data: TypeAlias = Any
Container: TypeAlias = Any

RAW = [Raw(text) for text in (
    '!!int ""',
    "!!bool abc", "!!timestamp abc", "2024-13-45", "9" * 5000, "22:22", "0755", "no", "0o7", "0x_", "1e999",
    ".nan",
    "-.INF", "~", "", "&a x", "*a", "&a [*a]", "{<<: *a}", "<<: {a: 1}", "!!python/object:os.system x", "! 12",
    "!<x> y", "!!binary ====", "!!set {a, b}", "!!omap [a: 1]", "'", '"', '"\\ud800"', '"\\0"', '"\\x1b[2J"', "|\n x",
    ">-9\n x", "|0\n x", "@x", "`x", "%x", "- x", "? x", "[a, b", "{a: b", "a]", "[,]", "{,}", "{a}", "{? a}", "[a: b]",
    "a: b: c", "x\n---\ny", "x\n...\ny", "\tx", "# x", "x #y", "é\u2028é", "\u202e", "\x85", "\ufeff", "\x00", "\x7f",
    "=", "1_000", "+1", "-0", "1.", ".5", "0b1", "12345678901234567890", "1970-01-01", "2001-12-14t21:59:43.10-05:00",
    "YES", "On", "null", "Null", "True", "FALSE",
)]  # fmt: skip
VALUES: list[Data] = [
    None, True, False, 0, -1, 1, 65536, 2**31, 2**63, 2**64, -(10**30), 1.5, 1e300, "", " ", "x", "é" * 40, "a\nb",
    "no",
    "12", "1.5", "true", "null", "~", "..", "/", "a/b", "\U0001f600", "a" * 300, "x\ty", "{{ x }}", "${X}",
    "$(x)", "%s",
    "metadefender/v1", "LOCAL", "default", [], [[]], [None], ["a", "a"], [1, "a", None], Pairs(), Pairs([("a", 1)]),
    Pairs([("secret", "x")]), Pairs([("secret", 1)]), Pairs([("secret", "x"), ("more", 1)]), Pairs([("", "")]),
    Pairs([(1, 2)]), Pairs([(Raw("[a]"), 2)]), Pairs([(Raw("? a"), 2)]), Pairs([(Raw("<<"), Raw("*a"))]),
]  # fmt: skip
CANARIES: list[Data] = [
    CANARY, [CANARY], Pairs([("x", CANARY)]), Pairs([("secret", CANARY + "/é")]), Pairs([("secret", [CANARY])]),
    Raw(f"!!binary {CANARY}"), Raw(f"'{CANARY}"), Raw(f"[{CANARY}"), Raw(f"&a {CANARY}"), Raw(f"@{CANARY}"),
    Raw(f'"{CANARY}\\q"'), Raw(f"*{CANARY}"), Raw(f"! {CANARY}"), Raw(f"| {CANARY}"), Raw(f"{CANARY}\n---\n'"),
    f"https://me:{CANARY}@host:x/", f"postgresql://me:{CANARY}@/x", f"sqlite:///{CANARY}?x", CANARY * 200,
    CANARY + "\n", " " + CANARY,
]  # fmt: skip


def as_pairs(data: Any) -> Data:
    """Plain data with Pairs for its maps."""
    if isinstance(data, dict):
        return Pairs((key, as_pairs(value)) for key, value in data.items())
    return [as_pairs(one) for one in data] if isinstance(data, list) else data


def read(data: bytes) -> list[Data]:
    """The documents of a file that is right."""
    return [as_pairs(one) for one in yaml.safe_load_all(data)]


def copied(data: Data) -> Data:
    """Data that can be changed without changing this one."""
    if isinstance(data, Pairs):
        return Pairs((key, copied(value)) for key, value in data)
    return [copied(one) for one in data] if isinstance(data, list) else data


def containers(data: Data, under: bool = False) -> Iterator[tuple[Container, bool]]:
    """Each map and list that holds something, and whether it is a field that should hold a secret's name."""
    if isinstance(data, Pairs):
        if data:
            yield data, under
        for key, value in data:
            yield from containers(value, under or key in SECRET_FIELDS)
    elif isinstance(data, list):
        if data:
            yield data, under
        for value in data:
            yield from containers(value, under)


def put(where: Container, at: int, value: Data) -> None:
    """Put a value in another's place."""
    where[at] = (where[at][0], value) if isinstance(where, Pairs) else value


def value_at(where: Container, at: int) -> Data:
    """The value at an index."""
    return where[at][1] if isinstance(where, Pairs) else where[at]


def spoil(documents: list[Data], chance: Random) -> bool:
    """Make one mistake, somewhere; whether a secret was written into it."""
    found = list(containers(documents))
    if not found:
        return False
    where, _ = chance.choice(found)
    at, way = chance.randrange(len(where)), chance.randrange(16)
    if way < 4:
        put(where, at, copied(chance.choice(VALUES)))
    elif way < 7:
        put(where, at, chance.choice(RAW))
    elif way == 7:
        del where[at]
    elif way == 8:
        where.insert(chance.randrange(len(where) + 1), copied(where[at]) if not isinstance(where, Pairs) else where[at])
    elif way == 9:
        other, _ = chance.choice(found)
        put(where, at, copied(value_at(other, chance.randrange(len(other)))) if other else None)
    elif way == 10 and isinstance(where, Pairs):
        key = where[at][0]
        keys = [str(key)[:-1], str(key).upper(), str(key) + " ", Raw("*a"), Raw("!x y"), Raw("1"), Raw("no"), Raw("")]
        where[at] = (chance.choice(keys), where[at][1])
    elif way == 11:
        put(where, at, _deep(value_at(where, at), chance))
    elif way == 12 and isinstance(where, Pairs):
        where.append((chance.choice(("spec", "name", "x", *SECRET_FIELDS)), copied(chance.choice(VALUES))))
    else:
        return _betray(found, chance)
    return False


def _deep(value: Data, chance: Random) -> Data:
    for _ in range(chance.choice((1, 2, 95, 101, 150))):
        value = [value] if chance.random() < 0.5 else Pairs([("a", value)])
    return value


def _betray(found: list[tuple[Container, bool]], chance: Random) -> bool:
    """Write a secret where only its name should be."""
    places = [(where, at) for where, under in found for at in range(len(where)) if under or _is_secret(where, at)]
    if not places:
        return False
    where, at = chance.choice(places)
    put(where, at, chance.choice(CANARIES))
    return True


def _is_secret(where: Container, at: int) -> bool:
    return isinstance(where, Pairs) and where[at][0] in SECRET_FIELDS


# --- writing

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./ _-]*[A-Za-z0-9]")
ENDS = ("\n", "\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r", "\x85", "\u2028", "\n\n", " \n", " # é\n")


def write(documents: list[Data], chance: Random) -> bytes:
    """The documents as one file, in one of many ways."""
    text = ""
    for number, one in enumerate(documents):
        start = chance.choice(("---\n", "---\n", "--- # x\n", "\n---\n", "...\n---\n")) if number else ""
        text += start + _block(one, "", chance) + "\n"
    way = chance.randrange(40)
    if way < 8:
        text = text.replace("\n", chance.choice(ENDS))
    elif way < 12:
        text = chance.choice(("%YAML 1.1\n---\n", "\ufeff", "---\n", "---\n---\n", "...\n", "# x\n", "\t", " ")) + text
    elif way < 15:
        text += chance.choice(("---\n", "...\n", "\ufeff", "\0", "---\nx", "...\nx: y\n", "]", "  x", "\t#"))
    return text.encode("utf-8", "surrogatepass")


def _block(data: Data, indent: str, chance: Random) -> str:
    if isinstance(data, Pairs | list) and data and chance.random() < 0.75:
        parts = data if isinstance(data, Pairs) else [(None, one) for one in data]
        lines = [indent + ("- " if key is None else _key(key) + ":") + _inside(value, indent, chance, key is None)
                 for key, value in parts]  # fmt: skip
        return "\n".join(lines)
    return indent + _flow(data, chance)


def _inside(value: Data, indent: str, chance: Random, item: bool) -> str:
    if isinstance(value, Pairs | list) and value and chance.random() < 0.7 and len(indent) < 40:
        return "\n" + _block(value, indent + chance.choice(("  ", "  ", "  ", " ", "    ")), chance)
    return ("" if item else " ") + _flow(value, chance)


def _flow(data: Data, chance: Random) -> str:
    if isinstance(data, Pairs):
        return "{" + ", ".join(f"{_key(key)}: {_flow(value, chance)}" for key, value in data) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(_flow(one, chance) for one in data) + "]"
    return _scalar(data, chance)


def _key(key: Any) -> str:
    return (
        key.text if isinstance(key, Raw) else key if isinstance(key, str) and PLAIN.fullmatch(key) else json.dumps(key)
    )


def _scalar(data: Data, chance: Random) -> str:
    if isinstance(data, Raw):
        return data.text
    if isinstance(data, str):
        if PLAIN.fullmatch(data) and chance.random() < 0.8:
            return data
        if "'" not in data and "\n" not in data and chance.random() < 0.3:
            return f"'{data}'"
    return json.dumps(data, ensure_ascii=chance.random() < 0.5)


Maker: TypeAlias = Callable[[Random], bytes]
