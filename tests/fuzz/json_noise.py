"""JSON that is almost right: one value of another type, one field less, one entry twice."""

from __future__ import annotations

import json
from random import Random
from typing import Any

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 3,
    2**31, 2**63, 2**64, 10**40, 1.5, 24.0, 1e308, "", " ", "x", "3", "null", "é\u202e", "\x00",
    "a" * 5000, [], {}, [None], [[]], [{}], {"": None}, {"id": 1}, {"id": None, "name": 1},
    [1, "a"], "2026-01-01T00:00:00Z",
    "<script>alert(1)</script>", "../../etc/passwd", "\r\nX-Header: 1",
]  # fmt: skip
LITERALS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "01",
    "9" * 400,
    '"\\ud800"',
    '"\\udc00x"',
    "nul",
    "'x'",
    "[" * 980 + "]" * 980,
)
MARK = "\ue000"
"""Where a literal goes that ``json`` doesn't write."""


def paths(data: Any) -> list[tuple[Any, Any]]:
    """Each (container, key or index) in the data."""
    found: list[tuple[Any, Any]] = []
    left = [data]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            found += [(one, key) for key in one]
            left += one.values()
        elif isinstance(one, list):
            found += [(one, index) for index in range(len(one))]
            left += one
    return found


def _copy(data: Any) -> Any:
    return json.loads(json.dumps(data))


def noisy(data: Any, chance: Random) -> bytes:  # noqa: C901 - a branch for each mistake
    """The data (which is changed), with one to three mistakes, as bytes."""
    whole = [data]
    literal = None
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        found = paths(whole)
        where, key = chance.choice(found)
        way = chance.randrange(12)
        if way < 3:
            where[key] = _copy(chance.choice(ODD))
        elif way < 5:
            other, name = chance.choice(found)
            where[key] = _copy(other[name])
        elif way < 7 and where is not whole:
            del where[key]
        elif way == 7 and isinstance(where, list):
            where.insert(0, _copy(where[key]))
        elif way == 8 and isinstance(where, dict):
            where[chance.choice(("id", "name", "", "workers", "err", "result", "x"))] = _copy(chance.choice(ODD))
        elif way == 9:
            where[key], literal = MARK, chance.choice(LITERALS)
        elif way == 10:
            for _ in range(chance.choice((1, 3, 100))):
                where[key] = [where[key]]
        elif isinstance(where[key], list):
            chance.shuffle(where[key])
        else:
            where[key] = str(where[key]) if isinstance(where[key], int) else [where[key]]
        if not whole:
            return b""
    text = json.dumps(whole[0], ensure_ascii=chance.random() < 0.5) if whole else ""
    if literal is not None:
        text = text.replace(json.dumps(MARK), literal).replace(f'"{MARK}"', literal)
    return text.encode("utf-8", "surrogatepass")
