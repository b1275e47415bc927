"""Values and fields: nested ones taken apart, secrets never shown, any value some text."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given

from reconciler.render import FORMATS, Format, render_plan
from reconciler.render.fields import Field, diff, dotted, fields, plain, shown
from reconciler.render.words import safe
from reconciler.secret import Secret, SecretRef
from reconciler.steps import Action, Change
from tests.render import hostile, samples


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        ('a\n\t\x1b\u202e"\\', '"a\\n\\t\\u001b\\u202e\\"\\\\"'),
        ("(secret)", "(secret)"),
        (["b", "a"], '["b", "a"]'),
        ({"b", "a"}, '["a", "b"]'),
        ({"a": {"b": None}}, '{"a": {"b": null}}'),
        (SecretRef("x"), "(secret)"),
        ([Secret("hunter2")], "[(secret)]"),
        (b"hunter2", "(bytes)"),
        (object(), "(object)"),
        (2**5000, "(5001-bit number)"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


def test_objects_are_taken_apart() -> None:
    change = Change("/a~1b", {"x": 1, "y": {"z": 1}, "same": 0}, {"x": 2, "y": {"w": 3}, "same": 0})
    assert [(field.mark, field.name) for field in fields([change])] == [
        ("~", "a/b.x"),
        ("-", "a/b.y.z"),
        ("+", "a/b.y.w"),
    ]


def test_names_that_would_mislead_are_quoted() -> None:
    assert dotted("/config/log.level") == 'config."log.level"'
    assert dotted("/a = b") == '"a = b"'


def test_a_field_that_is_nothing_before_and_after() -> None:
    assert Field("x", None, None).values == (None, "null")


def test_lists_are_told_apart_by_element_when_long() -> None:
    long = [f"role-{n:03}" for n in range(20)]
    assert diff(Field("roles", long, [*long[1:], "new"]), 1000) == [
        ("-", 'roles: "role-000"'),
        ("+", 'roles: "new"'),
        (" ", "roles: 19 stay"),
    ]
    assert [mark for mark, _ in diff(Field("roles", long, long[::-1]), 1000)] == ["-", "+"]


def test_plain_takes_what_json_cannot() -> None:
    value = {"n": 2**70, "s": "\ud800", "t": ("a",), "set": {2, 1}, "o": object(), 3: SecretRef("x")}
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert orjson.loads(orjson.dumps(plain(value))) == {
        "n": str(2**70),
        "s": "\\ud800",
        "t": ["a"],
        "set": [1, 2],
        "o": "(object)",
        "3": "(secret)",
    }
    assert "(nested too deep)" in orjson.dumps(plain(deep)).decode()
    assert "(nested too deep)" in shown(deep)


@given(hostile.values)
def test_any_value_becomes_one_visible_line(value: object) -> None:
    assert shown(value).isprintable()
    orjson.dumps(plain(value))


@given(hostile.texts)
def test_safe_text_stays_as_it_is(text: str) -> None:
    assert safe(text).isprintable()
    assert safe(safe(text)) == safe(text)
    assert safe(text, ascii_only=True).isascii()


@pytest.mark.parametrize("into", FORMATS)
def test_no_format_shows_a_secret(into: Format) -> None:
    secrets = {"deep": [Secret("hunter2"), {"a": SecretRef("named")}]}
    step = samples.step(Action.UPDATE, "User", "u", Change("/password", Secret("hunter1"), secrets))
    text = render_plan(samples.plan(step), into)
    assert "hunter" not in text
    assert "named" not in text
    assert "(secret)" in text
