"""What of a commit is the desired state: the same as of a directory, and neither links nor submodules."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InputError, SourceRefused, SourceUnavailable
from reconciler.model import SourceFile
from reconciler.sources import Tree, directory
from reconciler.sources.git import GitSource, Repository, blobs, links, listing
from tests.sources.git_kit import Origin, fetch_and_read, fetched, names, origin, refusal, repository, run, tree

__all__ = ["origin", "repository"]
Build = Callable[..., Repository]


def test_the_same_as_a_directory(origin: Origin, repository: Build) -> None:
    for name in ("b.yaml", "a/z.yml", "a.yaml", "a/b/c.yaml", "x.yaml/y.yaml", "a-b.yaml", "ä ö.yaml", '"q".yaml'):
        origin.write(name, name)
    for name in (".h.yaml", ".github/x.yaml", "a/.b/c.yaml", "README.md", "x.yaml.bak", "odd\nname.txt"):
        origin.write(name)
    revision = origin.commit()
    found = tree(repository())
    assert found == Tree(directory.read(origin.work).files, "", revision)
    assert len(found.files) == 8


def test_a_folder(origin: Origin, repository: Build) -> None:
    origin.write("a.yaml")
    origin.write("clusters/[prod] :x/b.yaml", "b")
    origin.write("clusters/.hidden/c.yaml", "c")
    revision = origin.commit()
    assert tree(repository(path="clusters/[prod] :x/")) == Tree((SourceFile("b.yaml", b"b"),), "", revision)
    assert names(repository(path="./clusters//.hidden")) == ["c.yaml"]
    assert names(repository(path="clusters")) == ["[prod] :x/b.yaml"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "nowhere isn't there"),
        ("a/nowhere/x", "a/nowhere isn't there"),
        ("a/b.yaml", "a/b.yaml is a file"),
        ("a/b.yaml/c", "a/b.yaml is a file"),
        ("link", "link is a symbolic link"),
        ("link/c", "link is a symbolic link"),
        ("sub", "sub is a submodule"),
        ("*", "[*] isn't there"),
    ],
)
def test_folders_that_are_none(origin: Origin, repository: Build, path: str, message: str) -> None:
    origin.write("a/b.yaml")
    origin.link("link", "a")
    origin.git("add", "-A")
    origin.submodule("sub")
    origin.commit(add=False)
    error = refusal(fetch_and_read(GitSource(repository(path=path))), SourceRefused)
    assert error.message.startswith(f"the folder {path} can't be read in commit ")
    assert error.message.endswith(message.replace("[*]", "*"))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a.yaml", "real/x.yaml"),
        ("a.yml", "/etc/hostname"),
        ("sub/a.yaml", "nowhere"),
        ("sub/more", "../real"),
        ("sub/more", "../.alias"),
        ("sub/more", ".././/real/."),
        ("more", "real/"),
        ("more with spaces", "."),
    ],
)
def test_links_are_refused(origin: Origin, repository: Build, name: str, target: str) -> None:
    origin.write("real/x.yaml")
    origin.link(".alias", "./real")
    origin.link(name, target)
    origin.commit()
    error = refusal(fetch_and_read(GitSource(repository())), InputError)
    assert error.message == f"{name} is a symbolic link, and those aren't followed"


def test_links_out_of_the_folder_are_refused(origin: Origin, repository: Build) -> None:
    origin.write("shared/x.yaml")
    origin.write("prod/y.yaml")
    origin.link("prod/base", "../shared")
    origin.commit()
    error = refusal(fetch_and_read(GitSource(repository(path="prod"))), InputError)
    assert error.message == "base is a symbolic link, and those aren't followed"


def test_other_links_are_none_of_our_business(origin: Origin, repository: Build) -> None:
    origin.write("a.yaml")
    for name, target in (
        ("LICENSE", "/etc/hostname"),
        ("x", "nowhere"),
        ("y", "y"),
        ("z", "a.yaml"),
        ("w", "a.yaml/b"),
    ):
        origin.link(name, target)
    origin.link(".hidden.yaml", "a.yaml")
    origin.link(".more", ".")
    origin.commit()
    assert names(repository()) == ["a.yaml"]
    assert [file.name for file in directory.read(origin.work).files] == ["a.yaml"]


@pytest.mark.parametrize("name", ["vendor", "a/b", "x.yaml"])
def test_submodules_are_refused(origin: Origin, repository: Build, name: str) -> None:
    origin.write("a.yaml")
    origin.git("add", "-A")
    origin.submodule(name)
    origin.commit(add=False)
    error = refusal(fetch_and_read(GitSource(repository())), InputError)
    assert error.message == f"{name} is a submodule, and those aren't followed"


def test_hidden_submodules_are_left_out(origin: Origin, repository: Build) -> None:
    origin.write("a.yaml")
    origin.git("add", "-A")
    origin.submodule(".vendor")
    origin.commit(add=False)
    assert names(repository()) == ["a.yaml"]


@pytest.mark.parametrize("name", ["a\x1b[2J.yaml", "sub\n/x/a.yaml", "a\nb/README", "x/a\tb.yml"])
def test_names_that_can_not_be_shown(origin: Origin, repository: Build, name: str) -> None:
    origin.write(name)
    origin.commit()
    with pytest.raises(InputError) as expected:
        directory.read(origin.work)
    assert refusal(fetch_and_read(GitSource(repository()))).message == expected.value.message


def test_names_that_are_no_utf_8(origin: Origin, repository: Build) -> None:
    origin.write("a\udcff.yaml")
    origin.commit()
    error = refusal(fetch_and_read(GitSource(repository())), InputError)
    assert error.message == r"'a\udcff.yaml' has characters in its name that can't be shown"


@pytest.mark.ci
def test_large_files(origin: Origin, repository: Build) -> None:
    origin.write("a.yaml", b"#" * 16 * 1024**2)
    origin.commit()
    assert len(tree(repository()).files[0].data) == 16 * 1024**2
    origin.write("sub/b.yaml", b"#" * (16 * 1024**2 + 1))
    origin.write("c.bin", b"#" * (16 * 1024**2 + 1))
    origin.commit()
    assert refusal(fetch_and_read(GitSource(repository())), InputError).message == "sub/b.yaml is larger than 16 MiB"
    (origin.work / "sub/b.yaml").unlink()
    origin.commit()
    assert names(repository()) == ["a.yaml"]


def test_what_a_tree_may_hold_is_bounded(origin: Origin, repository: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        origin.write(f"{number}.yaml", f"{number}" * 100)
        origin.write(f"{number}.txt")
    origin.commit()
    assert len(names(repository())) == 6
    for module, limit, most, message in (
        (listing, "MAX_FILES", 5, "more than 5 YAML files"),
        (listing, "MAX_ENTRIES", 11, "or 11 in all"),
        (blobs, "MAX_TREE_BYTES", 599, "MiB of YAML"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, most)
            assert message in refusal(fetch_and_read(GitSource(repository())), InputError).message


def test_a_tree_of_few_objects_and_countless_files(
    origin: Origin, repository: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve folders of ten equal ones each: git could list them for days."""
    monkeypatch.setattr(listing, "MAX_ENTRIES", 10_000)
    monkeypatch.setattr(links, "MAX_ENTRIES", 10_000)
    origin.write("small/a.yaml")
    origin.link("small/README", "a.yaml")
    origin.commit()
    small = here = origin.git("rev-parse", "HEAD:small")

    def folder(**entries: str) -> str:
        listed = "".join(f"040000 tree {oid}\t{name}\n" for name, oid in entries.items())
        command = ["git", "mktree"]
        done = subprocess.run(command, cwd=origin.work, input=listed, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    for _ in range(12):
        here = folder(**{f"{number}": here for number in range(10)})
    bomb = origin.git("commit-tree", "-m", "x", "-p", "HEAD", folder(bomb=here, small=small))
    origin.git("push", "-q", str(origin.path), f"{bomb}:main")
    assert "or 10000 in all" in refusal(fetch_and_read(GitSource(repository())), InputError).message
    assert "has more than 10000" in refusal(fetch_and_read(GitSource(repository(path="small"))), InputError).message


def test_an_empty_commit_is_an_empty_tree(origin: Origin, repository: Build) -> None:
    revision = origin.commit()
    assert tree(repository()) == Tree((), "", revision)


def test_equal_files_and_older_commits(origin: Origin, repository: Build) -> None:
    origin.write("a.yaml", "1")
    first = origin.commit()
    origin.write("b.yaml", "1")
    second = origin.commit()
    assert fetched(repository()) == second
    source = GitSource(repository())
    assert run(source.read(first)).files == (SourceFile("a.yaml", b"1"),)
    assert run(source.read(second)).files == (SourceFile("a.yaml", b"1"), SourceFile("b.yaml", b"1"))


@pytest.mark.parametrize("revision", ["main", "HEAD", "1234567", "", "-h", "F" * 40, "1" * 41])
def test_only_full_hashes_are_read(origin: Origin, repository: Build, revision: str) -> None:
    origin.commit()
    fetched(repository())
    with pytest.raises(InputError, match="no commit's full hash"):
        run(GitSource(repository()).read(revision))


def test_commits_that_are_not_there(origin: Origin, repository: Build) -> None:
    origin.commit()
    for _ in range(2):  # without a mirror, and with one
        error = refusal(GitSource(repository()).read("1" * 40), SourceUnavailable)
        assert error.message == f"commit {'1' * 12} isn't in the mirror of {origin.path}, branch main"
        fetched(repository())


def test_sha_256(tmp_path: Path, repository: Build) -> None:
    origin = Origin(tmp_path / "newer", "sha256")
    origin.write("a.yaml", "1")
    revision = origin.commit()
    assert len(revision) == 64
    assert tree(repository(url=str(origin.path))) == Tree((SourceFile("a.yaml", b"1"),), "", revision)


PARTS = st.sampled_from(["a", "b.yaml", ".c", "d.yml", "é.yaml", "e f", "-g.yaml", "x.yaml.bak", "a\x7f.yaml", "~"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@pytest.mark.ci
@settings(max_examples=30)
@given(st.dictionaries(PATHS, st.binary(max_size=50), max_size=8))
def test_any_tree_is_as_a_directory_reads_it(files: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        origin = Origin(Path(folder))
        for name, data in files.items():
            path = origin.work / name
            if not path.is_dir() and not any(parent.is_file() for parent in path.parents):
                origin.write(name, data)
        origin.commit(push=False)
        shutil.rmtree(origin.path)
        source = GitSource(Repository(url=str(origin.work), branch="main", mirror=Path(folder, "mirror")))
        try:
            expected = directory.read(origin.work).files
        except InputError:
            assert "can't be shown" in refusal(fetch_and_read(source), InputError).message
        else:
            assert run(fetch_and_read(source)).files == expected
