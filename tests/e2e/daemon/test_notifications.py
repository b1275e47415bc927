"""Who is told what, by real requests to a receiver: changed outcomes once, and the state of a commit."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon.kit import configure, eventually, running
from tests.e2e.kit import PASSWORD, Desk, document
from tests.notify.receiver import Receiver, receiving
from tests.sources.git_kit import Origin

pytestmark = pytest.mark.ci
SIGNING = "canary-of-the-signing-key"
TOKEN = "canary-of-the-forge-token"


def roles(*names: str) -> list[str]:
    return [document("Role", name, display_name=name) for name in names]


def told(desk: Desk, receiver: Receiver, **more: Any) -> None:
    """A configuration that tells the receiver."""
    desk.secret("hook-url", f"{receiver.url}/hooks/canary-of-the-hook")
    desk.secret("hook-key", SIGNING)
    listed = [{"url": "hook-url", "signing": "hook-key"}]
    configure(desk, {"prod": {"url": desk.center.url}}, backoff=1, notifications=listed, **more)


def test_only_a_changed_outcome_is_told_and_signed(desk: Desk):
    desk.write(*roles("analyst"))
    with receiving() as receiver:
        told(desk, receiver)
        with running(desk, interval="300ms") as daemon:
            daemon.becomes("converged", "prod")
            daemon.passes("prod", 2)
            assert receiver.got == []  # all is well, as ever
            said = json.dumps({"err": f"{PASSWORD} isn't liked"})  # a server that quotes the password
            desk.center.fault(None, {"status": 500, "body": said}, method="GET", times=0)
            eventually(lambda: daemon.target("prod")["failures"] >= 3)
            desk.center.clear_faults()
            daemon.becomes("converged", "prod")
            eventually(lambda: len(receiver.got) == 2)
            assert receiver.outcomes == ["error", "converged"]
            assert [one.json["before"] for one in receiver.got] == ["converged", "error"]
            assert receiver.got[0].json["target"] == "prod"
            assert "isn't liked" in receiver.got[0].json["error"]
            assert not any(PASSWORD.encode() in one.body for one in receiver.got)
            for one in receiver.got:
                expected = hmac.new(SIGNING.encode(), one.body, sha256).hexdigest()
                assert one.headers["x-reconciler-signature-256"] == f"sha256={expected}"
            daemon.passes("prod", 2)
        assert len(receiver.got) == 2


def test_neither_a_stop_nor_a_suspension_amid_an_apply_is_told_as_a_failure(desk: Desk):
    desk.write(*roles(*(f"role-{number}" for number in range(20))))
    desk.center.fault("createRole", {"delay": 1.5}, times=0)
    with receiving() as receiver:
        told(desk, receiver)
        with running(desk, interval="300ms") as daemon:
            eventually(lambda: "createRole" in desk.center.sent())
            daemon.order("targets/prod/suspend", {"reason": "wait"})
            daemon.becomes("suspended", "prod")
            sent = len(desk.center.writes())
            daemon.order("targets/prod/resume")
            eventually(lambda: len(desk.center.writes()) > sent)
        desk.center.clear_faults()
        with running(desk, interval="300ms") as daemon:
            daemon.becomes("converged", "prod")
            daemon.passes("prod")
        assert [one for one in receiver.outcomes if one != "converged"] == []


def test_what_is_wrong_is_told_once_also_across_a_restart(desk: Desk):
    desk.write(*roles("stays", "one", "two", "three", "four", "five", "six"))
    with receiving() as receiver:
        told(desk, receiver)
        with running(desk, "--prune", interval="300ms") as daemon:
            daemon.becomes("converged", "prod")
            desk.write(*roles("stays"))
            daemon.becomes("blocked", "prod")
            eventually(lambda: receiver.outcomes == ["blocked"])
            assert receiver.got[0].json["blocked"] == ["budget"]
        with running(desk, "--prune", interval="300ms") as daemon:
            daemon.becomes("blocked", "prod")
            daemon.passes("prod", 2)
        assert receiver.outcomes == ["blocked"]


def test_a_receiver_that_hangs_or_is_gone_holds_up_nothing(desk: Desk):
    desk.write(*roles("analyst"))
    with receiving() as receiver:
        told(desk, receiver)
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged", "prod")
        desk.center.fault(None, {"status": 500}, method="GET", times=0)
        eventually(lambda: daemon.said("pass failed"))
        desk.center.clear_faults()
        daemon.becomes("converged", "prod")
        assert daemon.stop() < 15


def test_a_commit_is_marked_as_what_it_is(desk: Desk, tmp_path: Path):
    origin = Origin(tmp_path)
    origin.write("tree.yaml", roles("analyst")[0])
    first = origin.commit()
    with receiving() as forge:
        desk.secret("forge-token", TOKEN)
        status = {"provider": "github", "repository": "acme/cluster", "token": "forge-token", "api": forge.url}
        source = {"git": {"url": str(origin.path), "interval": 0.5, "mirror": "mirror"}}
        configure(desk, {"prod": {"url": desk.center.url}}, commit_status=status, source=source)
        with running(desk, "--config", "reconciler.yaml", interval="500ms") as daemon:
            daemon.becomes("converged", "prod")
            eventually(lambda: state_of(forge, first) == "success")
            origin.write("tree.yaml", roles("analyst")[0] + "\n---\nkind: Role\n")
            bad = origin.commit()
            eventually(lambda: state_of(forge, bad) in ("failure", "error"))
            origin.write("tree.yaml", "\n---\n".join(roles("analyst", "another")))
            good = origin.commit()
            eventually(lambda: state_of(forge, good) == "success")
            assert "another" in desk.center.names("roles")
            assert daemon.target("prod")["revision"] == good
            count = len(forge.got)
            daemon.passes("prod", 3)
            assert len(forge.got) == count
    assert all(one.headers["authorization"] == f"Bearer {TOKEN}" for one in forge.got)


def state_of(forge: Receiver, revision: str) -> str | None:
    """What was said last of a commit."""
    found = [one.json["state"] for one in forge.got if one.path.endswith(f"/statuses/{revision}")]
    return found[-1] if found else None
