"""Reading a directory: what belongs to the tree, what is refused, and what a file that a document names may be."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from reconciler.errors import InputError
from reconciler.model import SourceFile
from reconciler.sources import Tree, directory
from reconciler.sources.directory import file_facts, read, sha256_of


def write(root: Path, name: str, content: bytes = b"x") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(root: Path) -> list[str]:
    return [file.name for file in read(root).files]


def refusal(root: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(root)
    assert caught.value.remedy
    return caught.value.message


def test_all_yaml_files_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a.yaml", "a/b/c.yaml", ".h.yaml", ".git/x.yaml", "README.md", "x.yaml.bak"):
        write(tmp_path, name, name.encode())
    expected = tuple(SourceFile(name, name.encode()) for name in ("a.yaml", "a/b/c.yaml", "a/z.yml", "b.yaml"))
    assert read(tmp_path) == Tree(expected, str(tmp_path), None)
    assert read(str(tmp_path)) == read(tmp_path)


def test_an_empty_directory_is_an_empty_tree(tmp_path: Path) -> None:
    assert read(tmp_path) == Tree((), str(tmp_path), None)


def test_a_single_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "other.yaml")
    path = write(tmp_path, "a.yaml", b"1")
    assert read(path) == Tree((SourceFile("a.yaml", b"1"),), str(tmp_path), None)
    monkeypatch.chdir(tmp_path)
    assert read("a.yaml").root == "."
    write(tmp_path, "a.txt")
    assert refusal(Path("a.txt")) == "a.txt is neither a directory nor a YAML file"


def test_a_mounted_config_map(tmp_path: Path) -> None:
    write(tmp_path, "..2024_01/a.yaml", b"1")
    write(tmp_path, "..2024_01/b.yaml", b"2")
    (tmp_path / "..data").symlink_to("..2024_01")
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert read(tmp_path).files == (SourceFile("a.yaml", b"1"), SourceFile("b.yaml", b"2"))


def test_a_config_map_that_is_swapped_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "..old/a.yaml", b"old")
    write(tmp_path, "..new/a.yaml", b"new")
    (tmp_path / "..data").symlink_to("..old")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    content = directory._content

    def swap(path: str, name: str) -> bytes:
        data = content(path, name)
        (tmp_path / "..tmp").symlink_to("..new")
        (tmp_path / "..tmp").rename(tmp_path / "..data")
        return data

    monkeypatch.setattr(directory, "_content", swap)
    assert [file.data for file in read(tmp_path).files] == [b"new"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_vanishes_is_looked_for_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    write(tmp_path, "a.yaml", b"1")
    opened, left = directory._opened, [None] * times

    def vanish(path: str, name: str) -> object:
        if left:
            left.pop()
            raise FileNotFoundError
        return opened(path, name)

    monkeypatch.setattr(directory, "_opened", vanish)
    if times == 1:
        assert names(tmp_path) == ["a.yaml"]
    else:
        assert refusal(tmp_path) == "a.yaml vanished or changed while it was read, or is a link to nothing"


def test_links_inside_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path, "real/a.yaml")
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / "b.yaml").symlink_to("real/a.yaml")
    (tmp_path / "real/loop").symlink_to("..")
    assert names(tmp_path) == ["real/a.yaml"]


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "revision/a.yaml")
    (tmp_path / "current").symlink_to("revision")
    assert names(tmp_path / "current") == ["a.yaml"]


@pytest.mark.parametrize("name", ["a.yaml", "sub"])
def test_links_that_leave_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, "outside/x.yaml")
    (tmp_path / "root-and-more").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    target = {"a.yaml": "../outside/x.yaml", "sub": "../root-and-more"}[name]
    (root / name).symlink_to(target)
    assert refusal(root) == f"{name} leads out of {root}"


@pytest.mark.parametrize("target", ["gone.yaml", "a.yaml"])
def test_links_to_nothing_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "a.yaml").symlink_to(target)
    assert refusal(tmp_path).startswith("a.yaml ")


def test_other_links_are_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "README").symlink_to("/etc/hostname")
    assert names(tmp_path) == []


def test_what_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x") == f"{tmp_path}/x can't be read: No such file or directory"


def test_special_files_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert refusal(tmp_path) == "a.yaml is not a regular file"
    assert refusal(tmp_path / "a.yaml") == "a.yaml is not a regular file"
    with pytest.raises(InputError, match="not a regular file"):
        sha256_of(tmp_path / "a.yaml")
    with pytest.raises(InputError, match="not a regular file"):
        file_facts(tmp_path, "a.yaml")


def test_large_files(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml")
    os.truncate(path, 16 * 1024**2)
    assert len(read(tmp_path).files[0].data) == 16 * 1024**2
    os.truncate(path, 2**40)
    assert refusal(tmp_path) == "a.yaml is larger than 16 MiB"


def test_unreadable_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "sub/a.yaml")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        assert refusal(tmp_path) == "sub/a.yaml can't be read: Permission denied"
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", denied)
        assert refusal(tmp_path) == f"{tmp_path} can't be read: Permission denied"


def test_names_that_can_not_be_shown(tmp_path: Path) -> None:
    write(tmp_path, "a\x1b[2J.yaml")
    assert refusal(tmp_path) == r"'a\x1b[2J.yaml' has characters in its name that can't be shown"


def test_file_facts(tmp_path: Path) -> None:
    path = write(tmp_path, "sub/x.bin", b"12345")
    (tmp_path / "link").symlink_to("sub/x.bin")
    for name in ("sub/x.bin", "./sub//x.bin", "link"):
        facts = file_facts(tmp_path, name)
        assert facts is not None
        assert (facts.path, facts.size, facts.sha256) == (str(path), 5, None)
    assert file_facts(tmp_path, "missing") is None
    assert file_facts(tmp_path, "sub/x.bin/y") is None
    assert sha256_of(path) == sha256(b"12345").hexdigest()


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "sub/../x", "..", "a\0b", "out", "outer/x", ".", "loop", "y" * 300]
)
def test_files_that_a_document_may_not_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    write(root, "x")
    write(tmp_path, "x")
    (root / "out").symlink_to("../x")
    (root / "outer").symlink_to("..")
    (root / "loop").symlink_to("loop")
    with pytest.raises(InputError):
        file_facts(root, name)


def test_the_hash_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        sha256_of(tmp_path / "x")
    path = write(tmp_path, "large", b"ab" * 2**20)
    assert sha256_of(path) == sha256(b"ab" * 2**20).hexdigest()
