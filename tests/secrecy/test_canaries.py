"""What a server quotes is recognised in every form; and the scanner that all other tests rely on does find things."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.forms import Finder
from reconciler.secret import Secret, hidden
from reconciler.secrets import Snapshot
from reconciler.systems.replies import error_text
from reconciler.telemetry import Redactor
from reconciler.wire import MAX_TEXT, Response, one_line
from tests.secrecy.canaries import FORMS, canaries, needles, scan, written

ALL = canaries()


def finds(text: str, name: str, *, partial: bool = False) -> bool:
    return bool(scan([], {"text": text}, {name: ALL[name]}, partial=partial))


def test_there_are_enough_canaries_and_no_two_are_alike():
    assert len(ALL) >= 30
    assert len(FORMS) >= 5
    assert len(set(ALL.values())) == len(ALL)
    assert canaries(1).keys() == ALL.keys()
    assert not set(canaries(1).values()) & set(ALL.values())
    for name, value in ALL.items():
        others = "\n".join(other for other in ALL.values() if other != value)
        assert not finds(others, name)


@pytest.mark.parametrize("name", ALL)
def test_the_scanner_finds_each_form_in_texts_and_files(name: str, tmp_path: Path):
    for form, text in written(ALL[name]):
        assert finds(f"before{text}after", name), form
    for user in ("u", "us", "use"):
        assert finds(b64encode(f"{user}:{ALL[name]}".encode()).decode(), name)
    (tmp_path / "file").write_bytes(b"\x00\xff" + ALL[name].encode() + b"\x00")
    assert scan([tmp_path / "file"], {}, ALL)
    assert all(ALL[name] not in str(one) for one in scan([tmp_path / "file"], {}, ALL))


def test_the_scanner_finds_halves_and_nothing_else():
    value = ALL["user-password"]
    assert finds(value[:16], "user-password", partial=True)
    assert finds(value[-16:], "user-password", partial=True)
    assert not finds(value[:16], "user-password")
    assert not finds(value[:12] + "x" + value[13:], "user-password", partial=True)
    assert needles("ab") == (("raw", b"ab"),)
    assert needles("") == ()


@pytest.mark.parametrize("name", ALL)
def test_a_quoted_secret_is_hidden_in_each_form(name: str):
    value, secrets = ALL[name], [Secret(ALL[name])]
    redactor, snapshot = Redactor(), Snapshot(None, {name: secrets[0]}, frozenset())
    redactor.remember("one", secrets)
    for form, text in written(value):
        quoted = f"before {text} after"
        for shown in (hidden(quoted, secrets), redactor.hide(quoted), snapshot.hide(quoted)):
            assert not finds(shown, name), form
            assert shown.startswith("before "), form
            assert shown.endswith(" after"), form


@pytest.mark.parametrize("form", FORMS)
def test_a_servers_words_are_hidden_before_they_are_cut(form: str):
    """Half a secret isn't recognised any more: so the cut comes last, wherever it falls."""
    values = [Secret(value) for value in ALL.values()]
    finder = Finder(secret.reveal() for secret in values)

    def hide(text: str) -> str:
        return finder.covered(text, "(secret)")

    for name, value in ALL.items():
        text = FORMS[form](value)
        for place in range(MAX_TEXT - len(text) - 2, MAX_TEXT, 11):
            words = "." * max(0, place) + text
            for body in (orjson.dumps({"err": words}), words.encode(), b"<p>" + words.encode()):
                shown = error_text(Response(400, {}, body, hide=hide))
                assert len(shown) <= MAX_TEXT
                assert not finds(shown, name, partial=True), form


@given(st.text(max_size=40), st.lists(st.text(min_size=4, max_size=12), max_size=4))
def test_hiding_never_fails_and_leaves_no_value(text: str, values: list[str]):
    shown = hidden(text + "".join(values) + text, [Secret(value) for value in values])
    assert not any(value in part for part in shown.split("(secret)") for value in values)


@given(st.text())
def test_one_line_is_one_bounded_line(text: str):
    line = one_line(text)
    assert len(line) <= MAX_TEXT
    assert line.isprintable()
