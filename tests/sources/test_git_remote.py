"""Servers: credentials go to the configured one only, and appear nowhere else; what servers say is told, bounded."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shlex
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from reconciler.errors import SourceRefused, SourceUnavailable
from reconciler.model import SourceFile
from reconciler.secret import Secret
from reconciler.sources.git import GitSource, Repository
from reconciler.sources.git.access import ssh_command
from tests.sources.git_kit import GitServer, Origin, fetched, origin, refusal, repository, run, serving, tree

__all__ = ["origin", "repository"]
Build = Callable[..., Repository]
CANARY = "canary-Tk7/+9%"
BASIC = base64.b64encode(f"ann:{CANARY}".encode()).decode()
AUTHORIZATION = f"Basic {BASIC}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path, f"ann:{CANARY}") as running:
        yield running


@pytest.fixture
def followed(server: GitServer, repository: Build) -> Build:
    def build(**changes: object) -> Repository:
        return repository(**({"url": server.url, "user": "ann", "token": Secret(CANARY)} | changes))

    return build


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, so that none can stay unseen."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def holding_canary(folder: Path) -> list[Path]:
    forms = (CANARY.encode(), BASIC.encode())
    return [path for path in folder.rglob("*") if path.is_file() and any(form in path.read_bytes() for form in forms)]


def processes(mirror: Path) -> list[tuple[bytes, bytes]]:
    """Command line and environment of each git at work on a mirror, or started by one that is."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(mirror) in command + environment and not command.startswith(b"python"):
            found.append((command, environment))
    return found


def test_a_token(origin: Origin, followed: Build, server: GitServer, scratch: Path, tmp_path: Path) -> None:
    origin.write("a.yaml", "1")
    revision = origin.commit()
    found = tree(followed())
    assert (found.files, found.revision) == ((SourceFile("a.yaml", b"1"),), revision)
    assert {authorization for _, authorization in server.seen} == {None, AUTHORIZATION}
    assert holding_canary(tmp_path / "mirror") == []
    assert list(scratch.iterdir()) == []


def test_a_head_that_has_not_moved_costs_little(origin: Origin, followed: Build, server: GitServer) -> None:
    async def story() -> None:
        origin.commit()
        source = GitSource(followed())
        await source.fetch()
        server.seen.clear()
        await source.fetch()

    run(story())
    paths = [path for path, authorization in server.seen if authorization]
    assert paths == ["/origin.git/info/refs?service=git-upload-pack", "/origin.git/git-upload-pack"]


@pytest.mark.parametrize("token", ["wrong", None])
def test_credentials_that_are_refused(origin: Origin, followed: Build, token: str | None) -> None:
    origin.commit()
    error = refusal(GitSource(followed(token=Secret(token) if token else None)).fetch(), SourceRefused)
    assert "doesn't accept the credentials" in error.message


def test_the_user_s_own_credentials_are_not_used(
    origin: Origin, followed: Build, server: GitServer, home: Path
) -> None:
    origin.commit()
    (home / ".netrc").write_text(f"machine 127.0.0.1 login ann password {CANARY}\n")
    (home / ".git-credentials").write_text(server.url.replace("//", "//ann:x@"))
    (home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    error = refusal(GitSource(followed(token=None)).fetch(), SourceRefused)
    assert "doesn't accept the credentials" in error.message
    assert {authorization for _, authorization in server.seen} == {None}


def test_a_redirect_sees_no_credential(origin: Origin, followed: Build, server: GitServer, tmp_path: Path) -> None:
    origin.commit()
    with serving(tmp_path, f"ann:{CANARY}") as other:
        server.redirect = other.url.removesuffix("/origin.git")
        error = refusal(GitSource(followed()).fetch(), SourceRefused)
        assert other.seen == []
    assert "points elsewhere" in error.message
    assert {authorization for _, authorization in server.seen} == {None}


def test_what_a_server_says_is_told_without_credentials(origin: Origin, followed: Build, server: GitServer) -> None:
    origin.commit()
    server.status, server.text = 503, f"down for {CANARY}, {BASIC}, \x1b[2J {'x' * 5000}".encode()
    error = refusal(GitSource(followed()).fetch(), SourceUnavailable)
    assert f"{server.url} can't be read: " in error.message
    assert "down for (secret), (secret), ?[2J xxx" in error.message
    assert len(error.message) < 600


def test_a_server_that_is_gone_and_comes_back(
    origin: Origin, repository: Build, server: GitServer, tmp_path: Path
) -> None:
    revision = origin.commit()
    with serving(tmp_path) as other:
        url = other.url
        assert fetched(repository(url=url)) == revision
    error = refusal(GitSource(repository(url=url)).fetch(), SourceUnavailable)
    assert error.message.startswith(f"{url} can't be read: ")
    assert "onnect" in error.message


@pytest.mark.parametrize("url", ["/nothing.git", "/origin.git/nothing"])
def test_a_repository_that_the_server_has_not(origin: Origin, followed: Build, server: GitServer, url: str) -> None:
    origin.commit()
    error = refusal(GitSource(followed(url=server.url.removesuffix("/origin.git") + url)).fetch(), SourceUnavailable)
    assert "not found" in error.message


@pytest.mark.ci
def test_the_token_is_seen_nowhere_while_a_fetch_waits(
    origin: Origin, followed: Build, server: GitServer, scratch: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        revision = origin.commit()
        server.slow = threading.Event()
        source = GitSource(followed())
        fetching = asyncio.create_task(source.fetch())
        await asyncio.to_thread(server.arrived.wait, 30)
        seen = processes(tmp_path / "mirror")
        assert len(seen) >= 2
        for command, environment in seen:
            for form in (CANARY, BASIC):
                assert form.encode() not in command
                assert form.encode() not in environment
        assert holding_canary(tmp_path / "mirror") == holding_canary(scratch) == []
        server.slow.set()
        assert await fetching == revision

    run(story())


@pytest.mark.ci
@pytest.mark.parametrize("how", ["timeout", "cancel", "close"])
def test_a_fetch_that_takes_too_long_leaves_nothing(
    origin: Origin, followed: Build, server: GitServer, tmp_path: Path, how: str
) -> None:
    async def story() -> None:
        revision = origin.commit()
        server.slow = threading.Event()
        source = GitSource(followed(timeout=3 if how == "timeout" else 50))
        fetching = asyncio.create_task(source.fetch())
        await asyncio.to_thread(server.arrived.wait, 30)
        assert processes(tmp_path / "mirror")
        if how == "timeout":
            with pytest.raises(SourceUnavailable, match="git fetch didn't finish within 3 s"):
                await fetching
        elif how == "cancel":
            fetching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetching
        else:
            await source.close()
            with pytest.raises(SourceUnavailable):
                await fetching
        assert processes(tmp_path / "mirror") == []
        server.slow.set()
        assert await GitSource(followed()).fetch() == revision

    run(story())


@pytest.mark.ci
def test_a_certificate_is_checked(origin: Origin, repository: Build, tmp_path: Path) -> None:
    revision = origin.commit()
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(tmp_path, f"ann:{CANARY}") as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://localhost:{server.server_port}/origin.git"
        build = partial(repository, url=url, user="ann", token=Secret(CANARY))
        error = refusal(GitSource(build()).fetch(), SourceRefused)
        assert "has a certificate that isn't trusted" in error.message
        assert server.seen == []
        assert fetched(build(ca=str(certificate))) == revision
        missing = refusal(GitSource(build(ca="nowhere.pem")).fetch(), SourceRefused)
        assert missing.message == "the CA file nowhere.pem can't be read: No such file or directory"


FAKE_SSH = """#!/bin/sh
printf '%s\\0' "$@" > {record}/argv
env > {record}/environment
for word; do
    case "$word" in IdentityFile=*) key="${{word#IdentityFile=?}}"; key="${{key%?}}";; esac
    last="$word"
done
stat -c %a "$key" > {record}/mode
cat "$key" > {record}/key
exec sh -c "$last"
"""


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that runs what the server would, here, and notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(FAKE_SSH.format(record=shlex.quote(str(folder))))
    (folder / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_ssh(origin: Origin, repository: Build, fake_ssh: Path, scratch: Path, tmp_path: Path) -> None:
    revision = origin.commit()
    known = tmp_path / "known hosts %h"
    known.write_text("")
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----"
    asked = repository(url=f"git@h.example:{origin.path}", ssh_key=Secret(key), known_hosts=str(known))
    assert fetched(asked) == revision
    argv = (fake_ssh / "argv").read_text().split("\0")[:-1]
    assert argv[:2] == ["-F", "/dev/null"]
    options = {argv[at + 1] for at, word in enumerate(argv) if word == "-o"}
    assert {
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        f'UserKnownHostsFile="{tmp_path}/known hosts %%h"',
    } < options
    assert argv[-2:] == ["git@h.example", f"git-upload-pack '{origin.path}'"]
    assert (fake_ssh / "mode").read_text() == "600\n"
    assert (fake_ssh / "key").read_text() == key + "\n"
    assert CANARY not in (fake_ssh / "environment").read_text()
    assert list(scratch.iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "mirror").iterdir()) == ["lock", "mirror.git"]
    assert holding_canary(tmp_path / "mirror") == []


def test_ssh_understands_its_options(repository: Build, tmp_path: Path) -> None:
    """The real one, which says how it understood them."""
    command = ssh_command("/a %h b/key", '/c "d"\\/known', 120)
    done = subprocess.run([*shlex.split(command), "-G", "h.example"], check=True, capture_output=True, text=True)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert said["identityfile"] in ("/a %%h b/key", "/a %h b/key", '"/a %%h b/key"')
    assert said["userknownhostsfile"] == '/c "d"\\/known'
    assert (said["batchmode"], said["identitiesonly"], said["identityagent"]) == ("yes", "yes", "none")
    assert said["stricthostkeychecking"] in ("yes", "true")
    assert (said["forwardagent"], said["clearallforwardings"]) == ("no", "yes")


def test_ssh_needs_the_file_of_known_hosts(origin: Origin, repository: Build, fake_ssh: Path) -> None:
    asked = repository(url=f"git@h.example:{origin.path}", ssh_key=Secret("k"), known_hosts="nowhere")
    error = refusal(GitSource(asked).fetch(), SourceRefused)
    assert error.message == "the file of known hosts nowhere can't be read: No such file or directory"


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("Host key verification failed.", SourceRefused, "isn't the server that known_hosts knows"),
        ("git@h.example: Permission denied (publickey).", SourceRefused, "doesn't accept the credentials"),
        ("ssh: connect to host h.example port 22: Connection refused", SourceUnavailable, "Connection refused"),
    ],
)
def test_what_ssh_says(
    repository: Build, fake_ssh: Path, tmp_path: Path, said: str, kind: type[SourceRefused], message: str
) -> None:
    (fake_ssh / "ssh").write_text(f"#!/bin/sh\necho {shlex.quote(said)} >&2\nexit 255\n")
    asked = repository(url="ssh://git@h.example/x", ssh_key=Secret("k"), known_hosts=os.devnull)
    error = refusal(GitSource(asked).fetch(), kind)
    assert message in error.message
    assert "git@" not in error.message
    assert re.match(r"ssh://h\.example/x ", error.message)
