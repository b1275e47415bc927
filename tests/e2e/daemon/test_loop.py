"""The daemon's main job: what is merged is what runs, and stays so."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any

import pytest

from tests.e2e.daemon.kit import Daemon, eventually, running
from tests.e2e.kit import Desk, document


def test_it_brings_the_example_about_and_then_rests(example: Desk):
    with running(example) as daemon:
        daemon.becomes("converged")
        assert example.center.names("workers") == ["worker-1", "worker-2", "worker-3"]
        before = example.center.last()
        eventually(lambda: example.center.last() >= before + 20)  # two more passes
        assert example.center.writes(before) == []
    example.is_converged()


def test_drift_is_put_right(converged: Desk):
    with running(converged) as daemon:
        daemon.becomes("converged")
        converged.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
        before = converged.center.last()
        eventually(lambda: converged.center.writes(before))
        assert converged.center.writes(before) == ["putSessionCookie"]


def cookie(samesite: str) -> str:
    return document("SessionCookie", "console", samesite=samesite)


def samesite(desk: Desk) -> str:
    return str(desk.center.state()["settings"]["sessioncookie"]["samesite"])


def test_a_saved_file_is_applied_at_once(desk: Desk):
    desk.write(cookie("Strict"))
    with running(desk, interval="1h") as daemon:
        daemon.becomes("converged")
        desk.write(cookie("Lax"))
        saved = time.monotonic()
        eventually(lambda: samesite(desk) == "Lax", pause=0.005)
        assert time.monotonic() - saved < 5


def test_a_tree_that_is_not_sound_changes_nothing_and_is_told(desk: Desk):
    desk.write(cookie("Strict"))
    with running(desk) as daemon:
        daemon.becomes("converged")
        (desk.tree / "tree.yaml").write_text(cookie("Lax") + "\n---\nkind: Role\n")
        source = eventually(lambda: unsound(daemon))
        assert source["problems"][0]["file"] == "tree.yaml"
        assert source["revision"] != source["seen"]
        desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
        eventually(lambda: samesite(desk) == "Strict")
        desk.write(cookie("Lax"))
        eventually(lambda: samesite(desk) == "Lax")
        assert not unsound(daemon)


def unsound(daemon: Daemon) -> dict[str, Any] | None:
    source = daemon.ask("GET", "/api/v1/targets").json()["source"]
    return None if source["sound"] else dict(source)


def test_a_tree_that_vanishes_or_becomes_empty_stays_in_force(desk: Desk):
    desk.write(cookie("Strict"), document("Role", "analyst", display_name="Analyst"))
    with running(desk, "--prune") as daemon:
        daemon.becomes("converged")
        (desk.tree / "tree.yaml").unlink()
        assert "empty" in str(eventually(lambda: unsound(daemon))["error"])
        shutil.rmtree(desk.tree)
        eventually(lambda: (source := unsound(daemon)) and "empty" not in str(source["error"]))
        desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
        eventually(lambda: samesite(desk) == "Strict")
        assert "analyst" in desk.center.names("roles")


@pytest.mark.ci
def test_a_file_that_is_written_slowly_deletes_nothing(desk: Desk):
    """Its second half is missing for a second: a sound tree, and yet not the one that is meant."""
    first, second = (document("Role", name, display_name=name) for name in ("first", "second"))
    desk.write(first, second)
    with running(desk, "--prune", interval="300ms") as daemon:
        daemon.becomes("converged")
        before = desk.center.last()
        with (desk.tree / "tree.yaml").open("w") as file:
            file.write(first)
            file.flush()
            time.sleep(1)
            file.write("\n---\n" + second)
        daemon.passes(times=5)
        assert desk.center.writes(before) == []
        desk.write(first)
        eventually(lambda: "second" not in desk.center.names("roles"))


@pytest.mark.ci
def test_a_link_that_is_swapped_is_followed(desk: Desk):
    """As git-sync does it: a folder for each revision, and a link to the newest."""
    link = desk.folder / "current"
    for number, value in enumerate(("Strict", "Lax", "None")):
        folder = desk.folder / f"revision-{number}"
        folder.mkdir()
        (folder / "tree.yaml").write_text(cookie(value))
    link.symlink_to("revision-0")
    with running(desk, "current", interval="1h") as daemon:
        daemon.becomes("converged")
        for number, value in ((1, "Lax"), (2, "None")):
            swapped = desk.folder / "new"
            swapped.symlink_to(f"revision-{number}")
            swapped.rename(link)
            eventually(lambda value=value: samesite(desk) == value)  # type: ignore[misc]


def test_observing_writes_nothing(example: Desk):
    with running(example, "--mode", "observe") as daemon:
        target = daemon.becomes("drifted")
        assert target["summary"]["create"] > 5
        assert example.center.writes() == []
        assert {one["sync"] for one in target["objects"]} == {"pending"}


def test_the_logs_are_json_with_one_id_a_pass(desk: Desk):
    desk.write(document("Role", "analyst", display_name="Analyst"))
    with running(desk) as daemon:
        daemon.becomes("converged")
        assert all(line.startswith("{") for line in daemon.raw)
        step, passed = daemon.said("step")[0], daemon.said("pass")[0]
        assert step["pass"] == passed["pass"]
        assert step["target"] == "default"
        assert json.dumps(passed)


def test_a_pass_that_did_something_is_history(desk: Desk):
    desk.write(document("Role", "analyst", display_name="Analyst"))
    with running(desk) as daemon:
        daemon.becomes("converged")
        items = daemon.ask("GET", "/api/v1/history?target=default").json()["items"]
        assert [one["mode"] for one in items] == ["enforce"]
        assert items[0]["verdict"] == "converged"
        assert items[0]["revision"].startswith("sha256:")
