"""What is kept as text comes back as it was given, or is refused; and a seal holds for one row in one place only."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import StateError
from reconciler.secret import Keyring, SecretRef
from reconciler.store.codec import dump, dump_fields, dump_keys, kept, load_fields, load_identity, load_keys, load_names
from reconciler.store.columns import CONTENT
from reconciler.store.schema import owned
from reconciler.store.seals import Seals
from tests.store.given import KEYRING, key_of

SEALS = Seals(KEYRING, "default", "lineage")


def test_the_same_value_is_always_the_same_text():
    assert dump({"b": [1, None, True], "a": "é"}) == dump({"a": "é", "b": [1, None, True]})
    assert dump({"b": [1, None, True], "a": "é"}) == '{"a":"\\u00e9","b":[1,null,true]}'
    assert dump_keys([key_of("bob"), key_of("alice")]) == '[["User",["LOCAL","bob"]],["User",["LOCAL","alice"]]]'
    assert kept("a\0b\0") == "a\ufffdb\ufffd"


def nested() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    ("value", "error"), [(object(), "TypeError"), (float("inf"), "ValueError"), (nested(), "RecursionError")]
)
def test_what_json_cannot_hold_is_refused(value: Any, error: str):
    with pytest.raises(StateError) as told:
        dump(value)
    assert told.value.message == f"a value can't be kept in the state: {error}"


@pytest.mark.parametrize("value", [b"x", {1: "a"}, {"a": 1, 2: "b"}, object()])
def test_a_field_that_would_come_back_otherwise_is_refused(value: Any):
    with pytest.raises(StateError) as told:
        dump_fields({"x": [value]})
    assert told.value.message == f"a value of type {type(value).__name__} can't be kept in the state"


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, 2.5, "", "x", [], [1, ["a"]], (), ("a", ("b", [1])), frozenset(), frozenset({"b", "a"})),
        *({}, {"a": {"b": ()}}, {"$": "tuple", "of": [1]}, {"$": None}, {"of": 1}, {"$": {"$": "set"}}),
        *(SecretRef("password"), [SecretRef("a"), {"b": (SecretRef("c"),)}], frozenset({1, "a", (2,)})),
    ],
)
def test_fields_come_back_as_they_were(value: Any):
    back = load_fields(dump_fields({"x": value, "y": 1}))
    assert back == {"x": value, "y": 1}
    assert type(back["x"]) is type(value)


def test_a_set_is_one_text_whatever_its_order():
    assert dump_fields({"x": {"b", "a"}}) == '{"x":{"$":"set","of":["a","b"]}}'
    assert dump_fields({"x": {10, 9}}) == dump_fields({"x": frozenset({9, 10})})


@pytest.mark.parametrize("text", ["5", '"ab"', "[1]", '["a",null]', '{"a":1}', "[", "null", '[["a"]]'])
def test_what_is_no_list_of_texts_is_refused(text: str):
    for load in (load_identity, load_names):
        with pytest.raises(ValueError, match=r"not a list of texts|Expecting value"):
            load(text)
    assert load_identity('["LOCAL","a"]') == load_names('["LOCAL","a"]') == ("LOCAL", "a")
    assert load_names("[]") == ()


@pytest.mark.parametrize("text", ["5", "[5]", '[["User"]]', '[["User","x"]]', '[["User",[1]]]', "[[[],[],[]]]"])
def test_what_is_no_list_of_keys_is_refused(text: str):
    with pytest.raises(ValueError, match=r"not a list of (keys|texts)|values to unpack"):
        load_keys(text)
    assert load_keys(dump_keys([key_of("a"), key_of("b")])) == (key_of("a"), key_of("b"))


ROW = {"kind": "User", "identity": '["LOCAL","alice"]', "object_id": None, "name": "é", "document": "d"}


def test_a_seal_holds_for_its_row_only():
    row = SEALS.sealed(owned, {**ROW, "keep": True, "adopted": False})
    assert (row["target"], SEALS.hold(owned, row), SEALS.holds("owned", row)) == ("default", True, True)
    for name in CONTENT["owned"]:
        assert not SEALS.hold(owned, {**row, name: "x"})
        assert not SEALS.hold(owned, {**row, name: float("nan")})
        assert not SEALS.hold(owned, {key: value for key, value in row.items() if key != name} | {name: object()})
    for seals in (Seals(KEYRING, "other", "lineage"), Seals(KEYRING, "default", "another")):
        assert not seals.hold(owned, row)
        assert seals.known(row["seal"])
    for seal in (None, 5, b"x", "", "é", row["seal"][:-1], row["seal"] + "0"):
        assert not SEALS.hold(owned, {**row, "seal": seal})
    content = [row[name] for name in CONTENT["owned"]]
    assert SEALS.checker("owned")(content, row["seal"])
    assert not SEALS.checker("sent")(content, row["seal"])


def test_true_and_one_and_their_texts_are_different_values():
    seals = [
        SEALS.sealed(owned, {**ROW, "keep": keep, "adopted": False})["seal"]
        for keep in (True, False, 1, 0, 1.0, "true", "1", None, float("inf"), float("-inf"))
    ]
    assert len(set(seals)) == len(seals)


def test_a_seal_names_its_key():
    seal = SEALS.sealed(owned, {**ROW, "keep": True, "adopted": False})["seal"]
    assert SEALS.known(seal)
    assert SEALS.known(f"{Keyring.key_id(KEYRING.keys[0])}:broken")
    assert Seals(Keyring((b"o" * 32, *KEYRING.keys)), "default", "lineage").known(seal)
    for other in (None, 5, "", "x:y", seal.partition(":")[2], f"x{seal}"):
        assert not SEALS.known(other)
    assert not Seals(Keyring((b"o" * 32,)), "default", "lineage").known(seal)
