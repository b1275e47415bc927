"""The daemon behind a repository: what is pushed is what runs, and nothing less than a sound tree ever is."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.daemon.kit import Daemon, eventually, running
from tests.e2e.kit import Desk, document

SECRET = "canary-of-the-webhook-0123456789"


class Repository:
    """A bare repository, and a clone that people push from."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.clone = folder / "repo.git", folder / "clone"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        git(folder, "clone", "--quiet", str(self.bare), str(self.clone))
        git(self.clone, "checkout", "--quiet", "-b", "main")

    def push(self, *documents: str, message: str = "change", force: bool = False) -> str:
        """Commit one file of documents; gives the commit."""
        (self.clone / "prod").mkdir(exist_ok=True)
        (self.clone / "prod" / "tree.yaml").write_text("\n---\n".join(documents))
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", "--message", message)
        git(self.clone, "push", "--quiet", *(["--force"] if force else []), "origin", "main")
        return git(self.clone, "rev-parse", "HEAD").strip()


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def flags(repository: Repository) -> tuple[str, ...]:
    return ("--git", str(repository.bare), "--branch", "main", "--path", "prod")


def environment(desk: Desk) -> dict[str, str]:
    desk.canaries.add(SECRET)
    return {"RECONCILER_WEBHOOK_SECRET": SECRET, "XDG_CACHE_HOME": str(desk.folder / "cache")}


def hook(daemon: Daemon, secret: str = SECRET) -> httpx.Response:
    body = json.dumps({"ref": "refs/heads/main"}).encode()
    mark = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={mark}", "content-type": "application/json"}
    return httpx.post(f"{daemon.url}/hooks/git", content=body, headers=headers, trust_env=False, timeout=30)


def cookie(samesite: str) -> str:
    return document("SessionCookie", "console", samesite=samesite)


def samesite(desk: Desk) -> str:
    return str(desk.center.state()["settings"]["sessioncookie"]["samesite"])


def source(daemon: Daemon) -> dict[str, object]:
    return dict(daemon.ask("GET", "/api/v1/targets").json()["source"])


def test_a_push_is_applied_when_the_webhook_calls(desk: Desk, repository: Repository):
    first = repository.push(cookie("Strict"))
    with running(desk, *flags(repository), interval="1h", env=environment(desk)) as daemon:
        assert daemon.becomes("converged")["revision"] == first
        assert samesite(desk) == "Strict"
        second = repository.push(cookie("Lax"))
        assert hook(daemon, "another secret").status_code == 401
        pushed = time.monotonic()
        assert hook(daemon).status_code == 202
        eventually(lambda: samesite(desk) == "Lax", pause=0.005)
        assert time.monotonic() - pushed < 6
        assert eventually(lambda: one if (one := daemon.target())["revision"] == second else None)


def test_the_last_good_commit_stays_in_force(desk: Desk, repository: Repository):
    """A head that isn't sound, a rewritten branch, a server that is gone: each is told, and drift is put right on."""
    good = repository.push(cookie("Strict"))
    with running(desk, *flags(repository), interval="500ms", env=environment(desk)) as daemon:
        daemon.becomes("converged")
        bad = repository.push("kind: Role")
        told = eventually(lambda: one if not (one := source(daemon))["sound"] else None)
        assert (told["revision"], told["seen"]) == (good, bad)
        drifts_and_is_mended(desk)
        git(repository.clone, "reset", "--quiet", "--hard", good)
        git(repository.clone, "commit", "--quiet", "--amend", "--message", "another past")
        git(repository.clone, "push", "--quiet", "--force", "origin", "main")
        eventually(lambda: "rewritten" in str(source(daemon)["error"]))
        drifts_and_is_mended(desk)
        shutil.move(repository.bare, repository.bare.with_name("away"))
        eventually(lambda: (error := source(daemon)["error"]) and "rewritten" not in str(error))
        drifts_and_is_mended(desk)


def drifts_and_is_mended(desk: Desk) -> None:
    desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    eventually(lambda: samesite(desk) == "Strict")


def test_a_process_that_starts_over_takes_up_the_last_good_commit(desk: Desk, repository: Repository):
    good = repository.push(cookie("Strict"))
    with running(desk, *flags(repository), env=environment(desk)) as daemon:
        daemon.becomes("converged")
    repository.push("kind: Role")
    desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    with running(desk, *flags(repository), env=environment(desk)) as daemon:
        assert daemon.becomes("converged")["revision"] == good
        assert samesite(desk) == "Strict"
        assert not source(daemon)["sound"]


@pytest.mark.ci
def test_a_webhook_tries_no_refused_credentials_again(desk: Desk, repository: Repository):
    repository.push(cookie("Strict"))
    env = environment(desk) | {"RECONCILER_PASSWORD": "not the right one"}
    with running(desk, *flags(repository), interval="1h", env=env) as daemon:
        daemon.becomes("error")
        for _ in range(3):
            assert hook(daemon).status_code == 202
        time.sleep(1)
        assert [one["operationId"] for one in desk.center.requests()].count("login") == 1
