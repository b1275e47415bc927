"""What an unquoted scalar means: the YAML 1.2 core schema, where ``no`` is a text and ``0755`` a number.

PyYAML's own resolver speaks YAML 1.1, in which ``no`` is false, ``22:22`` is 1342 and ``0755`` is 493.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool

NULL = 'no value here (null): leave the field out, or write [] or "" for an empty one'
NOT_FINITE = "a number must be finite: .inf, .nan and numbers that are too large are not supported"
TOO_LONG = "a number can't have more than 18 digits: put it in quotes if it is a text"

AMBIGUOUS = frozenset(["", *"~nNtTfF+-.0123456789"])
"""First characters (or nothing) of all unquoted scalars that aren't plainly strings."""

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_INTEGER = re.compile(r"0o([0-7]+)|0x([0-9a-fA-F]+)|([-+]?)([0-9]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 18
_MAX_FLOAT_LENGTH = 64


class Odd(Exception):
    """Something that strict YAML refuses; the text says what, in words for the user, without any value."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar. Raises Odd for null, for what isn't finite and for very long numbers."""
    if text.isdigit() and text.isascii() and len(text) <= _MAX_DIGITS:
        return int(text)
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _NULLS:
        raise Odd(NULL)
    if text[0] not in AMBIGUOUS:
        return text
    if match := _INTEGER.fullmatch(text):
        return _integer(match)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NOT_FINITE.fullmatch(text):
        raise Odd(NOT_FINITE)
    return text


def _integer(match: re.Match[str]) -> int:
    octal, hexadecimal, sign, decimal = match.groups()
    digits = octal or hexadecimal or decimal
    if len(digits) > _MAX_DIGITS:
        raise Odd(TOO_LONG)
    value = int(digits, 8 if octal else 16 if hexadecimal else 10)
    if value >= 10**_MAX_DIGITS:
        raise Odd(TOO_LONG)
    return -value if sign == "-" else value


def _float(text: str) -> float:
    if len(text) > _MAX_FLOAT_LENGTH:
        raise Odd(TOO_LONG)
    value = float(text)
    if not math.isfinite(value):
        raise Odd(NOT_FINITE)
    return value
