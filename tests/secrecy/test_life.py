"""A whole life with every sink on, before a server that quotes what it is sent: no canary is found anywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import MakeDesk
from tests.e2e.daemon.kit import OPERATE, PLAN, READ, TLS, Daemon, configure, eventually, running
from tests.e2e.kit import PASSWORD, Desk
from tests.emulator.center import Switch
from tests.notify.receiver import Answer, Receiver, receiving
from tests.secrecy.canaries import FORMS, canaries, scan
from tests.secrecy.parrot import SHAPES, Parrot

pytestmark = pytest.mark.ci

ALL = canaries(7)
USED = {
    "alice-password": "with-quotes",
    "bob-password": "with-unicode",
    "broker-password": "with-spaces",
    "cache-password": "with-markup",
    "datalake-password": "with-percent",
    "files-key": "with-lines",
    "warehouse-password": "service-password",
    "worker-key": "worker-connection-key",
    "fingerprint-key": "fingerprint-key",
}
"""Which of the example's secrets has which canary; all other canaries lie beside them, named as they are."""

DEFECT = """
import sys
from pathlib import Path
from reconciler.api.exchange import Exchange
from reconciler.cli.main import main

async def broken(self, response, *more):
    everything = [path.read_text() for path in Path("secrets").iterdir()] + list(response.request.headers.values())
    raise RuntimeError(f"a defect that quotes {everything} and {response.request.headers}")

Exchange._body = broken
main()
"""


def values(desk: Desk) -> dict[str, str]:
    """Every canary of a desk by name: secrets, tokens, and each key that the Control Center has given out."""
    found = {path.name: path.read_text() for path in desk.secrets.iterdir() if path.name != "cc-user"}
    found |= {"control-center-password": PASSWORD, "operate": OPERATE, "plan": PLAN, "read": READ}
    return found | {f"key {number}": key for number, key in enumerate(sorted(desk.center.keys))}


@pytest.fixture
def desk(make: MakeDesk) -> Desk:
    """The example on the desk, with a canary for each secret, and all other canaries beside them."""
    made = make()
    for name, role in {**{role: role for role in ALL}, **USED}.items():
        made.secret(name, ALL[role])
    made.give_example()
    return made


@pytest.fixture
def parrot(desk: Desk, served: tuple[Switch, str]) -> Iterator[Parrot]:
    """Between the desk and its Control Center."""
    switch, _ = served
    switch.app = found = Parrot(switch.app, values(desk).values())
    yield found
    switch.app = found.inner


def nothing_found(desk: Desk, said: dict[str, str | bytes], more: dict[str, str] | None = None) -> None:
    """No canary in any file that was left behind, in what was printed, or in ``said``; half a one neither."""
    commands = {f"{number}: {' '.join(one.args)}": f"{one.out}\n{one.err}" for number, one in enumerate(desk.said)}
    found = scan(desk.kept_files(), {**commands, **said}, {**values(desk), **(more or {})}, partial=True)
    assert list(map(str, found)) == []
    for text in commands.values():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", re.sub("\x1b\\[[0-9;]*m", "", text)), (
            "a control character"
        )


def test_commands_show_no_canary_whatever_the_server_quotes(desk: Desk, parrot: Parrot):
    parrot.quotes = lambda method, path: path != "/login"
    for options in (("-o", "json"), ("-o", "markdown"), ("-o", "html"), ("--out", "plan.json")):
        desk.run("plan", "desired-state", *options, "--debug")
    desk.run("doctor", "--debug")
    parrot.quotes = lambda method, path: path == "/login"
    desk.run("plan", "desired-state", "--debug")
    parrot.quotes = lambda method, path: method != "GET" and path not in ("/login", "/logout")
    for _ in range(3):
        desk.run("apply", "desired-state", "--yes", "--poll", "0.05", "--timeout", "1s", "-o", "json", "--debug")
    before = parrot.count
    assert before > 20
    parrot.quotes = lambda method, path: False
    desk.run("apply", "desired-state", "--yes", "--poll", "0.05", "--debug")
    for command in (
        ("status", "-o", "json"),
        ("history", "-o", "json"),
        ("state", "list"),
        ("state", "backup", "backup.db"),
        ("export", "--out", "exported"),
        ("observe", "--out", "live.json"),
        ("plan", "desired-state", "--offline", "live.json", "-o", "html"),
        ("doctor",),
    ):
        desk.run(*command, "--debug")
    names = {path.name for path in desk.kept_files()}
    assert {"plan.json", "state.db", "backup.db", "live.json"} & names >= {"state.db", "backup.db", "live.json"}
    assert "(secret)" in "".join(one.out + one.err for one in desk.said)
    nothing_found(desk, {})


@pytest.mark.parametrize("command", [("plan", "desired-state"), ("run", "desired-state", "--listen", "127.0.0.1:0")])
def test_a_defect_that_quotes_every_secret_is_told_without_one(desk: Desk, command: tuple[str, ...]):
    environment = {**os.environ, **desk.env, "RECONCILER_OPERATE_TOKEN": OPERATE, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", DEFECT, *command, "--debug"],
        cwd=desk.folder,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    text = done.stderr.decode()
    assert "RuntimeError" in text
    assert "exchange.py" in text
    nothing_found(desk, {"output": done.stdout, "errors": done.stderr})


def configured(desk: Desk, receiver: Receiver, forge: Receiver, **daemon: Any) -> dict[str, str]:
    """Every sink on: notifications, commit statuses, tokens, a webhook; gives the variables."""
    desk.secret("hook-url", f"{receiver.url}/hooks/{ALL['notification-signing-key'][::-1]}")
    status = {"provider": "github", "repository": "acme/cluster", "token": "commit-status-token", "api": forge.url}
    configure(
        desk,
        {"prod": {"url": desk.center.url}},
        backoff=0.5,
        notifications=[{"url": "hook-url", "signing": "notification-signing-key"}],
        commit_status=status,
        webhook={"secret": "webhook-secret"},
        tokens=[{"name": "ci", "role": "plan", "secret": "plan-token"}],
        **daemon,
    )
    config = json.loads((desk.folder / "reconciler.yaml").read_text())
    config["secrets"] = {"bindings": [{"name": "storage-salt", "hosts": ["elsewhere.example"]}]}
    (desk.folder / "reconciler.yaml").write_text(json.dumps(config))
    return {"RECONCILER_DEBUG": "1"}


def pages(daemon: Daemon) -> dict[str, str | bytes]:
    """Each page and answer of the API, those that refuse something too."""
    said: dict[str, str | bytes] = {}
    paths = ["/", "/events", "/login", "/targets/prod", "/targets/prod?all=1", "/targets/none", "/metrics", "/healthz"]
    paths += ["/readyz", "/nowhere", "/api/v1/none"]
    paths += [f"/api/v1/{one}" for one in ("openapi.json", "targets", "targets/prod", "plan", "history?target=prod")]
    for path in paths:
        for token in (OPERATE, READ, "wrong"):
            said[f"{path} as {token[:12]}"] = daemon.ask("GET", path, token=token).content
    said["events"] = daemon.ask("GET", "/api/v1/events", headers={"accept": "application/json"}).content
    metrics = {"accept": "application/openmetrics-text"}
    said["openmetrics"] = daemon.ask("GET", "/metrics", headers=metrics).content
    for name in ("alice-password", "storage-salt", "cc-password", "none"):
        spec = {"password": {"secret": name}, "email": "x@example.com"}
        text = json.dumps({"apiVersion": "metadefender/v1", "kind": "User", "metadata": {"name": "eve"}, "spec": spec})
        body = {"files": [{"name": "eve.yaml", "content": text}], "render": {"format": "html"}}
        answer = daemon.ask("POST", "/api/v1/plan", token=PLAN, json=body)
        said[f"plan with {name}"] = answer.content
        if name in ("storage-salt", "cc-password"):
            assert answer.status_code == 422, answer.text
            assert "eve.yaml" in answer.text
    assert "secret-binding" in str(said["plan with storage-salt"])
    return said


def signed_in(daemon: Daemon) -> dict[str, str]:
    """A browser's session: the values that only the browser may know."""
    with httpx.Client(base_url=daemon.url, trust_env=False, verify=TLS) as browser:
        origin = {"Origin": daemon.url.rstrip("/")}
        browser.post("/login", data={"token": OPERATE, "next": "/"}, headers=origin)
        [cookie] = browser.cookies.values()
        csrf = re.search('name="csrf" value="([^"]+)"', browser.get("/targets/prod").text)
        assert csrf is not None
        answer = browser.post("/reconcile", data={"csrf": csrf[1]}, headers=origin)
        assert answer.status_code in (202, 204, 303), answer.text
        return {"the daemon's cookie": cookie, "the daemon's csrf": csrf[1]}


def test_a_daemon_shows_no_canary_whatever_the_server_quotes(desk: Desk, parrot: Parrot):
    with receiving() as receiver, receiving(Answer(500, body=ALL["commit-status-token"].encode())) as forge:
        env = configured(desk, receiver, forge)
        with running(desk, env=env, interval="200ms") as daemon:
            daemon.becomes("converged", "prod")
            parrot.known = list(values(desk).values())
            parrot.quotes = lambda method, path: path not in ("/login", "/logout")
            wanted = len(FORMS) + len(SHAPES)
            eventually(lambda: parrot.count >= wanted)
            said = pages(daemon)
            parrot.quotes = lambda method, path: method != "GET" and path not in ("/login", "/logout")
            sent = parrot.count
            desk.edit("settings.yaml", "samesite: Strict", "samesite: Lax")
            daemon.order("targets/prod/reconcile", code=202)
            eventually(lambda: parrot.count > sent)
            parrot.quotes = lambda method, path: False
            daemon.order("targets/prod/reconcile", code=202)
            eventually(lambda: len(receiver.outcomes) >= 2)
            daemon.becomes("converged", "prod")
            browser = signed_in(daemon)
            said |= {f"later: {name}": text for name, text in pages(daemon).items()}
            daemon.stop()
        received = {f"notification {number}": one.body for number, one in enumerate(receiver.got)}
        received |= {f"status {number}": one.body for number, one in enumerate(forge.got)}
    assert received
    log = "".join(daemon.raw)
    assert "(secret)" in log + str(said)
    assert '"level":"debug"' in log
    nothing_found(desk, {**said, **received, "log": log})
    left = {path.name: path.read_bytes() for path in desk.kept_files()}
    assert scan([], {**left, "log": log}, browser) == []


def test_the_scan_itself_would_notice(desk: Desk):
    Path(desk.folder, "careless.log").write_text(f"password={ALL['with-percent'].encode().hex()}")
    with pytest.raises(AssertionError, match="datalake-password"):
        nothing_found(desk, {})
    Path(desk.folder, "careless.log").unlink()
