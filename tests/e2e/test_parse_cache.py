"""What commands keep of a large tree: it makes no difference but in time, and lies where it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.kit import Desk, document, user

MANY = 400
WORDS = "A role with a name that is long enough to make a large tree of a few documents: " + "x" * 100


@pytest.fixture
def large(desk: Desk) -> Desk:
    """A desk whose tree is worth keeping, with a cache among its files."""
    desk.env["XDG_CACHE_HOME"] = str(desk.folder / "cache")
    desk.write(*(document("Role", f"role-{number}", display_name=f"{WORDS}{number}") for number in range(MANY)))
    desk.write(user("alice", roles=["role-7"]), file="alice.yaml")
    return desk


def kept(desk: Desk) -> list[Path]:
    return list((desk.folder / "cache").rglob("*"))


def test_a_plan_of_what_was_kept_is_the_same(large: Desk):
    first = large.plan("--detailed-exitcode").ended(2)
    again = large.plan("--detailed-exitcode").ended(2)
    anew = large.plan("--detailed-exitcode", env={"RECONCILER_CACHE": "off"}).ended(2)
    assert len(kept(large)) == 3
    assert first.out == again.out == anew.out
    assert first.json()["summary"]["create"] == MANY + 1


def test_a_changed_file_is_seen_at_once(large: Desk):
    large.run("validate", "desired-state").ended(0)
    large.edit("alice.yaml", "role-7", "role-8")
    changes = {one["path"]: one["after"] for one in large.plan().ended(0).steps["create/User/alice"]["changes"]}
    assert changes["/roles"] == ["role-8"]


def test_problems_in_what_was_kept_have_their_places(large: Desk):
    """The reference breaks in a file that is known, by the removal of another one."""
    large.write(document("Role", "analyst", display_name="Analyst"), file="analyst.yaml")
    large.write(user("alice", roles=["role-7", "analyst"]), file="alice.yaml")
    large.run("validate", "desired-state").ended(0)
    before = kept(large)
    (large.tree / "analyst.yaml").unlink()
    known = large.plan().ended(1)
    anew = large.plan(env={"RECONCILER_CACHE": "off"}).ended(1)
    assert known.err == anew.err
    assert known.err.startswith("alice.yaml:1:")
    assert kept(large) == before


def test_a_tree_that_is_not_sound_leaves_nothing(large: Desk):
    """Somebody may have written a secret where its name belongs: that isn't copied anywhere."""
    large.canaries.add("canary-hunter2")
    (large.tree / "alice.yaml").write_text(document("User", "alice", password="canary-hunter2"))
    large.run("validate", "desired-state").ended(1)
    large.plan().ended(1)
    (large.tree / "alice.yaml").unlink()
    assert kept(large) == []


def test_it_can_be_switched_off(large: Desk):
    large.run("validate", "desired-state", env={"RECONCILER_CACHE": "off"}).ended(0)
    assert kept(large) == []


def test_another_setting_is_refused(large: Desk):
    result = large.run("validate", "desired-state", env={"RECONCILER_CACHE": "mine"}).ended(1)
    assert result.err == "error: RECONCILER_CACHE can only be off\n  unset it, or move the cache with XDG_CACHE_HOME\n"


def test_a_relative_folder_counts_as_none(large: Desk):
    large.run("validate", "desired-state", env={"XDG_CACHE_HOME": "cache"}).ended(0)
    assert kept(large) == []
