"""What is rendered runs: the daemon and the test pod's command, on laid-out volumes, against the emulator."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from reconciler.emulator.server import threaded
from tests.e2e.daemon.kit import eventually
from tests.e2e.kit import API_KEY, PASSWORD, Center, setup
from tests.emulator.center import Switch
from tests.helm.chart import DOCUMENTS, POSTGRESQL, Manifest, changed, only, pods
from tests.helm.pod import Pod
from tests.postgres import running as postgres

Secrets = Mapping[str, Mapping[str, str]]
PLAN = "canary-of-the-planner-0123456789"
READ = "canary-of-the-reader-0123456789"
SECRETS: Secrets = {
    "mdcluster-secrets": {"ADMIN_USER": "admin", "ADMIN_PASSWORD": PASSWORD, "LICENSE_KEY": "x"},
    "tokens": {"ci": PLAN},
}
TOKENS = {
    "config": {"daemon": {"interval": "1s", "tokens": [{"name": "ci", "role": "plan", "secret": "ci-token"}]}},
    "secrets": [
        {"name": "mdcluster-secrets", "items": {"cc-user": "ADMIN_USER", "cc-password": "ADMIN_PASSWORD"}},
        {"name": "tokens", "items": {"ci-token": "ci"}},
    ],
}


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    switch = Switch()
    with threaded(switch) as url:
        yield Center(url, switch, setup(tmp_path / "spool"))


def rendered(folder: Path, change: Mapping[str, Any], values: Path = DOCUMENTS) -> tuple[Manifest, ...]:
    done = changed(values, folder, change)
    assert done.returncode == 0, done.stderr
    return tuple(one for one in yaml.safe_load_all(done.stdout) if one)


def pod_of(
    manifests: tuple[Manifest, ...], kind: str, root: Path, words: Mapping[str, str], secrets: Secrets = SECRETS
) -> Pod:
    maps = {one["metadata"]["name"]: one["data"] for one in manifests if one["kind"] == "ConfigMap"}
    spec = dict(pods(manifests))[kind]
    pod = Pod(root, spec, secrets, maps, words)
    root.mkdir()
    pod.lay_out()
    return pod


@contextmanager
def running(pod: Pod) -> Iterator[str]:
    """The daemon's address, while it runs; it ends well, within the time that the pod has."""
    process = pod.start()
    assert process.stderr is not None
    try:
        lines = (json.loads(line) for line in process.stderr)
        yield str(next(one["url"] for one in lines if one["event"] == "listening"))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=pod.spec["terminationGracePeriodSeconds"])
        assert process.returncode == 0, said
        assert not any(canary in said for canary in (PASSWORD, PLAN, READ, API_KEY))
    finally:
        process.kill()
        process.communicate()


def answers(url: str, path: str) -> bool:
    return httpx.get(f"{url}{path}", trust_env=False, timeout=30).status_code == 200


def outside(pod: Pod) -> set[Path]:
    """Every file that doesn't lie where the container may write."""
    files = {path for path in pod.root.rglob("*") if path.is_file()}
    return {path for path in files if not any(path.is_relative_to(place) for place in pod.writable())}


@pytest.mark.ci
def test_the_daemon_and_the_test_pod(center: Center, tmp_path: Path) -> None:
    manifests = rendered(tmp_path, TOKENS)
    words = {"http://control-center:8892": center.url, "0.0.0.0:8080": "127.0.0.1:0"}
    pod = pod_of(manifests, "Deployment", tmp_path / "daemon", words)
    before = outside(pod)
    with running(pod) as url:
        probe = pod.container["readinessProbe"]["httpGet"]["path"]
        eventually(lambda: answers(url, probe))
        assert answers(url, pod.container["livenessProbe"]["httpGet"]["path"])
        assert center.writes() == ["putScanhistoryCleanup"]

        server = only(manifests, "Service")["metadata"]["name"]
        tester = pod_of(manifests, "Pod", tmp_path / "tester", {f"http://{server}:80": url})
        process = tester.start()
        said, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        assert "No changes. 1 object is as desired." in said

        assert outside(pod) == before
        document = "apiVersion: metadefender/v1\nkind: Cleanup\nmetadata: {name: retention}\nspec: {scanhistory: 60d}\n"
        pod.swap("desired-state", {"cleanup.yaml": document})
        eventually(lambda: len(center.writes()) == 2)
    assert (pod.place("state") / "state.db").is_file()


@pytest.mark.ci
def test_without_tokens_the_test_pod_plans_by_itself(center: Center, tmp_path: Path) -> None:
    manifests = rendered(tmp_path, {})
    pod = pod_of(manifests, "Pod", tmp_path / "tester", {"http://control-center:8892": center.url})
    before = outside(pod)
    process = pod.start()
    said, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert "0 to create, 1 to update" in said
    assert center.writes() == []
    assert outside(pod) == before


@pytest.mark.ci
def test_without_tokens_nothing_but_probes_is_answered(center: Center, tmp_path: Path) -> None:
    """Why an Ingress or a ServiceMonitor without a token is refused."""
    words = {"http://control-center:8892": center.url, "0.0.0.0:8080": "0.0.0.0:0"}
    with running(pod_of(rendered(tmp_path, {}), "Deployment", tmp_path / "daemon", words)) as url:
        here = f"http://127.0.0.1:{urlsplit(url).port}"
        eventually(lambda: answers(here, "/readyz"))
        assert answers(here, "/healthz")
        assert not any(answers(here, path) for path in ("/", "/metrics", "/api/v1/targets"))


CLEANUP = "apiVersion: metadefender/v1\nkind: Cleanup\nmetadata: {{name: retention}}\nspec: {{scanhistory: {days}d}}\n"


def pushed(clone: Path, days: int) -> None:
    (clone / "cleanup.yaml").write_text(CLEANUP.format(days=days))
    me = ("-c", "user.name=carol", "-c", "user.email=carol@example")
    for command in (("add", "--all"), ("commit", "--quiet", "-m", "x"), ("push", "--quiet", "origin", "HEAD:main")):
        subprocess.run(["git", *me, *command], cwd=clone, check=True)


@pytest.mark.ci
def test_replicas_on_postgresql_and_git(center: Center, tmp_path: Path) -> None:
    for command in (
        ["init", "--quiet", "--bare", "--initial-branch=main", "repo.git"],
        ["clone", "-q", "repo.git", "clone"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    pushed(tmp_path / "clone", 30)
    target = {"name": "north", "system": "metadefender", "url": "http://north", "credentials": {"apikey": "north-key"}}
    change = {
        "config": {"targets": [target], "installers": "", "daemon": {"lease": "2s", "interval": "500ms"}},
        "source": {"git": {"url": str(tmp_path / "repo.git"), "interval": "1s"}},
        "extraVolumes": [],
        "extraVolumeMounts": [],
    }
    manifests = rendered(tmp_path, change, POSTGRESQL)
    with postgres() as server:
        secrets = {
            "clusters": {"north": API_KEY, "south": "x", "metrics": READ},
            "reconciler-database": {"url": server.database()},
            "reconciler-seal": {"seal": "canary-of-the-fingerprints-0123456789"},
        }
        words = {"http://north": center.url, "0.0.0.0:8080": "127.0.0.1:0"}
        one, other = (pod_of(manifests, "Deployment", tmp_path / name, words, secrets) for name in ("one", "other"))
        with running(other) as url:
            with running(one) as first:
                eventually(lambda: answers(first, "/readyz") and answers(url, "/readyz"))
                assert center.writes() == ["putScanhistoryCleanup"]
            name = f"http://{only(manifests, 'Service')['metadata']['name']}:80"
            tester = pod_of(manifests, "Pod", tmp_path / "tester", {name: url}, secrets).start()
            said, error = tester.communicate(timeout=60)
            assert tester.returncode == 0, error
            assert "Target  north" in said
            pushed(tmp_path / "clone", 60)
            eventually(lambda: len(center.writes()) == 2)
