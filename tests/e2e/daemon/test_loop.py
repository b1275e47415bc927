"""The daemon's main job: what is merged is what runs, and stays so."""

from __future__ import annotations

import json
import shutil
import time

from tests.e2e.daemon.kit import eventually, running
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
        assert converged.center.writes(before) == ["updateSessionCookieAttributes"]


def test_a_saved_file_is_applied_at_once(desk: Desk):
    desk.write(document("Role", "analyst", display_name="Analyst"))
    with running(desk, interval="1h") as daemon:
        daemon.becomes("converged")
        desk.write(document("Role", "analyst", display_name="Analyst of malware"))
        saved = time.monotonic()
        eventually(lambda: desk.center.named("roles", "analyst")["display_name"] == "Analyst of malware", pause=0.005)
        assert time.monotonic() - saved < 5


def test_a_tree_that_is_not_sound_changes_nothing_and_is_told(desk: Desk):
    good = document("Role", "analyst", display_name="Analyst")
    desk.write(good)
    with running(desk) as daemon:
        daemon.becomes("converged")
        (desk.tree / "tree.yaml").write_text(good.replace("Analyst", "Other") + "\n---\nkind: Role\n")
        source = eventually(lambda: one if not (one := daemon.ask("GET", "/api/v1/targets").json()["source"])["sound"] else None)
        assert source["problems"][0]["file"] == "tree.yaml"
        assert source["revision"] != source["seen"]
        desk.center.edit("roles", {"name": "analyst"}, set={"display_name": "Changed by hand"})
        eventually(lambda: desk.center.named("roles", "analyst")["display_name"] == "Analyst")
        desk.write(good.replace("Analyst", "Other"))
        eventually(lambda: desk.center.named("roles", "analyst")["display_name"] == "Other")
        assert daemon.ask("GET", "/api/v1/targets").json()["source"]["sound"]


def test_a_tree_that_vanishes_or_becomes_empty_deletes_nothing(desk: Desk):
    desk.write(document("Role", "analyst", display_name="Analyst"), document("Role", "other", display_name="Other"))
    with running(desk, "--prune") as daemon:
        daemon.becomes("converged")
        (desk.tree / "tree.yaml").unlink()
        assert "empty" in daemon.becomes("error")["error"]
        shutil.rmtree(desk.tree)
        eventually(lambda: not daemon.ask("GET", "/api/v1/targets").json()["source"]["sound"])
        assert {"analyst", "other"} <= set(desk.center.names("roles"))


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
