"""Changes that know nothing of what they change: bits, cuts, splices, foreign encodings."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

TOKENS = [
    *(b"\n", b"---\n", b"...\n", b"%YAML 1.1\n", b"%TAG ! x\n", b"'", b'"', b"[", b"]", b"{", b"}", b": ", b":", b"- "),
    *(b"? ", b"&a ", b"*a ", b"!!int ", b"! ", b"<<: ", b"\t", b"  ", b"~", b"null", b".inf", b"9" * 30, b"|", b">"),
    *(b"#", b"\0", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b",", b"@", b"\\", b"\xc3\xa9", b"\xc3", b"\xff\xfe"),
    *(b"1: ", b"\r", b"\r\n", b"\x1b[31m", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"[" * 150, b"{a: " * 150, b"\\ud800"),
    *(b"-" * 200, b"? " * 150, b"- " * 150, b"!<tag:yaml.org,2002:python/name:os.system> ", b"&\xc3\xa9 ", b"%" * 9),
]
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp037")


def flip(data: bytes, chance: Random) -> bytes:
    """Some bits turned over."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def mangled(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """The bytes after one change."""
    at, way = chance.randrange(len(data) + 1), chance.randrange(10)
    if way < 2:
        return flip(data, chance)
    if way == 2:
        return data[:at]
    if way == 3:
        other = chance.choice(others)
        return data[:at] + other[chance.randrange(len(other) + 1) :]
    if way == 4:
        end = at + chance.randrange(40)
        return data[:at] + data[end:]
    if way == 5:
        end = at + chance.randrange(60)
        return data[:at] + data[at:end] * chance.choice((2, 2, 3, 30)) + data[end:]
    if way == 6 and not chance.randrange(4):
        return data.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")
    if way == 7 and not chance.randrange(3):
        return chance.randbytes(chance.randrange(300))
    return data[:at] + chance.choice(TOKENS) + data[at + chance.choice((0, 0, 1, 3)) :]
