"""The emulator as a process: its command line, its state file, its fixtures, its end."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from reconciler.emulator.cli import emulator as command
from reconciler.emulator.metadefender.app import Setup, build
from reconciler.emulator.metadefender.fixtures import NAMED
from reconciler.emulator.metadefender.options import Options
from reconciler.emulator.metadefender.users import API_KEY as RULE
from reconciler.emulator.server import Running, parse_address, running
from tests.emulator.center import API_KEY, NAME, NEWER


@contextlib.contextmanager
def asking(emulator: Running) -> Iterator[httpx.Client]:
    headers = {"apikey": API_KEY}
    with httpx.Client(base_url=emulator.url, headers=headers, trust_env=False) as client:
        yield client


def names(client: httpx.Client, path: str = "/admin/user") -> list[str]:
    return [one.get("name") or one["display_name"] for one in client.get(path).json()]


def test_a_process_and_its_control(tmp_path: Path):
    options = Options(worker_list="map", error_key="detail")
    with (
        running(options, api_key=API_KEY, fixture="deployed", spool=tmp_path, password="other") as emulator,
        asking(emulator) as client,
    ):
        assert len(client.get("/admin/worker").json()) == 2
        assert client.post("/login", json={"user": "admin", "password": "other"}).status_code == 200
        assert client.get("/nowhere").json() == {"detail": "Not Found"}
        assert emulator.options(worker_list="list")["worker_list"] == "list"
        assert emulator.counts()["operations"]["listWorkers"] == 1
        assert [entry["operationId"] for entry in emulator.requests(since=2)] == [None]
        emulator.fault("listUsers", {"drop_reply": True}, times=0)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.get("/admin/user")
        emulator.clear_faults()
        assert names(client) == ["admin", "system"]
        assert emulator.expire() == 1
        emulator.advance(10)
        assert emulator.edit("users", {"name": "system"}, set={"email": "e"}) == 1
        assert emulator.state()["users"][1]["email"] == "e"
        client.delete("/admin/role/1")
        assert [one["rule"] for one in emulator.violations()] == ["built-in"]
        emulator.clear()
        assert (emulator.violations(), emulator.requests()) == ([], [])
        with pytest.raises(ValueError, match="no option"):
            emulator.control.options(nothing=1)
        assert emulator.stop() == 0


def test_state_outlives_a_kill_and_a_restart(tmp_path: Path):
    path = tmp_path / "state.json"
    more: dict[str, Any] = {"state": path, "api_key": API_KEY, "spool": tmp_path / "spool"}
    with running(fixture="services", deploy_seconds=30, **more) as emulator, asking(emulator) as client:
        client.post("/admin/role", json={"name": "analyst"})
        client.post("/admin/user", json={"name": "alice", "password": "p", "roles": ["analyst"]})
        client.put("/admin/config/sessioncookie", json={"samesite": "Strict"})
        first = client.get("/admin/worker").json()[0]["worker_id"]
        installer = client.post("/admin/installer", content=b"x", headers={"filename": NAME}).json()["installer_id"]
        body = {"type": "ometascan", "installer_id": installer, "worker": [first]}
        client.post("/admin/worker/deploy", json=body)
        client.delete("/admin/user/3")
        before = {one: client.get(one).json() for one in ("/admin/user", "/admin/role", "/admin/worker")}
        emulator.kill()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b'"p"' not in path.read_bytes()
    with running(fixture="empty", **more) as emulator, asking(emulator) as client:
        assert {one: client.get(one).json() for one in before} == before
        assert client.get("/admin/config/sessioncookie").json() == {"samesite": "Strict"}
        client.post("/admin/user", json={"name": "bob", "password": "p"})
        assert client.get("/admin/user").json()[-1]["id"] == 4, "an id isn't given twice"
        client.delete("/admin/user/3")
        assert emulator.violations()[-1]["rule"] == "deleted-twice"
        emulator.advance(31)
        assert client.get("/admin/worker").json()[0]["status"] == "Deployed"
        assert emulator.stop() == 0
    with running(**more) as emulator, asking(emulator) as client:
        assert names(client)[-1] == "bob"
        assert client.get("/admin/worker").json()[0]["status"] == "Deployed"
        emulator.edit("users", {"name": "bob"}, delete=True)
        emulator.kill()
    with running(**more) as emulator, asking(emulator) as client:
        assert names(client) == ["admin", "system"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly(number: signal.Signals):
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler.emulator", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix("Control Center emulator listening on ").strip()
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.get("/readyz").status_code == 200
            process.send_signal(number)
            assert process.wait(20) == 0
        assert process.communicate() == ("", "")
    assert line.startswith("Control Center emulator listening on http://127.0.0.1:")


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


def test_senseless_arguments_are_refused(tmp_path: Path):
    assert "no option 'nothing'" in refused("--set", "nothing=1")
    assert "readyz is one of present, absent" in refused("--set", "readyz=maybe")
    assert "NAME=VALUE" in refused("--set", "readyz")
    assert "no fixture" in refused("--fixture", "full")
    assert "no fixture" in refused("--fixture", "users:x")
    assert "HOST:PORT" in refused("--listen", "localhost")
    (tmp_path / "state.json").write_text("{}")
    assert "isn't the state" in refused("--state", str(tmp_path / "state.json"))
    (tmp_path / "state.json").write_text("{")
    assert "Error" in refused("--state", str(tmp_path / "state.json"))
    (tmp_path / "fixture.yaml").write_text("users: [{}]")
    assert "isn't a fixture" in refused("--fixture-file", str(tmp_path / "fixture.yaml"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in refused("--listen", f"127.0.0.1:{taken.getsockname()[1]}")


def test_a_process_that_doesnt_start_is_an_error(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(RuntimeError, match="didn't start"), running(fixture="nothing"):
        pass
    assert "no fixture" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), (":80", ("127.0.0.1", 80)), ("[::1]:8892", ("::1", 8892))],
)
def test_addresses(text: str, address: tuple[str, int]):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "host:70000", "8892"])
def test_other_addresses(text: str):
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


def seeded(tmp_path: Path, fixture: str = "empty", content: str | None = None) -> Any:
    file = tmp_path / "fixture.yaml"
    if content is not None:
        file.write_text(content)
    return build(Setup(tmp_path, fixture=fixture, fixture_file=file if content is not None else None)).state


def test_named_fixtures(tmp_path: Path):
    counts = {}
    for name in NAMED:
        state = seeded(tmp_path, name)
        counts[name] = [len(part) for part in (state.users, state.services, state.workers, state.installers)]
        counts[name].append(len(state.workers.tagged("status", "Deployed")))
    assert counts == {"empty": [2, 0, 0, 0, 0], "services": [2, 5, 2, 0, 0], "deployed": [2, 5, 2, 1, 1]}


def test_many_seeded_objects_are_always_the_same(tmp_path: Path):
    first, again = (list(seeded(tmp_path, "users:1000").users)[2:] for _ in range(2))
    assert first == again
    assert len({user["api_key"] for user in first}) == len({user["name"] for user in first}) == 1000
    assert all(RULE.fullmatch(user["api_key"]) for user in first)
    assert [len(seeded(tmp_path, "workers:7").workers), len(seeded(tmp_path, "users:0").users)] == [7, 2]


def test_fixture_file(tmp_path: Path):
    state = seeded(
        tmp_path,
        content=f"""
roles: [{{name: analyst, rights: {{users: [read]}}}}]
users: [{{name: alice, password: p, roles: [analyst]}}]
workers: [{{display_name: w, host: h, port: 1}}]
installers: [{{name: {NEWER}, checksum: {"0" * 64}, size: 3}}]
deployments: [{{worker: w, installer: {NEWER}, config: {{log_level: error}}}}]
settings: {{session: {{sessionTimeout: 60000}}}}
""",
    )
    assert state.users.get("3")["roles"] == ["2"]
    [worker] = state.workers.tagged("busy")
    assert worker["instance"]["config"]["log_level"] == "error"
    assert state.settings["session"] == {
        **state.settings["session"],
        "sessionTimeout": 60000,
        "absoluteSessionTimeout": 0,
    }


@pytest.mark.parametrize(
    "content",
    [
        "- 1",
        "users: 5",
        "users: [{}]",
        "other: []",
        "deployments: [{worker: w, installer: i}]",
        "a: [",
        "x: !!python/name:os.system",
    ],
)
def test_other_fixture_files_are_refused(tmp_path: Path, content: str):
    with pytest.raises(ValueError, match=r"fixture|deployment"):
        seeded(tmp_path, content=content)


def test_a_fresh_state_file_is_written_at_once(tmp_path: Path):
    path = tmp_path / "state.json"
    build(Setup(tmp_path, state=path, user="root", api_key=API_KEY))
    assert json.loads(path.read_bytes())["users"][0]["name"] == "root"
