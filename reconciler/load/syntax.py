"""What is wrong with text that isn't YAML, in words for people who don't know how a scanner works.

The parser's own reasons are fixed sentences, so nothing of the text (which may be a secret) is repeated.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.load.builder import INDICATORS

QUOTE = "this quote is never closed"
AFTER_QUOTE = "text follows a closing quote: a ' inside single quotes is written '', a \" inside double quotes \\\""
ESCAPE = "this is no escape in double quotes: write \\\\ for a backslash, or use single quotes"
BLOCK = "after | or > only +, -, a digit from 1 to 9 and a comment may stand: begin the text in the next line"
TAB = "a tab is used for indentation: use spaces"
NO_SPACE = "a space is missing after this ':'"
COLON = "a second ': ' in one line: put the value in quotes, or begin a new line"
NO_COLON = "'key: value' is expected here: is the ':', or the space after it, missing?"
INDENTATION = "wrong indentation, or a text that should be in quotes"
RESERVED = "an unquoted text can't begin with this character: put it in quotes"
BRACKET = "this bracket closes nothing: remove it, or put the text in quotes"

OPEN = "a value is missing here: is a '[' or '{' above not closed?"

_GLUED = re.compile(r"\s*(?:- +)*[^\s:#\"'\[\]{},]+(:)[^\s/:][^:]*(?::\S[^:]*)*$")
_LEADING_TAB = re.compile(r" *\t")
_AFTER_QUOTE = re.compile(r"[\"']\s*$")
_MISPLACED = (
    "did not find expected key",
    "did not find expected '-' indicator",
    "did not find expected <document start>",
    "are not allowed in this context",
)

Place = tuple[int, int]
"""Line and column, from 0."""


def explain(error: Any, text: str) -> tuple[Place, str]:
    """The place and the sentence for a parser's error in the text."""
    mark = error.problem_mark
    here = mark.line, mark.column
    opened = error.context_mark or mark
    context, problem = error.context or "", error.problem or ""
    if "quoted scalar" in context:
        return _in_quotes(problem, here, (opened.line, opened.column))
    if text[opened.index : opened.index + 1] in INDICATORS:
        return (opened.line, opened.column), INDICATORS[text[opened.index]]
    line = _line(text, mark.index - mark.column)
    if tab := _LEADING_TAB.match(line):
        return (mark.line, tab.end() - 1), TAB
    if "flow" in context and "expected ','" in problem:
        return (opened.line, opened.column), _unclosed(text[opened.index : opened.index + 1], here)
    if "could not find expected ':'" in problem:
        return _without_colon(text, opened)
    if "mapping values" in problem:
        return _colon(text, mark, line)
    return here, _reason(problem, text[mark.index : mark.index + 1], line[: mark.column])


def _in_quotes(problem: str, here: Place, opened: Place) -> tuple[Place, str]:
    if problem.startswith("found unexpected"):
        return opened, QUOTE
    return here, ESCAPE


def _unclosed(bracket: str, here: Place) -> str:
    return f"this {bracket!r} is not closed, or a ',' is missing, before line {here[0] + 1}, column {here[1] + 1}"


def _without_colon(text: str, opened: Any) -> tuple[Place, str]:
    glued = _GLUED.match(_line(text, opened.index - opened.column))
    if glued:
        return (opened.line, glued.start(1)), NO_SPACE
    return (opened.line, opened.column), NO_COLON


def _colon(text: str, mark: Any, line: str) -> tuple[Place, str]:
    if re.search(r":\s", line[: mark.column]):
        return (mark.line, mark.column), COLON
    start = mark.index - mark.column
    glued = _GLUED.match(_line(text, text.rfind("\n", 0, max(start - 1, 0)) + 1)) if start else None
    if glued:
        return (mark.line - 1, glued.start(1)), NO_SPACE
    return (mark.line, mark.column), INDENTATION


def _reason(problem: str, character: str, before: str) -> str:
    if _AFTER_QUOTE.search(before):
        return AFTER_QUOTE
    if "node content" in problem and not character.strip("\r\n-."):
        return OPEN
    if "comment or line break" in problem or "indentation indicator" in problem:
        return BLOCK
    if "cannot start any token" in problem or "node content" in problem:
        return RESERVED
    if "<document start>" in problem and character in ("]", "}"):
        return BRACKET
    if problem.endswith(_MISPLACED):
        return INDENTATION
    return f"this is not valid YAML ({problem})"


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start:] if end < 0 else text[start:end]
