"""Small files that make a parser work, and what they cost here.

``python -m tests.fuzz.bombs`` reads each of them and prints, as JSON: documents, problems, seconds of CPU.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from reconciler.load import load
from reconciler.load.plain import load_plain
from reconciler.model import SourceFile
from tests.fuzz.child import limit

BOMBS: dict[str, bytes] = {
    "brackets": b"[" * 100_000,
    "closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "lines of brackets": b"[\n" * 100_000,
    "braces": b"{a: " * 100_000,
    "dashes": b"- " * 100_000,
    "question marks": b"? " * 100_000,
    "merges": b"a: &a [x]\n" + b"".join(b"b%d: &b%d {<<: [*a, *a, *a]}\n" % (n, n) for n in range(1000)),
    "aliases": b"a: &a x\nb: [" + b"*a," * 40_000 + b"]",
    "anchors": b"".join(b"- &a%d x\n" % n for n in range(40_000)),
    "tag directives": b"".join(b"%%TAG !a%d! b\n" % n for n in range(100_000)),
    "duplicates": b"a: 1\n" * 20_000,
    "one long line": b"a" * 4_000_000,
    "long quote": b"'" + b"a\n" * 2_000_000,
    "broken documents": b"---\n'\n" * 200_000,
    "control characters": b"---\n\0\n" * 200_000,
    "digits": b"a: " + b"9" * 1_000_000,
    "flat list": b"a: [" + b"1," * 500_000 + b"]",
    "nested after an anchor": b"a: &a x\nb: " + b"[" * 100_000,
    "merge keys": b"a0: &a0 {k: v}\n"
    + b"".join(b"a%d: &a%d {<<: [%s]}\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)),
    "laughs": b"a0: &a0 [x]\n"
    + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30)),
}

TRIES = 3


def read(data: bytes) -> tuple[int, int]:
    """How many documents a file of the desired state has, and how many problems."""
    documents, problems = load([SourceFile("f.yaml", data)])
    return len(documents), len(problems)


def read_plain(data: bytes) -> tuple[int, int]:
    """The same for a configuration."""
    found, _, problems = load_plain(SourceFile("f.yaml", data))
    return int(found is not None), len(problems)


def cost(reader: Callable[[bytes], tuple[int, int]], data: bytes) -> tuple[int, int, float]:
    """What the reader finds, and the CPU seconds of its quickest try: others share the machine."""
    quickest = float("inf")
    for _ in range(TRIES):
        began = time.process_time()
        found = reader(data)
        quickest = min(quickest, time.process_time() - began)
    return (*found, quickest)


def main() -> None:
    """Read them all, bounded as the other inputs are."""
    read(b"a")
    read_plain(b"a")
    limit()
    found = {name: [cost(read, data), cost(read_plain, data)] for name, data in BOMBS.items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
