"""What commands keep of a large tree: it makes no difference but in time, and lies where it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.load import Parsed, load
from reconciler.model import SourceFile
from reconciler.sources.directory import read
from reconciler.sources.parse_cache import ParseCache
from tests.e2e.kit import Desk, document, secret, user

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


def only(desk: Desk) -> Path:
    (path,) = (path for path in kept(desk) if path.is_file())
    return path


def test_a_plan_of_what_was_kept_is_the_same(large: Desk):
    first = large.plan("--detailed-exitcode").ended(2)
    again = large.plan("--detailed-exitcode").ended(2)
    anew = large.plan("--detailed-exitcode", env={"RECONCILER_CACHE": "off"}).ended(2)
    assert only(large).stat().st_mode & 0o777 == 0o600
    assert first.out == again.out == anew.out
    assert first.json()["summary"]["create"] == MANY + 1


def plant(desk: Desk, old: str, new: str) -> None:
    """Have what is kept say something else than the tree, as only somebody with this account could."""
    files = read(desk.tree).files
    parsed = Parsed()
    load([SourceFile(file.name, file.data.replace(old.encode(), new.encode())) for file in files], parsed)
    taken = dict(zip(files, parsed.files.values(), strict=True))
    only(desk).unlink()
    cache = ParseCache(desk.folder / "cache" / "reconciler" / "parsed", desk.tree)
    cache.read(files)
    cache.write(taken)


def test_what_shows_reads_it_and_what_writes_does_not(large: Desk):
    """Whatever became of what is kept: nothing is applied but what the tree says."""
    large.run("state", "init").ended(0)
    large.run("validate", "desired-state").ended(0)
    plant(large, '"role-399"', '"role-planted"')
    planned = large.plan("--out", "plan.json").ended(0).steps
    assert ("create/Role/role-planted" in planned, "create/Role/role-399" in planned) == (True, False)
    refused = large.apply("--plan", "plan.json").ended(1)
    assert "no longer what would be done" in refused.err
    assert large.center.writes() == []
    assert "create/Role/role-399" in large.apply("--parallelism", "8").ended(0).steps
    assert "role-planted" not in large.center.names("roles")


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
    before = only(large).read_bytes()
    (large.tree / "analyst.yaml").unlink()
    known = large.plan().ended(1)
    anew = large.plan(env={"RECONCILER_CACHE": "off"}).ended(1)
    assert known.err == anew.err
    assert known.err.startswith("alice.yaml:1:")
    assert only(large).read_bytes() == before


def test_a_tree_that_is_not_sound_leaves_nothing(large: Desk):
    """Somebody may have written a secret where its name belongs: that isn't copied anywhere."""
    large.canaries.add("canary-hunter2")
    (large.tree / "alice.yaml").write_text(document("User", "alice", password="canary-hunter2"))
    large.run("validate", "desired-state").ended(1)
    large.plan().ended(1)
    (large.tree / "alice.yaml").unlink()
    assert kept(large) == []


def test_a_file_that_may_hold_a_secret_in_clear_is_not_kept(large: Desk):
    """A service's storage.config can be given in clear."""
    large.canaries.add("canary-in-clear")
    large.write(
        document("Service", "files", type="filestorage", host="files", port=1, connection_key=secret("key")),
        document("ServiceSetting", "filestorage", storage={"type": "salt", "config": {"salt": "canary-in-clear"}}),
        file="storage.yaml",
    )
    large.run("validate", "desired-state").ended(0)
    (large.tree / "storage.yaml").unlink()
    only(large)


def test_it_can_be_switched_off(large: Desk):
    large.run("validate", "desired-state", env={"RECONCILER_CACHE": "off"}).ended(0)
    assert kept(large) == []


def test_another_setting_is_refused(large: Desk):
    result = large.run("validate", "desired-state", env={"RECONCILER_CACHE": "mine"}).ended(1)
    assert result.err == "error: RECONCILER_CACHE can only be off\n  unset it, or move the cache with XDG_CACHE_HOME\n"


def test_a_relative_folder_counts_as_none(large: Desk):
    large.run("validate", "desired-state", env={"XDG_CACHE_HOME": "cache"}).ended(0)
    assert kept(large) == []
