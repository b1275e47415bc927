"""No known secret in any text, in whatever form somebody else wrote it."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.secret import Secret
from reconciler.telemetry.redact import AFTERGLOW, RETIRED, Redactor, is_secret

CANARIES = (
    "hunter2-canary",
    'quo"ted\\canary',
    "späce cänary ключ",
    "new\nline-canary",
    "a/b+c=d&e?f#canary",
    "<tag>canary&amp;",
    "1234",
    " padded-canary ",
    "\U0001f511-canary",
)
FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "path": quote,
    "url": lambda value: quote(value, safe=""),
    "lower": lambda value: re.sub("%..", lambda match: match[0].lower(), quote(value, safe="")),
    "form": quote_plus,
    "json": lambda value: json.dumps(value)[1:-1],
    "utf8json": lambda value: orjson.dumps(value).decode()[1:-1],
    "jsonjson": lambda value: json.dumps(json.dumps(value))[1:-1],
    "repr": repr,
    "bytes": lambda value: repr(value.encode()),
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "html": html.escape,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "urlsafe": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    redactor.remember("one", [Secret(value) for value in values])
    return redactor


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("canary", CANARIES)
def test_each_form_of_a_secret_is_taken_out(form: str, canary: str):
    written = FORMS[form](canary)
    redactor = knowing(*CANARIES)
    hidden = redactor.hide(f"before {written} after")
    assert written not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert "(secret)" in hidden
    assert "canary" not in hidden


@pytest.mark.parametrize("before", ["u:", "us:", "use:", "user:"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz"])
def test_a_secret_within_a_longer_text_in_base64(before: str, after: str):
    """As in ``Authorization: Basic``; at most the characters at its edges, which its neighbours share, are left."""
    code = base64.b64encode(f"{before}hunter2-canary{after}".encode()).decode()
    shown = knowing("hunter2-canary").hide(code)
    left = shown.replace("(secret)", "")
    assert "(secret)" in shown
    assert len(left) <= len(code) - 16


def test_the_lines_of_a_key_are_secret_each():
    key = "-----BEGIN KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\nQyNTUxOQAAACB\n-----END KEY-----\n"
    shown = knowing(key).hide("bad line: b3BlbnNzaC1rZXktdjEAAAAABG5vbmU; no -----BEGIN KEY-----")
    assert shown == "bad line: (secret); no -----BEGIN KEY-----"


def test_short_values_are_left_alone():
    assert knowing("abc", "").hide("abc, abcd") == "abc, abcd"
    assert knowing("abcd").hide("abc, abcd") == "abc, (secret)"


def test_overlapping_secrets_leave_nothing_of_either():
    redactor = knowing("abcdef", "defghi", "abcd")
    assert redactor.hide("xabcdefghiy abcdz defghi abcdefabcdef") == ("x(secret)y (secret)z (secret) (secret)(secret)")


@given(st.lists(st.text(min_size=4, max_size=12), min_size=1, max_size=4), st.data())
def test_no_secret_survives_wherever_it_stands(values: list[str], data: st.DataObject):
    parts = data.draw(st.lists(st.sampled_from(values) | st.text(max_size=5), max_size=8))
    shown = knowing(*values).hide("".join(parts))
    assert not any(value in part for part in shown.split("(secret)") for value in values)


def test_nothing_known_changes_nothing():
    text = "reconciled 20 objects\x00é"
    assert Redactor().hide(text) == text
    assert knowing("hunter2").hide(text) == text
    assert knowing("hunter2").hide("hun") == "hun"


def test_a_rotated_secret_is_hidden_for_a_while():
    clock = Clock()
    redactor = Redactor(clock)
    redactor.remember("one", [Secret("old-value")])
    redactor.remember("one", [Secret("new-value")])
    assert redactor.hide("old-value new-value") == "(secret) (secret)"
    clock.now = AFTERGLOW + 1
    redactor.remember("one", [Secret("new-value")])
    assert redactor.hide("old-value new-value") == "old-value (secret)"


def test_a_secret_that_comes_back_is_in_force_again():
    clock = Clock()
    redactor = Redactor(clock)
    for value in ("a-value", "b-value", "a-value"):
        redactor.remember("one", [Secret(value)])
    clock.now = AFTERGLOW + 1
    redactor.remember("one", [Secret("a-value")])
    assert redactor.hide("a-value b-value") == "(secret) b-value"


def test_owners_share_secrets_and_lose_only_their_own():
    redactor = Redactor()
    redactor.remember("one", [Secret("shared-value"), Secret("one-value")])
    redactor.remember("two", [Secret("shared-value")])
    redactor.forget("one")
    redactor.forget("never known")
    assert redactor.hide("shared-value one-value") == "(secret) one-value"
    redactor.forget("two")
    assert redactor.hide("shared-value") == "shared-value"
    assert (redactor._finder._heads, redactor._finder._forms) == ({}, {})


def test_what_is_retired_is_bounded():
    redactor = Redactor(Clock())
    for number in range(RETIRED + 10):
        redactor.remember("one", [Secret(f"value-{number:05}")])
    assert redactor.hide("value-00000") == "value-00000"
    assert redactor.hide("value-00020") == "(secret)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pass@host/x", "https://(secret)@host/x"),
        ("postgresql+psycopg://app:p%40ss@db/state", "postgresql+psycopg://(secret)@db/state"),
        ("ssh://git@host/x.git", "ssh://git@host/x.git"),
        ("Authorization: Bearer eyJhbGciOi.J9", "Authorization: Bearer (secret)"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic (secret)"),
        ("the bearer authentication failed", "the bearer authentication failed"),
        ("mail a@b.example about https://b.example", "mail a@b.example about https://b.example"),
    ],
)
def test_what_gives_itself_away_is_hidden_without_being_known(text: str, shown: str):
    assert Redactor().hide(text) == shown


@pytest.mark.parametrize(
    "key",
    """
    password Password user_password X-Api-Key apikey apiKey Authorization set-cookie authToken private_key session_id
    client.secret passphrase PASSWD
    """.split(),
)
def test_names_of_secret_fields(key: str):
    assert is_secret(key)


@pytest.mark.parametrize("key", ["target", "pass", "key", "kind", "operation", "author", "passes", "session", "keys"])
def test_names_of_other_fields(key: str):
    assert not is_secret(key)
