"""What is remembered of a write: which fields by a fingerprint, and as whose objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from reconciler.execute.effects import fingerprints, key_of, name_of, owned_as
from reconciler.memory import Owned
from reconciler.model import Item
from reconciler.systems.base import Verb, Work
from reconciler.systems.view import View
from tests.execute.test_settled import ALICE, mark, own_password
from tests.plan.test_accounts import accounts
from tests.systems.kit import SYSTEM, again, doc, live_service, role, user, view, work_on

PACKAGE = "ometascan-5.15.0-1-x64.msi"


# --- fingerprints of what was sent


def prints(work: Work, verb: Verb, seen: View, covered: Iterable[str] | None = None) -> set[str]:
    return set(fingerprints(SYSTEM.kinds[key_of(work)[0]], verb, work, seen, covered))


def with_fields(seen: View, work: Work, **fields: Any) -> Work:
    assert work.item is not None
    item = Item(work.item.kind, work.item.identity, work.item.name, fields, work.item.resource)
    return Work(work.move, item, work.live, frozenset(fields))


def test_a_fingerprint_is_that_of_the_value_of_the_object_and_of_the_field() -> None:
    seen, work = own_password()
    found = fingerprints(SYSTEM.kinds["User"], Verb.UPDATE, work, seen, None)
    assert found == mark("password", "value of new")
    assert found != mark("password", "value of pw")


def test_what_nobody_shows_is_remembered() -> None:
    seen, work = own_password()
    everything = Work("m", work.item, work.live, frozenset({"password", "email"}))
    assert prints(everything, Verb.UPDATE, seen) == {"password"}
    assert prints(everything, Verb.UPDATE, seen, ("email",)) == set()
    assert prints(Work("m", work.item, None), Verb.CREATE, seen) == {"password"}
    assert prints(Work("m", work.item, work.live), Verb.UPDATE, seen) == set()
    assert prints(everything, Verb.DELETE, seen) == set()


def test_a_secret_is_remembered_though_the_server_shows_something_in_its_place() -> None:
    """The config of the file storage: whatever is shown of a key there, nobody can compare it."""
    live = {
        "listServices": [live_service("s1", "filestorage", "files.internal", 1000)],
        "getServiceSetting": {"storage": {"type": "salt", "config": {"key": "shown", "level": "low"}}},
    }
    wanted = {"storage": {"type": "salt", "config": {"key": {"secret": "key"}, "level": "high"}}}
    seen = view(doc("ServiceSetting", "filestorage", wanted), live=live)
    work = work_on(seen, "ServiceSetting", "filestorage", "storage/config/key", "storage/config/level")
    assert prints(work, Verb.UPDATE, seen) == {"storage/config/key"}


def test_a_field_that_no_answer_holds_is_remembered_secret_or_not() -> None:
    seen, work = own_password()
    plain = with_fields(seen, work, password="in clear", email="shown", surname="not shown")
    assert prints(plain, Verb.UPDATE, seen) == {"password", "surname"}
    assert prints(Work("m", plain.item, None, plain.changed), Verb.UPDATE, seen) == {"password", "email", "surname"}
    assert prints(plain, Verb.CREATE, seen) == {"password"}


def test_what_comes_back_sealed_is_not_remembered() -> None:
    seen = accounts(user("alice", api_key={"secret": "key"}))
    assert prints(work_on(seen, "User", "alice", "api_key", "password"), Verb.CREATE, seen) == {"password"}


def test_what_is_made_where_nothing_can_be_looked_up_is_remembered_whole() -> None:
    unlisted = view(role("ops", {"users": ["read"]}), live={"listRoles": 405})
    assert prints(work_on(unlisted, "Role", "ops"), Verb.CREATE, unlisted) == {"rights"}
    listed = view(role("ops", {"users": ["read"]}))
    assert prints(work_on(listed, "Role", "ops"), Verb.CREATE, listed) == set()


@pytest.mark.parametrize("lacking", [{"keyring": None}, {"values": {}}])
def test_without_a_key_or_a_value_there_is_no_fingerprint(lacking: Mapping[str, Any]) -> None:
    seen, work = own_password()
    assert prints(work, Verb.UPDATE, again(seen, **lacking)) == set()


# --- what is remembered as ours


def installer() -> View:
    """An installer that is declared by its file's name, and live."""
    live = {"listInstallers": {"i1": {"name": PACKAGE, "checksum": "5" * 64}}}
    return view(doc("Installer", "core", {"file": PACKAGE}), live=live)


@pytest.mark.parametrize(("prune", "keep"), [("disabled", True), (None, False)])
def test_what_is_not_to_be_pruned_is_remembered_so(prune: str | None, keep: bool) -> None:
    seen = accounts(user("alice", annotations={"prune": prune} if prune else None))
    item = work_on(seen, "User", "alice").item
    assert item is not None
    assert owned_as(item, "5") == Owned("User", ("LOCAL", "alice"), "5", "alice", "alice", keep=keep)
    assert owned_as(item, None, adopted=True) == Owned(*ALICE, None, "alice", "alice", keep=keep, adopted=True)


def test_the_live_key_counts_once_it_is_known() -> None:
    seen = installer()
    item, (found,) = work_on(seen, "Installer", "core").item, seen.live("Installer")
    assert item is not None
    assert owned_as(item, "i1").identity == (PACKAGE,)
    assert owned_as(item, "i1", live=found).identity == ("5" * 64,)


def test_the_declared_key_and_name_count_and_else_the_live_ones() -> None:
    both = work_on(installer(), "Installer", "core")
    assert both.live is not None
    assert (key_of(both), name_of(both)) == (("Installer", (PACKAGE,)), "Installer/core")
    alone = Work("m", None, both.live)
    assert (key_of(alone), name_of(alone)) == (("Installer", ("5" * 64,)), f"Installer/{PACKAGE}")
