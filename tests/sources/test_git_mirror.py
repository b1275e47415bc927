"""The copy on disk: killed in the middle, shared, damaged, full of what shouldn't be there."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import SourceRefused, SourceUnavailable
from reconciler.model import SourceFile
from reconciler.sources.git import GitSource, Repository
from tests.sources.git_kit import Origin, fetch_and_read, fetched, origin, refusal, repository, run, serving

__all__ = ["origin", "repository"]
Build = Callable[..., Repository]


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror/mirror.git"


def given(origin: Origin, repository: Repository) -> str:
    """A commit that was fetched and accepted."""
    origin.write("a.yaml", "1")
    revision = origin.commit()

    async def story() -> None:
        source = GitSource(repository)
        await source.accept(await source.fetch())

    run(story())
    return revision


def test_only_we_may_read_it(origin: Origin, repository: Build, mirror: Path) -> None:
    given(origin, repository())
    assert oct(mirror.stat().st_mode & 0o777) == oct(mirror.parent.stat().st_mode & 0o777) == "0o700"


def test_hooks_are_not_run(origin: Origin, repository: Build, mirror: Path, tmp_path: Path) -> None:
    given(origin, repository())
    hooks = mirror / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "pre-auto-gc", "post-rewrite", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\n")
        (hooks / name).chmod(0o700)
    origin.commit()

    async def story() -> None:
        source = GitSource(repository())
        await source.accept(await source.fetch())
        await source.fetch()

    run(story())
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", f"--git-dir={mirror}", "update-ref", "refs/x", "HEAD~0"], capture_output=True, check=False)
    subprocess.run(["git", f"--git-dir={mirror}", "update-ref", "refs/x", fetched(repository())], check=True)
    assert (tmp_path / "ran").exists()


def test_what_a_killed_git_left_is_removed(origin: Origin, repository: Build, mirror: Path) -> None:
    given(origin, repository())
    left = ["packed-refs.lock", "HEAD.lock", "config.lock", "shallow.lock", "gc.pid", "objects/pack/tmp_pack_x"]
    left += ["objects/pack/pack-1.keep", "objects/tmp_objdir-x/y", "objects/info/commit-graphs/x.lock"]
    left += [f"{path.relative_to(mirror)}.lock" for path in (mirror / "refs").rglob("*") if path.is_file()]
    left += ["../private-x/key"]
    assert len(left) == 12
    for name in left:
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).write_text("x")
    revision = origin.commit()

    async def story() -> None:
        source = GitSource(repository())
        assert await source.fetch() == revision
        await source.accept(revision)

    run(story())
    assert [name for name in left if (mirror / name).exists()] == []


@pytest.mark.ci
def test_killed_in_the_middle_of_a_fetch(origin: Origin, repository: Build, tmp_path: Path) -> None:
    first = given(origin, repository())
    with serving(tmp_path) as server:
        server.slow = threading.Event()
        script = f"""
            import asyncio
            from pathlib import Path
            from reconciler.sources.git import GitSource, Repository
            asked = Repository(url={server.url!r}, branch="main", mirror=Path({str(tmp_path / "mirror")!r}))
            asyncio.run(GitSource(asked).fetch())
        """
        with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)]) as process:
            assert server.arrived.wait(30)
            process.kill()
        # The git that it started is still at work, and what it holds is not taken from it.
        asked = repository(url=server.url, timeout=0.5)
        error = refusal(GitSource(asked).fetch(), SourceUnavailable)
        assert "has been in use by another process for too long" in error.message
        assert run(GitSource(repository()).read(first)).files == (SourceFile("a.yaml", b"1"),)
        server.slow.set()
        assert fetched(repository(url=server.url)) == first


def test_sources_with_one_mirror_wait_for_each_other(origin: Origin, repository: Build, mirror: Path) -> None:
    async def story() -> None:
        revision = origin.commit()
        sources = [GitSource(repository()) for _ in range(3)]
        assert await asyncio.gather(*(source.fetch() for source in sources)) == [revision] * 3
        lock = os.open(mirror.parent / "lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = asyncio.create_task(sources[0].fetch())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        assert (await sources[1].read(revision)).revision == revision
        os.close(lock)
        assert await waiting == revision

    run(story())


def test_a_folder_that_can_not_be_used(origin: Origin, repository: Build, tmp_path: Path) -> None:
    origin.commit()
    (tmp_path / "file").write_text("")
    error = refusal(GitSource(repository(mirror=tmp_path / "file/mirror")).fetch(), SourceUnavailable)
    assert error.message == f"the mirror in {tmp_path}/file/mirror can't be used: Not a directory"


def no_head(mirror: Path) -> None:
    (mirror / "HEAD").write_text("")


def no_config(mirror: Path) -> None:
    (mirror / "config").write_text("\0\0\0")


def no_objects(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"")


def no_good_ref(mirror: Path) -> None:
    for path in (mirror / "refs").rglob("good"):
        path.write_bytes(b"\0" * 41)


def a_head_that_is_not_there(mirror: Path) -> None:
    for path in (mirror / "refs").rglob("head"):
        path.write_text("1" * 40 + "\n")


@pytest.mark.parametrize("damage", [no_head, no_config, no_objects, no_good_ref, a_head_that_is_not_there])
def test_a_damaged_mirror_is_made_anew(
    origin: Origin, repository: Build, mirror: Path, damage: Callable[[Path], None]
) -> None:
    revision = given(origin, repository())
    damage(mirror)

    async def story() -> None:
        source = GitSource(repository())
        assert await source.fetch() == revision
        assert (await source.read(revision)).files == (SourceFile("a.yaml", b"1"),)
        (notice,) = source.take_notices()
        assert notice.startswith(f"the mirror in {mirror.parent} was damaged and is made anew (")
        assert ("the last good commit is lost" in notice) == (await source.good() is None)
        assert source.take_notices() == []

    run(story())


def test_damage_that_only_reading_finds(origin: Origin, repository: Build, mirror: Path) -> None:
    revision = given(origin, repository())

    async def story() -> None:
        source = GitSource(repository())
        await source.fetch()
        no_objects(mirror)
        with pytest.raises(SourceUnavailable) as caught:
            await source.read(revision)
        assert caught.value.retryable
        assert await source.fetch() == revision
        assert (await source.read(revision)).files == (SourceFile("a.yaml", b"1"),)

    run(story())


def test_content_is_checked_against_its_hash(origin: Origin, repository: Build, mirror: Path) -> None:
    """A sound pack with the wrong content under a right name."""
    revision = given(origin, repository())
    command = ["git", f"--git-dir={mirror}"]
    packs = [path.read_bytes() for path in mirror.glob("objects/pack/*.pack")]
    for path in mirror.glob("objects/pack/*"):
        path.unlink()
    for pack in packs:
        subprocess.run([*command, "unpack-objects", "-q"], input=pack, check=True)
    name = origin.git("rev-parse", "HEAD:a.yaml")
    other = subprocess.run(
        [*command, "hash-object", "-w", "--stdin"], input=b"2", check=True, capture_output=True
    ).stdout.decode()
    wrong, right = (mirror / "objects" / oid[:2] / oid[2:].strip() for oid in (other, name))
    wrong.replace(right)

    async def story() -> None:
        source = GitSource(repository())
        await source.fetch()
        with pytest.raises(SourceUnavailable, match="is damaged"):
            await source.read(revision)
        await source.fetch()
        assert (await source.read(revision)).files == (SourceFile("a.yaml", b"1"),)
        assert await source.good() == revision
        assert len(source.take_notices()) == 1

    run(story())


def test_a_new_mirror_does_not_let_history_be_rewritten(origin: Origin, repository: Build, mirror: Path) -> None:
    origin.commit()
    given(origin, repository())
    origin.git("reset", "-q", "--hard", "HEAD~")
    origin.write("b.yaml")
    origin.commit()
    no_objects(mirror)
    assert "was rewritten" in refusal(GitSource(repository()).fetch(), SourceRefused).message


def test_a_server_that_fails_is_no_damage(origin: Origin, repository: Build, mirror: Path) -> None:
    """Its own repository is broken, and ours isn't thrown away for it."""
    revision = given(origin, repository())
    origin.write("a.yaml", "2" * 1000)
    origin.commit()
    no_objects(origin.path)
    before = mirror.stat().st_ino

    async def story() -> None:
        source = GitSource(repository())
        with pytest.raises(SourceUnavailable):
            await source.fetch()
        assert source.take_notices() == []
        assert await source.good() == revision
        assert (await source.read(revision)).files == (SourceFile("a.yaml", b"1"),)

    run(story())
    assert mirror.stat().st_ino == before


def test_objects_that_git_finds_fault_with_are_refused(origin: Origin, repository: Build) -> None:
    origin.commit()
    tree = (
        subprocess.run(
            ["git", "hash-object", "--literally", "-t", "tree", "-w", "--stdin"],
            cwd=origin.work,
            input=b"40000 ..\0" + bytes.fromhex(origin.git("rev-parse", "HEAD^{tree}")),
            check=True,
            capture_output=True,
        )
        .stdout.decode()
        .strip()
    )
    commit = origin.git("commit-tree", "-m", "x", "-p", "HEAD", tree)
    origin.git("push", "-q", str(origin.path), f"{commit}:refs/heads/main")
    error = refusal(fetch_and_read(GitSource(repository())), SourceRefused)
    assert "has an object that git's checks find fault with" in error.message
