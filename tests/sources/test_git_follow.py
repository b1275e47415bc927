"""Following a branch: what moves it, what it refuses, and what stays when the repository is gone."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import InputError, SourceRefused, SourceUnavailable
from reconciler.model import SourceFile
from reconciler.sources.git import GitSource, Repository
from tests.sources.git_kit import Origin, fetch_and_read, fetched, origin, refusal, repository, run

__all__ = ["origin", "repository"]
Build = Callable[..., Repository]


def accepted(repository: Repository) -> str:
    """Fetch and accept, as after a pass that went well."""

    async def story() -> str:
        source = GitSource(repository)
        revision = await source.fetch()
        await source.accept(revision)
        assert await source.good() == revision
        return revision

    return run(story())


def good(repository: Repository) -> str | None:
    return run(GitSource(repository).good())


def test_new_commits_are_seen(origin: Origin, repository: Build) -> None:
    async def story() -> None:
        source = GitSource(repository())
        assert await source.good() is None
        origin.write("a.yaml", "1")
        first = origin.commit()
        for _ in range(3):
            assert await source.fetch() == first
        origin.write("a.yaml", "2")
        second = origin.commit()
        assert await source.fetch() == second
        await source.accept(second)
        assert (await source.read(second)).files == (SourceFile("a.yaml", b"2"),)
        assert (await source.read(first)).files == (SourceFile("a.yaml", b"1"),)
        assert source.take_notices() == []
        await source.close()

    run(story())


def test_it_is_quick(origin: Origin, repository: Build) -> None:
    """Well under 300 ms when the machine has nothing else to do; here it may be busy."""

    async def story() -> float:
        source = GitSource(repository())
        for number in range(20):
            origin.write(f"{number}.yaml", f"{number}")
        origin.commit()
        started = time.monotonic()
        await fetch_and_read(source)
        return time.monotonic() - started

    assert min(run(story()) for _ in range(2)) < 1


def test_what_was_good_survives_a_restart(origin: Origin, repository: Build) -> None:
    first = origin.commit()
    assert good(repository()) is None
    assert accepted(repository()) == first
    assert good(repository()) == first
    second = origin.commit()
    assert fetched(repository()) == second
    assert good(repository()) == first


def test_only_what_is_followed_is_taken_from_a_mirror(origin: Origin, repository: Build) -> None:
    """Another branch, or another repository, with the same mirror starts from nothing, and back again."""
    origin.commit()
    first = accepted(repository())
    origin.git("push", "-q", str(origin.path), "HEAD:other")
    assert good(repository(branch="other")) is None
    assert good(repository(url=f"{origin.path}/../origin.git")) == first
    assert good(repository(url=str(origin.work))) is None
    assert good(repository(path="folder")) == first


def test_rewritten_history_is_refused(origin: Origin, repository: Build) -> None:
    origin.commit()
    base = origin.commit()
    assert accepted(repository()) == base
    origin.commit("--amend", "--date=2001-01-01T00:00:00")
    error = refusal(GitSource(repository()).fetch(), SourceRefused)
    assert error.message.startswith(f"the history of {origin.path}, branch main was rewritten: its newest commit ")
    assert error.message.endswith(f" doesn't build on {base[:12]}, the last good one")
    assert not error.retryable
    assert good(repository()) == base
    origin.git("reset", "-q", "--hard", f"{base}~")
    origin.push()
    assert "was rewritten" in refusal(GitSource(repository()).fetch(), SourceRefused).message
    origin.git("reset", "-q", "--hard", base)
    later = origin.commit()
    assert accepted(repository()) == later


def test_rewritten_history_is_followed_when_allowed(origin: Origin, repository: Build) -> None:
    origin.commit()
    base = origin.commit()
    accepted(repository())
    origin.git("reset", "-q", "--hard", f"{base}~")
    origin.push()
    older = origin.git("rev-parse", "HEAD")
    assert accepted(repository(allow_rewrites=True)) == older
    assert accepted(repository()) == older


def test_what_was_never_accepted_may_be_rewritten(origin: Origin, repository: Build) -> None:
    base = origin.commit()
    accepted(repository())
    origin.commit()
    fetched(repository())
    origin.git("reset", "-q", "--hard", base)
    assert fetched(repository()) != base
    origin.push()
    assert fetched(repository()) == base


def test_unrelated_history_is_refused(origin: Origin, repository: Build, tmp_path: Path) -> None:
    origin.commit()
    accepted(repository())
    other = Origin(tmp_path / "other")
    other.write("b.yaml")
    other.commit()
    other.git("push", "-q", "--force", str(origin.path), "HEAD:main")
    assert "was rewritten" in refusal(GitSource(repository()).fetch(), SourceRefused).message


def test_a_branch_that_is_gone(origin: Origin, repository: Build) -> None:
    revision = origin.commit()
    origin.git("push", "-q", str(origin.path), "HEAD:other")
    accepted(repository())
    origin.git("update-ref", "-d", "refs/heads/main", bare=True)
    error = refusal(GitSource(repository()).fetch(), SourceRefused)
    assert error.message == f"{origin.path} has no branch main"
    assert good(repository()) == revision


def test_an_empty_repository(origin: Origin, repository: Build) -> None:
    error = refusal(GitSource(repository()).fetch(), SourceRefused)
    assert error.message == f"{origin.path} is empty"


def test_a_repository_that_is_gone_and_comes_back(origin: Origin, repository: Build, tmp_path: Path) -> None:
    async def story() -> None:
        origin.write("a.yaml", "1")
        revision = origin.commit()
        source = GitSource(repository())
        await source.accept(await source.fetch())
        away = origin.path.rename(tmp_path / "away")
        with pytest.raises(SourceUnavailable, match=f"{origin.path} can't be read: ") as caught:
            await source.fetch()
        assert caught.value.retryable
        assert await source.good() == revision
        assert (await source.read(revision)).files == (SourceFile("a.yaml", b"1"),)
        away.rename(origin.path)
        assert await source.fetch() == revision
        assert source.take_notices() == []

    run(story())


@pytest.mark.parametrize("branch", ["a..b", "a b", "x.lock", "a/", "@{-1}", "*", "", "a~1"])
def test_names_that_no_branch_can_have(origin: Origin, repository: Build, branch: str) -> None:
    origin.commit()
    error = refusal(GitSource(repository(branch=branch)).fetch(), InputError)
    assert error.message == f"{branch!r} can't be the name of a branch"


@pytest.mark.parametrize("branch", ["release/1.0", "ä", "HEAD", "refs/heads/main"])
def test_names_that_a_branch_can_have(origin: Origin, repository: Build, branch: str) -> None:
    revision = origin.commit()
    origin.git("push", "-q", str(origin.path), f"HEAD:refs/heads/{branch}")
    assert fetched(repository(branch=branch)) == revision


def test_tags_and_other_branches_stay_away(origin: Origin, repository: Build, tmp_path: Path) -> None:
    origin.commit()
    origin.git("tag", "v1")
    origin.git("push", "-q", str(origin.path), "HEAD:other", "v1")
    fetched(repository())
    refs = (tmp_path / "mirror/mirror.git/refs").rglob("*")
    assert [path.name for path in refs if path.is_file()] == ["head"]


def test_the_surroundings_do_not_reach_git(
    origin: Origin, repository: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = origin.commit()
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "{tmp_path}/nowhere"]\n\tinsteadOf = {origin.path}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "none")
    assert fetched(repository()) == revision
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal(GitSource(repository()).fetch(), InputError)
    assert error.message == "git isn't installed, or not on the PATH"


def test_a_repository_of_another_user(origin: Origin, repository: Build) -> None:
    """git refuses those on its own, but this one is named in the configuration."""
    revision = origin.commit()
    if os.geteuid() == 0:
        os.chown(origin.path, 65534, 65534)
    assert fetched(repository()) == revision


@pytest.mark.ci
def test_packs_do_not_pile_up(origin: Origin, repository: Build, tmp_path: Path) -> None:
    """A long life of fetches is packed together when nothing else is to be done."""
    mirror = tmp_path / "mirror/mirror.git"

    def pack(number: int) -> None:
        def git(*arguments: str, given: str) -> str:
            command = ["git", f"--git-dir={mirror}", *arguments]
            return subprocess.run(command, input=given, check=True, capture_output=True, text=True).stdout

        oid = git("hash-object", "-w", "--stdin", given=str(number))
        git("pack-objects", "-q", str(mirror / "objects/pack/pack"), given=oid)

    async def story() -> None:
        origin.write("a.yaml", "1")
        revision = origin.commit()
        source = GitSource(repository())
        await source.fetch()
        for number in range(51):
            pack(number)
        assert len(list(mirror.glob("objects/pack/*.pack"))) > 50
        await source.fetch()
        assert len(list(mirror.glob("objects/pack/*.pack"))) < 5
        assert len((await source.read(revision)).files) == 1

    run(story())
