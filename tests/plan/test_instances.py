"""Services, workers, installers and instances: what comes before what, and what stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import InvalidTree
from reconciler.memory import Memory, Owned
from reconciler.steps import Action
from reconciler.systems.view import View
from tests.systems.kit import (
    deployment,
    doc,
    facts,
    five,
    hard,
    ids,
    live_five,
    live_installer,
    live_service,
    live_worker,
    moves,
    owning,
    plan,
    problems,
    reasons,
    rules,
    service,
    step,
    view,
    worker,
)

FILE = "ometascan-{}-1-x64.msi"
MINE = ("Worker", "Service", "Installer", "Deployment")


def cluster(*documents: str, workers: list[Any] | None = None, **more: Any) -> View:
    """Five services, w1 with an instance of 5.15.0, w2 without, installers of 5.15.0 and 5.16.0."""
    live = {
        "listServices": live_five(),
        "listWorkers": [live_worker("w1", "5.15.0"), live_worker("w2")] if workers is None else workers,
        "listInstallers": {f"i-{one}": live_installer(one, sha=one[2:4] * 32) for one in ("5.15.0", "5.16.0")},
        **more.pop("live", {}),
    }
    return view(*documents, live=live, **more)


def mine(*documents: str, **more: Any) -> View:
    """The same, all of it ours."""
    return owning(cluster(*documents, **more), *MINE)


W1, W2 = worker("w1"), worker("w2")
CORES = deployment("cores", "w1")


# --- before a deploy


def test_everything_is_there_before_a_deploy_and_nothing_else_is_ordered() -> None:
    installer = doc("Installer", "core", {"file": FILE.format("5.15.0")})
    wanted = deployment("cores", "w1", version=None, installer="core")
    made = plan(view(*five(), W1, installer, wanted, files=facts(FILE.format("5.15.0"))))
    types = ("datalake", "warehouse", "caching", "broker", "filestorage")
    needed = {f"create/Service/{type}" for type in types}
    assert hard(made, "create/Deployment/cores/w1") == needed | {"create/Worker/w1", "create/Installer/core"}
    assert all(not move.hard and not move.soft for move in made.moves if move.step.split("/")[1] != "Deployment")


def test_no_deploy_without_all_five_services() -> None:
    made = plan(cluster(W1, W2, CORES, deployment("more", "w2"), live={"listServices": live_five()[1:]}))
    assert rules(made.blocked) == {"create/Deployment/more/w2": "services-before-deploy"}
    assert reasons(made.blocked)["create/Deployment/more/w2"].startswith("no service of the type datalake ")


def test_a_service_that_goes_does_not_count_as_there() -> None:
    workers = [live_worker("w1"), live_worker("w2")]
    made = plan(owning(cluster(W1, CORES, workers=workers), "Service"), prune=True, deletions=50)
    assert rules(made.blocked) == {"create/Deployment/cores/w1": "services-before-deploy"}
    assert len([one for one in ids(made) if one.startswith("delete/Service")]) == 5


def test_a_busy_or_broken_worker_takes_no_deploy() -> None:
    for status in ("Failed", "Disconnected", "Rebooting"):
        made = plan(cluster(W1, CORES, workers=[live_worker("w1", status=status)]))
        assert rules(made.blocked) == {"create/Deployment/cores/w1": "worker-not-available"}
        assert reasons(made.blocked)["create/Deployment/cores/w1"] == f"the worker w1 is {status.lower()}"
    for word in ("AVAILABLE", "available", None):
        assert ids(plan(cluster(W1, CORES, workers=[live_worker("w1", status=word)]))) == ["create/Deployment/cores/w1"]


def test_another_type_on_the_worker_is_in_the_way_until_it_goes() -> None:
    gate = deployment("gate", "w1", type="api-gateway")
    installers = {"g": live_installer("5.15.0", "api-gateway")}
    made = plan(cluster(W1, gate, live={"listInstallers": installers}))
    assert rules(made.blocked) == {"create/Deployment/gate/w1": "worker-not-available"}
    seen = cluster(W1, gate, live={"listInstallers": installers})
    made = plan(owning(seen, "Deployment", document="gate"))
    assert moves(made) == ["delete/Deployment/ometascan/w1", "create/Deployment/gate/w1"]
    assert hard(made, "create/Deployment/gate/w1") == {"delete/Deployment/ometascan/w1"}


def test_a_version_without_an_installer_is_not_deployed() -> None:
    made = plan(cluster(W2, deployment("cores", "w2", version="5.17.0")))
    assert rules(made.blocked) == {"create/Deployment/cores/w2": "installer-before-deploy"}
    assert reasons(made.blocked)["create/Deployment/cores/w2"].startswith("no installer of ometascan 5.17.0")
    uploaded = doc("Installer", "i", {"file": FILE.format("5.17.0")})
    seen = cluster(W2, uploaded, deployment("cores", "w2", version="5.17"), files=facts(FILE.format("5.17.0")))
    assert hard(plan(seen), "create/Deployment/cores/w2") == {"create/Installer/i"}


def test_a_file_that_is_not_at_hand_stops_its_upload_and_what_needs_it() -> None:
    installer = doc("Installer", "core", {"file": FILE.format("5.17.0")})
    made = plan(cluster(W2, installer, deployment("cores", "w2", version=None, installer="core"), worker("w3")))
    assert rules(made.blocked) == dict.fromkeys(
        ["create/Installer/core", "create/Deployment/cores/w2"], "installer-file-missing"
    )
    assert reasons(made.blocked)["create/Deployment/cores/w2"] == "waits for create/Installer/core"
    assert ids(made) == ["create/Worker/w3"]
    named = plan(cluster(doc("Installer", "core", {"sha256": "0" * 64})))
    assert reasons(named.blocked) == {"create/Installer/core": "it isn't uploaded, and the document names no file"}


# --- using


def test_an_instance_goes_before_its_worker() -> None:
    made = plan(mine(W2), prune=True, deletions=50)
    assert hard(made, "delete/Worker/w1") == {"delete/Deployment/ometascan/w1"}
    assert hard(made, f"delete/Installer/{FILE.format('5.15.0')}") == {"delete/Deployment/ometascan/w1"}


def test_a_worker_and_an_installer_in_use_stay() -> None:
    made = plan(owning(cluster(W2), "Worker", "Installer"), prune=True, deletions=50)
    assert rules(made.blocked) == {
        "delete/Worker/w1": "undeploy-before-disconnect",
        f"delete/Installer/{FILE.format('5.15.0')}": "installer-in-use",
    }
    assert ids(made) == [f"delete/Installer/{FILE.format('5.16.0')}"]


def test_a_worker_with_an_instance_is_not_replaced_under_it() -> None:
    renamed = doc("Worker", "core-1", {"host": "w1", "port": 8893, "connection_key": {"secret": "wk"}})
    made = plan(mine(renamed, deployment("cores", "core-1")), allow=["redeploy"])
    assert rules(made.blocked) == {"replace/Worker/core-1": "undeploy-before-disconnect"}
    wanted = deployment("cores", "core-1", config={"log_level": "debug"})
    seen = mine(renamed, wanted, workers=[live_worker("w1", "5.15.0", config={"log_level": "info"})])
    assert moves(plan(seen, allow=["redeploy"])) == [
        "redeploy/Deployment/cores/core-1#down",
        "replace/Worker/core-1#down",
        "replace/Worker/core-1#up",
        "redeploy/Deployment/cores/core-1#up",
    ]


def test_a_worker_is_not_replaced_while_an_upgrade_goes_over_it() -> None:
    """The upgrade's first target is another worker's instance."""
    renamed = doc("Worker", "core-2", {"host": "w2", "port": 8893, "connection_key": {"secret": "wk"}})
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    made = plan(mine(W1, renamed, deployment("cores", "w1", "core-2", version="5.16.0"), workers=workers))
    assert rules(made.blocked) == {"replace/Worker/core-2": "undeploy-before-disconnect"}
    assert ids(made) == ["upgrade/Deployment/ometascan"]


def test_what_a_document_names_is_not_pruned() -> None:
    seen = owning(cluster(deployment("cores", "w1", "w2")), "Worker", "Installer")
    made = plan(seen, prune=True, deletions=50)
    assert reasons(made.blocked)["delete/Worker/w2"] == "Deployment/cores names it"
    assert rules(made.blocked)[f"delete/Installer/{FILE.format('5.15.0')}"] == "installer-in-use"
    assert "create/Deployment/cores/w2" in ids(made)
    setting = doc("ServiceSetting", "filestorage", {"max_replica": 1})
    made = plan(owning(cluster(setting, workers=[]), "Service"), prune=True, deletions=50)
    assert rules(made.blocked) == {"delete/Service/filestorage": "service-in-use"}


def test_a_worker_left_out_is_undeployed_without_prune() -> None:
    seen = mine(W1, W2, deployment("cores", "w2"))
    memory = seen.memory
    key = ("Deployment", ("ometascan", "w1:8893"))
    owned = {**memory.owned, key: Owned("Deployment", key[1], "w-w1", "ometascan/w1", "cores")}
    seen = cluster(W1, W2, deployment("cores", "w2"), memory=Memory(lineage="l", owned=owned))
    made = plan(seen)
    assert ids(made) == ["create/Deployment/cores/w2", "delete/Deployment/ometascan/w1"]
    assert step(made, "delete/Deployment/ometascan/w1").reason == "Deployment/cores left it out"
    assert step(made, "delete/Deployment/ometascan/w1").destructive
    spec = {"type": "ometascan", "version": "5.15.0", "workers": []}
    switched = doc("Deployment", "cores", spec, reconcile="disabled")
    off = cluster(W1, W2, switched, memory=Memory(lineage="l", owned=owned))
    assert rules(plan(off).held) == {"delete/Deployment/ometascan/w1": "reconcile-disabled"}


# --- frozen services


ELSEWHERE = five(caching={"host": "elsewhere"})


def test_a_service_is_frozen_while_anything_is_deployed() -> None:
    for status in ("Deployed", "Deploying", "Upgrading", "Undeploying", "Running"):
        made = plan(mine(*ELSEWHERE, W1, CORES, workers=[live_worker("w1", "5.15.0", status=status)]))
        assert rules(made.blocked) == {"update/Service/caching": "service-frozen-after-deploy"}
        assert made.blocked[0].remedy.startswith("--allow redeploy undeploys all of them")
    assert ids(plan(mine(*ELSEWHERE, W1, workers=[live_worker("w1")]))) == ["update/Service/caching"]


def test_another_display_name_is_not_frozen() -> None:
    made = plan(mine(*five(caching={"display_name": "redis"}), W1, CORES))
    assert ids(made) == ["update/Service/caching"]
    assert [change.path for change in made.steps[0].changes] == ["/display_name"]


def test_a_frozen_service_does_not_stop_a_deploy_that_has_nothing_to_do_with_it() -> None:
    setting = doc("ServiceSetting", "filestorage", {"max_replica": 2})
    frozen = five(filestorage={"host": "elsewhere"})
    made = plan(mine(*frozen, setting, W1, W2, deployment("cores", "w1", "w2")))
    assert rules(made.blocked) == {"update/Service/filestorage": "service-frozen-after-deploy"}
    assert ids(made) == ["create/Deployment/cores/w2", "update/ServiceSetting/filestorage"]


def test_with_redeploy_all_instances_go_down_around_the_edit() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    made = plan(mine(*ELSEWHERE, W1, W2, deployment("cores", "w1", "w2"), workers=workers), allow=["redeploy"])
    assert moves(made) == [
        "redeploy/Deployment/cores/w1#down",
        "redeploy/Deployment/cores/w2#down",
        "update/Service/caching",
        "redeploy/Deployment/cores/w1#up",
        "redeploy/Deployment/cores/w2#up",
    ]
    assert {one.group for one in made.steps} == {"service-frozen-after-deploy"}
    assert all(one.disruptive and not one.destructive for one in made.steps)


def test_one_instance_that_stays_keeps_the_services_frozen() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    made = plan(mine(*ELSEWHERE, W1, W2, CORES, workers=workers), allow=["redeploy"])
    assert ids(made) == []
    assert set(rules(made.blocked).values()) == {"service-frozen-after-deploy"}
    assert made.blocked[0].remedy.startswith("declare and adopt the Deployment of ometascan/w2 too")
    unowned = plan(owning(cluster(*ELSEWHERE, W1, CORES), "Service"), allow=["redeploy"])
    assert ids(unowned) == []
    assert set(rules(unowned.blocked).values()) == {"not-owned"}


def test_a_switched_off_edit_takes_nothing_down() -> None:
    document = service("caching", "caching", "elsewhere", 1002)
    off = doc("Service", "caching", {"type": "caching", "host": "elsewhere", "port": 1002}, reconcile="disabled")
    made = plan(mine(off, W1, deployment("cores", "w1", version="5.16.0")), allow=["redeploy"])
    assert rules(made.held) == {"update/Service/caching": "reconcile-disabled"}
    assert made.blocked == ()
    assert ids(made) == ["upgrade/Deployment/ometascan"]
    assert document != off


def test_removing_a_service_is_an_edit_too() -> None:
    made = plan(mine(*five()[1:], W1, CORES), prune=True)
    assert rules(made.blocked)["delete/Service/datalake"] == "service-frozen-after-deploy"


def test_an_edit_of_a_service_needs_the_secret_that_goes_with_it() -> None:
    elsewhere = {"host": "elsewhere"}
    made = plan(mine(*five(datalake=elsewhere, filestorage=elsewhere), workers=[]))
    assert rules(made.blocked) == {
        "update/Service/datalake": "write-only-missing",
        "update/Service/filestorage": "write-only-missing",
    }
    assert made.blocked[0].remedy == "give password in the document"
    assert made.blocked[1].remedy == "give connection_key in the document"
    given = {**elsewhere, "password": {"secret": "pw"}}
    assert ids(plan(mine(*five(datalake=given), workers=[]))) == ["update/Service/datalake"]
    assert ids(plan(mine(*five(datalake={"display_name": "lake"}), workers=[]))) == ["update/Service/datalake"]


# --- versions


def test_a_newer_version_is_one_upgrade_for_the_type() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.14.0")]
    made = plan(mine(W1, W2, deployment("cores", "w1", "w2", version="5.16.0"), workers=workers))
    assert ids(made) == ["upgrade/Deployment/ometascan"]
    found = made.steps[0]
    assert found.reason == "from 5.15.0 to 5.16.0: goes over all 2 instances of the type ometascan, one after the other"
    assert [target.live.id for target in found.targets if target.live] == ["w-w1", "w-w2"]
    assert (found.destructive, found.disruptive) == (False, True)
    partly = [live_worker("w1", "5.16.0"), live_worker("w2", "5.15.0")]
    made = plan(mine(W1, W2, deployment("cores", "w1", "w2", version="5.16.0"), workers=partly))
    assert [target.live.id for target in made.steps[0].targets if target.live] == ["w-w2", "w-w1"]
    assert made.unchanged == 2


def test_an_upgrade_needs_every_instance_to_be_declared_and_ours() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    made = plan(mine(W1, W2, deployment("cores", "w1", version="5.16.0"), workers=workers))
    assert rules(made.blocked) == {"upgrade/Deployment/ometascan": "one-version-a-type"}
    assert "goes over" not in reasons(made.blocked)["upgrade/Deployment/ometascan"]
    assert reasons(made.blocked)["upgrade/Deployment/ometascan"].startswith("the upgrade would go over ometascan/w2")
    both = deployment("cores", "w1", "w2", version="5.16.0")
    half = owning(cluster(W1, W2, both, workers=workers), ("Deployment", ("ometascan", "w1:8893")))
    assert rules(plan(half).blocked) == {"upgrade/Deployment/ometascan": "not-owned"}


def test_a_lower_version_is_a_redeploy() -> None:
    seen = mine(W1, CORES, workers=[live_worker("w1", "5.16.0")])
    made = plan(seen)
    assert rules(made.blocked) == {"redeploy/Deployment/cores/w1": "redeploy-not-allowed"}
    made = plan(seen, allow=["redeploy"])
    assert (
        step(made, "redeploy/Deployment/cores/w1").reason == "from 5.16.0 to 5.15.0: a lower version is deployed anew"
    )


@pytest.mark.parametrize(("wanted", "shown"), [("5.15", "5.15.0"), ("5.15.0", "5.15"), ("5.15.0.0", "5.15")])
def test_versions_are_compared_by_their_numbers(wanted: str, shown: str) -> None:
    made = plan(mine(W1, deployment("cores", "w1", version=wanted), workers=[live_worker("w1", shown)]))
    assert (ids(made), made.blocked) == ([], ())


def test_an_upgrade_waits_for_its_installer_and_a_new_worker_for_the_upgrade() -> None:
    installer = doc("Installer", "i", {"file": FILE.format("5.17.0")})
    wanted = deployment("cores", "w1", "w2", version="5.17.0")
    made = plan(mine(W1, W2, installer, wanted, files=facts(FILE.format("5.17.0"))))
    assert hard(made, "upgrade/Deployment/ometascan") == {"create/Installer/i"}
    found = {one.id: one for one in made.moves}["create/Deployment/cores/w2"]
    assert found.soft == {"upgrade/Deployment/ometascan"}
    missing = plan(mine(W1, deployment("cores", "w1", version="5.17.0")))
    assert rules(missing.blocked) == {"upgrade/Deployment/ometascan": "installer-before-deploy"}


def test_what_leaves_goes_before_the_upgrade_that_would_go_over_it() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    seen = mine(W1, W2, deployment("cores", "w1", version="5.16.0"), workers=workers)
    left = dict(seen.memory.owned)
    key = ("Deployment", ("ometascan", "w2:8893"))
    left[key] = Owned("Deployment", key[1], "w-w2", "ometascan/w2", "cores")
    memory = Memory(lineage="l", owned=left)
    made = plan(cluster(W1, W2, deployment("cores", "w1", version="5.16.0"), workers=workers, memory=memory))
    assert moves(made) == ["delete/Deployment/ometascan/w2", "upgrade/Deployment/ometascan"]
    assert hard(made, "upgrade/Deployment/ometascan") == {"delete/Deployment/ometascan/w2"}
    assert len(step(made, "upgrade/Deployment/ometascan").targets) == 1


def test_what_is_deployed_anew_is_down_while_the_upgrade_goes_over_the_rest() -> None:
    workers = [live_worker("w1", "5.15.0", license_id="A"), live_worker("w2", "5.15.0", license_id="B")]
    wanted = deployment("cores", "w1", "w2", version="5.16.0", license_id="B")
    made = plan(mine(W1, W2, wanted, workers=workers), allow=["redeploy"])
    assert moves(made) == [
        "redeploy/Deployment/cores/w1#down",
        "upgrade/Deployment/ometascan",
        "redeploy/Deployment/cores/w1#up",
    ]
    assert [target.live.id for target in step(made, "upgrade/Deployment/ometascan").targets if target.live] == ["w-w2"]
    assert rules(plan(mine(W1, W2, wanted, workers=workers)).blocked) == dict.fromkeys(
        ["redeploy/Deployment/cores/w1", "upgrade/Deployment/ometascan"], "redeploy-not-allowed"
    )


def test_a_redeploy_carries_license_and_config_over() -> None:
    live = live_worker("w1", "5.16.0", license_id="L", config={"log_level": "debug", "x": 1})
    made = plan(mine(W1, CORES, workers=[live]), allow=["redeploy"])
    assert made.steps[0].item is not None
    assert made.steps[0].item.fields == {"version": "5.15.0", "license_id": "L", "config/log_level": "debug"}


# --- matching


def test_a_service_under_another_name_is_found_by_its_place_or_as_the_only_one() -> None:
    made = plan(cluster(service("redis", "caching", "caching.internal", 1002)))
    assert [(change.path, change.before, change.after) for change in made.steps[0].changes] == [
        ("/display_name", "caching", "redis")
    ]
    made = plan(cluster(service("redis", "caching", "elsewhere", 7), workers=[]))
    assert ids(made) == ["update/Service/redis"]
    two = [*live_five(), live_service("x", "caching", "other", 1, "second")]
    made = plan(cluster(service("redis", "caching", "elsewhere", 7), workers=[], live={"listServices": two}))
    assert ids(made) == ["create/Service/redis"]
    made = plan(owning(cluster(*five(caching={"display_name": "redis"}), workers=[]), "Service"), prune=True)
    assert ids(made) == ["update/Service/caching"]
    nameless = live_service("x", "caching", "elsewhere", 7)
    nameless["display_name"] = ""
    seen = cluster(service("redis", "caching", "elsewhere", 7), live={"listServices": [nameless]}, workers=[])
    assert ids(plan(seen)) == ["update/Service/redis"]


def test_an_installer_is_found_by_sha_else_by_file_name() -> None:
    file = FILE.format("5.15.0")
    sha = "15" * 32
    assert ids(plan(cluster(doc("Installer", "i", {"file": file})))) == []
    assert ids(plan(cluster(doc("Installer", "i", {"sha256": sha})))) == []
    assert ids(plan(cluster(doc("Installer", "i", {"file": f"x/{file}", "sha256": sha})))) == []
    other = cluster(doc("Installer", "i", {"file": file, "sha256": "a" * 64}), files=facts(file))
    assert ids(plan(other)) == ["create/Installer/i"]
    made = plan(owning(cluster(doc("Installer", "i", {"file": file}), workers=[]), "Installer"), prune=True)
    assert ids(made) == [f"delete/Installer/{FILE.format('5.16.0')}"]


# --- wrong documents that only the live side shows


def test_a_worker_under_two_names_is_one_worker() -> None:
    documents = [worker("new"), deployment("a", "new"), deployment("b", "w1")]
    seen = cluster(*documents, workers=[live_worker("w1", host="new")])
    with pytest.raises(InvalidTree) as raised:
        plan(seen)
    message = "Deployment/b/w1 and Deployment/a/new (a.yaml:3:1) are the same object (ometascan, new:8893)"
    assert [str(one) for one in raised.value.problems] == [f"a.yaml:5:1: {message}"]


def test_a_worker_runs_one_instance() -> None:
    found = problems(W1, CORES, deployment("gate", "w1", type="api-gateway", version="1.0"))
    assert len(found) == 1
    assert found[0].endswith("a worker runs one instance, and Deployment/cores has this one already")


def test_names_of_nothing_are_refused_with_their_places() -> None:
    with pytest.raises(InvalidTree) as raised:
        plan(cluster(deployment("a", "w1", "nowhere", version=None, installer="none", license_id="x")))
    assert [str(one).split(": ", 1)[1][:66] for one in raised.value.problems] == [
        "Deployment/a names the Worker 'nowhere', which is neither declared",
        "Deployment/a names the Installer 'none', which is neither declared",
    ]
    assert {one.location.line for one in raised.value.problems} == {1}
    assert str(raised.value) == "2 problems in the desired state"


def test_a_deployment_may_name_what_is_live() -> None:
    made = plan(cluster(deployment("cores", "w2", version=None, installer=FILE.format("5.15.0"))))
    assert ids(made) == ["create/Deployment/cores/w2"]
    assert made.steps[0].item is not None
    assert made.steps[0].item.fields == {"version": "5.15.0"}


def test_an_unknown_type_is_passed_on_with_a_warning() -> None:
    made = plan(cluster(W2, deployment("x", "w2", type="new-thing", version="1.0")))
    assert made.warnings == ("Deployment/x: the type 'new-thing' isn't one that we know",)


def test_an_unwell_object_is_named() -> None:
    workers = [live_worker("w1", "5.15.0", status="Failed"), live_worker("w2", status="Disconnected")]
    made = plan(cluster(W1, W2, CORES, workers=workers))
    assert made.warnings == (
        "Deployment/cores/w1: failed; the Control Center's log says why",
        "Worker/w2: disconnected",
    )
    made = plan(cluster(W1, CORES, workers=[live_worker("w1", "5.15.0", status="Deploying")]))
    assert made.warnings == ("Deployment/cores/w1: deploying",)
    down = live_service("s", "datalake", "datalake.internal", 1000, status="Down")
    made = plan(cluster(five()[0], live={"listServices": [down]}))
    assert made.warnings == ("Service/datalake: Down",)


def test_actions_say_what_they_take_down() -> None:
    assert [one for one in Action if one.takes_down] == [Action.REPLACE, Action.DELETE, Action.REDEPLOY]
