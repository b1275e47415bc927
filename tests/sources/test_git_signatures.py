"""With a file of allowed signers, only a newest commit that one of them signed is followed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import SourceRefused
from reconciler.sources.git import GitSource, Repository
from tests.sources.git_kit import Origin, fetched, origin, refusal, repository

__all__ = ["origin", "repository"]
Build = Callable[..., Repository]
Signed = Callable[..., str]


def key(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return path


@pytest.fixture
def ann(tmp_path: Path) -> Path:
    return key(tmp_path, "ann")


@pytest.fixture
def signers(tmp_path: Path, ann: Path) -> Path:
    """Ann is the one who may sign; the folder's name has a space."""
    path = tmp_path / "the allowed" / "signers"
    path.parent.mkdir()
    path.write_text(f'ann@example.com namespaces="git" {ann.with_suffix(".pub").read_text()}')
    return path


def signed(origin: Origin, key: Path, *options: str) -> str:
    return origin.commit(f"-S{key}", *options)


@pytest.fixture(autouse=True)
def by_ssh(origin: Origin) -> None:
    origin.git("config", "gpg.format", "ssh")


def unfollowed(repository: Repository) -> str:
    error = refusal(GitSource(repository).fetch(), SourceRefused)
    assert f", branch {repository.branch} has no good signature of an allowed signer: " in error.message
    return error.message.partition("allowed signer: ")[2]


def test_a_signed_commit(origin: Origin, repository: Build, signers: Path, ann: Path) -> None:
    origin.commit()
    revision = signed(origin, ann)
    for _ in range(2):
        assert fetched(repository(allowed_signers=str(signers))) == revision


def test_a_commit_without_a_signature(origin: Origin, repository: Build, signers: Path, ann: Path) -> None:
    signed(origin, ann)
    assert fetched(repository(allowed_signers=str(signers)))
    origin.commit()
    assert unfollowed(repository(allowed_signers=str(signers))) == "it has no signature"
    revision = signed(origin, ann)
    assert fetched(repository(allowed_signers=str(signers))) == revision


def test_a_signature_of_somebody_else(origin: Origin, repository: Build, signers: Path, tmp_path: Path) -> None:
    signed(origin, key(tmp_path, "bob"))
    assert "No principal matched" in unfollowed(repository(allowed_signers=str(signers)))


def test_a_signer_who_may_not_any_more(origin: Origin, repository: Build, signers: Path, ann: Path) -> None:
    signed(origin, ann)
    assert fetched(repository(allowed_signers=str(signers)))
    signers.write_text("")
    assert unfollowed(repository(allowed_signers=str(signers)))
    public = ann.with_suffix(".pub").read_text()
    signers.write_text(f'ann@example.com valid-before="20010101" {public}')
    assert unfollowed(repository(allowed_signers=str(signers)))
    signers.write_text(f'ann@example.com namespaces="file" {public}')
    assert unfollowed(repository(allowed_signers=str(signers)))


def test_a_commit_that_was_changed_afterwards(origin: Origin, repository: Build, signers: Path, ann: Path) -> None:
    signed(origin, ann, "-m", "harmless")
    raw = origin.git("cat-file", "commit", "HEAD").replace("harmless", "harmful!") + "\n"
    changed = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=origin.work,
        input=raw,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    origin.git("reset", "-q", "--hard", changed)
    origin.push()
    assert "Signature verification failed" in unfollowed(repository(allowed_signers=str(signers)))


def test_a_signature_of_another_kind(
    origin: Origin, repository: Build, signers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An OpenPGP program is not asked, even if it would say that all is well."""
    said = (
        "SIG_CREATED ",
        "NEWSIG",
        "GOODSIG 1 Ann",
        f"VALIDSIG {'A' * 40} 0 0 0 0 0 0 0 0 {'A' * 40}",
        "TRUST_ULTIMATE",
    )
    status = "".join(f"[GNUPG:] {line}\\n" for line in said)
    program = tmp_path / "bin/gpg"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ncat > /dev/null\nprintf '{status}' >&2\n"
        f"case \"$*\" in *--verify*) printf '{status}' ;;\n"
        "*) printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n' ;; esac\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    origin.git("config", "gpg.format", "openpgp")
    origin.commit("-S")
    origin.git("verify-commit", "HEAD")
    unfollowed(repository(allowed_signers=str(signers)))


def test_the_file_has_to_be_there(origin: Origin, repository: Build, ann: Path) -> None:
    signed(origin, ann)
    error = refusal(GitSource(repository(allowed_signers="nowhere")).fetch(), SourceRefused)
    assert error.message == "the file of allowed signers nowhere can't be read: No such file or directory"
