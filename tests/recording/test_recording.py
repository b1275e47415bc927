"""A recording shows what a view showed, less what isn't public; and whatever else a file may hold, it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.errors import InputError
from reconciler.memory import Memory, Owned, Sent
from reconciler.recording import MAX_BYTES, Answer, Recording, Tape, dumps, loads, memory_of, recorded, replayed
from reconciler.secret import Seal
from reconciler.systems.view import NotOffered, Unreadable, View
from tests.systems import kit

URL = "https://center.example:8892"
AT = "2026-01-02T03:04:05Z"
SEAL = Seal(kit.TARGET, kit.KEYRING)


def taped(name: str, **answers: Any) -> Answer:
    tape = Tape(kit.SYSTEM.collections[name])
    return tape.answer(kit.run(tape.fetch(SEAL), {**kit.LIVE, **answers})[0])


def observed(**answers: Any) -> tuple[View, dict[str, Answer]]:
    """A view of everything, and what was taken down on the way."""
    found, tapes = {}, {}
    for name, collection in kit.SYSTEM.collections.items():
        tape = Tape(collection)
        found[name] = kit.run(tape.fetch(SEAL), {**kit.LIVE, **answers})[0]
        tapes[name] = tape.answer(found[name])
    return kit.again(kit.view(live=answers), collections=found), tapes


def recording(**answers: Any) -> Recording:
    return recorded(*observed(**answers), url=URL, at=AT)


def test_played_back_it_gives_the_objects_that_were_there():
    seen, tapes = observed(listUsers=[kit.ADMIN, kit.live_user(2, "bob", [1])], listServices=kit.live_five())
    for name, answer in tapes.items():
        again = replayed(kit.SYSTEM.collections[name], answer)
        assert type(again) is type(seen.collections[name])
    public = kit.again(seen, collections={n: replayed(kit.SYSTEM.collections[n], one) for n, one in tapes.items()})
    for kind in kit.SYSTEM.kinds:
        assert [one.key for one in public.live(kind)] == [one.key for one in seen.live(kind)]


def test_keys_and_unknown_fields_are_not_put_down():
    text = dumps([recording(listUsers=[kit.live_user(1, "admin", [1], surprise="canary", api_key="canary" * 6)])])
    assert b"canary" not in text


def test_what_is_not_offered_stays_so():
    assert taped("roles", listRoles=404) == Answer(status=404)
    assert taped("roles", listRoles=405) == Answer(status=405)
    assert isinstance(replayed(kit.SYSTEM.collections["roles"], Answer(status=405)), NotOffered)


def test_what_could_not_be_read_stays_unknown():
    tape = Tape(kit.SYSTEM.collections["users"])
    answer = tape.answer(Unreadable("status 500"))
    assert answer == Answer(unreadable="status 500")
    for one in (answer, None, Answer()):
        assert isinstance(replayed(kit.SYSTEM.collections["users"], one), Unreadable)


@pytest.mark.parametrize("answer", [Answer(status=200), Answer(status=200, body="text")])
def test_an_answer_that_no_server_gives_is_damage(answer: Answer):
    with pytest.raises(InputError, match="damaged"):
        replayed(kit.SYSTEM.collections["users"], answer)


def test_a_memory_comes_back_without_what_was_sent():
    live = Owned("User", ("LOCAL", "bob"), "2", "LOCAL/bob", "bob")
    seen, tapes = observed()
    memory = Memory(owned={live.key: live}, sent={live.key: {"password": Sent("f" * 64, 1.0)}}, spent=3, lineage="l")
    seen = replace(seen, memory=memory, _cache={})
    text = dumps([recorded(seen, tapes, url=URL, at=AT)])
    assert b"f" * 64 not in text
    back = memory_of(loads(text, "live.json")[0])
    assert (dict(back.owned), back.spent, back.lineage) == ({live.key: live}, 3, None)
    assert {key: list(fields) for key, fields in back.sent.items()} == {
        live.key: ["password"],
        ("User", ("LOCAL", "admin")): ["api_key"],  # it was shown, and isn't put down
    }


def test_one_and_several_go_to_a_file_and_back():
    one = recording()
    other = one.model_copy(update={"target": "other"})
    assert loads(dumps([one]), "live.json") == [one]
    assert loads(dumps([one, other]), "live.json") == [one, other]
    with pytest.raises(InputError, match="two recordings of one target"):
        loads(dumps([one, one]), "live.json")


GOOD = json.loads(dumps([recording()]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" " * (MAX_BYTES + 1), "larger than 32 MiB"),
        (b"{", "not JSON"),
        (b"[]", "no recording"),
        (b"{}", "no recording"),
        (json.dumps({**GOOD, "kind": "Plan"}).encode(), "no recording"),
        (json.dumps({"apiVersion": "reconciler/v1", "kind": "RecordingList", "items": []}).encode(), "no recording"),
        (json.dumps({**GOOD, "format": 2}).encode(), "another format (2, not 1)"),
        (json.dumps({**GOOD, "format": "canary"}).encode(), "another format (none, not 1)"),
        (json.dumps({**GOOD, "spent": -1}).encode(), "spent isn't as it is written"),
        (json.dumps({**GOOD, "canary": 1}).encode(), "it isn't as it is written"),
        (json.dumps({**GOOD, "url": "https://user:canary@center"}).encode(), "url isn't as it is written"),
    ],
)
def test_what_is_no_recording_is_refused_without_being_quoted(content: bytes, words: str):
    with pytest.raises(InputError) as refused:
        loads(content, "live.json")
    assert words in refused.value.message
    assert "canary" not in refused.value.message + (refused.value.remedy or "")
