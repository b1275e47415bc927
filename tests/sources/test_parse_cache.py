"""Parsed files on the disk: found again, never believed where somebody else could have written them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from reconciler.load import Parsed, load
from reconciler.model import SourceFile
from reconciler.sources import Tree, parse_cache
from reconciler.sources.parse_cache import KEPT, LEAST, ParseCache, edition

ROOT = Path(__file__).parents[2]
COUNT = 10
"""Files of a tree."""


def file(number: int, size: int = LEAST // COUNT, word: str = "word") -> SourceFile:
    head = f"apiVersion: v\nkind: k\nmetadata: {{name: n{number}}}\nspec: {{a: {word}}}\n#"
    return SourceFile(f"{number}.yaml", head.encode().ljust(size + 1, b"."))


def tree(root: object = "tree", *changed: int) -> Tree:
    files = tuple(file(number, word="other" if number in changed else "word") for number in range(COUNT))
    return Tree(files, str(root), None)


def used(folder: Path, given: Tree) -> int:
    """How many files a command has to parse."""
    cache = ParseCache(folder, given.root)
    parsed = Parsed(cache.read(given.files))
    assert load(given.files, parsed) == load(given.files)
    cache.write(parsed.files)
    return parsed.read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "reconciler" / "parsed"


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_was_parsed_is_not_parsed_again(folder: Path):
    assert [used(folder, tree()) for _ in range(3)] == [COUNT, 0, 0]


def test_it_is_for_its_owner_alone(folder: Path):
    before = os.umask(0)
    try:
        used(folder, tree())
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (only(folder), folder, folder.parent, folder.parent.parent)]
    assert modes == [0o600, 0o700, 0o700, 0o700]


def test_a_small_tree_is_not_worth_a_file(folder: Path):
    small = Tree((file(1, LEAST - 1000),), "tree", None)
    assert [used(folder, small) for _ in range(2)] == [1, 1]
    assert not folder.parent.exists()


def test_only_changed_files_are_parsed(folder: Path):
    used(folder, tree())
    assert used(folder, tree("tree", 3)) == 1


def test_a_small_change_is_not_written_and_a_larger_one_is(folder: Path):
    used(folder, tree())
    assert [used(folder, tree("tree", 3)) for _ in range(2)] == [1, 1]
    assert [used(folder, tree("tree", 3, 4)) for _ in range(2)] == [2, 0]
    assert used(folder, tree()) == 2


def test_the_same_tree_by_another_path_is_the_same(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    used(folder, tree(tmp_path / "there"))
    monkeypatch.chdir(tmp_path)
    assert used(folder, tree("link")) == 0
    assert used(folder, tree("elsewhere")) == COUNT


@pytest.mark.parametrize("place", [0, 31, 32, 63, 64, 300, -1])
def test_a_flipped_bit_is_noticed(folder: Path, place: int):
    used(folder, tree())
    data = bytearray(only(folder).read_bytes())
    data[place] ^= 1
    only(folder).write_bytes(data)
    assert [used(folder, tree()) for _ in range(2)] == [COUNT, 0]


@pytest.mark.parametrize("size", [0, 10, 64, 300])
def test_a_file_cut_short_is_noticed(folder: Path, size: int):
    used(folder, tree())
    os.truncate(only(folder), size)
    assert [used(folder, tree()) for _ in range(2)] == [COUNT, 0]


def test_what_another_version_has_kept_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    used(folder, tree())
    monkeypatch.setattr(parse_cache, "edition", lambda: b"x" * 32)
    assert [used(folder, tree()) for _ in range(2)] == [COUNT, 0]


def test_the_edition_is_that_of_the_loader(tmp_path: Path):
    """Of its code, that is: one more line of a comment makes another edition."""
    copy = tmp_path / "reconciler"
    subprocess.run(["cp", "-r", ROOT / "reconciler", copy], check=True)
    script = "from reconciler.sources.parse_cache import edition; print(edition().hex())"

    def told() -> str:
        env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, "-c", script], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert told() == edition().hex()
    with (copy / "load" / "scalars.py").open("a") as module:
        module.write("# more\n")
    assert told() != edition().hex()


def as_git_makes_it(path: Path) -> None:
    path.chmod(0o644)


def in_a_folder_as_git_makes_it(path: Path) -> None:
    path.parent.chmod(0o755)


def behind_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def in_a_linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("there"))
    path.parent.symlink_to("there")


def somebody_elses(path: Path) -> None:
    os.chown(path, 12345, 12345)


def in_somebody_elses_folder(path: Path) -> None:
    os.chown(path.parent, 12345, 12345)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


DOUBTFUL = [as_git_makes_it, in_a_folder_as_git_makes_it, behind_a_link, a_pipe]
FOREIGN = [somebody_elses, in_somebody_elses_folder]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.mark.parametrize("change", [*DOUBTFUL, *(pytest.param(one, marks=needs_root) for one in FOREIGN)])
def test_what_others_may_have_written_is_not_read(folder: Path, change: Callable[[Path], None]):
    used(folder, tree())
    change(only(folder))
    assert used(folder, tree()) == COUNT


def test_nothing_is_written_where_others_could_change_it(folder: Path):
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    used(folder, tree())
    assert list(folder.iterdir()) == []


def in_a_work_tree(folder: Path) -> None:
    (folder.parents[1] / ".git").mkdir()


def in_a_linked_work_tree(folder: Path) -> None:
    (folder.parents[2] / ".git").write_text("gitdir: elsewhere\n")


def behind_a_link_into_one(folder: Path) -> None:
    there = folder.parents[2] / "checkout"
    folder.parents[1].rename(there)
    (there / ".git").mkdir()
    folder.parents[1].symlink_to(there)


@pytest.mark.parametrize("come", [in_a_work_tree, in_a_linked_work_tree, behind_a_link_into_one])
def test_what_may_have_come_with_a_commit_is_not_believed(folder: Path, come: Callable[[Path], None]):
    """Modes are right where the umask was strict, and the owner is who has cloned."""
    used(folder, tree())
    come(folder)
    before = only(folder).read_bytes()
    assert used(folder, tree("tree", 1, 2)) == COUNT
    assert used(folder, tree()) == COUNT
    assert only(folder).read_bytes() == before


@pytest.mark.parametrize("root", [".", "cache", "cache/a.yaml"])
def test_what_lies_in_the_tree_itself_is_not_believed(folder: Path, tmp_path: Path, root: str):
    folder.mkdir(parents=True, mode=0o700)
    (tmp_path / "cache" / "a.yaml").write_text("")
    assert [used(folder, tree(tmp_path / root)) for _ in range(2)] == [COUNT, COUNT]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\xa1\xff", b"\x91\x94\xc4\x00\x01\x01\xa1\xff", b"\x91" * 100_000])
def test_bytes_that_nobody_has_encoded_are_no_reason_to_fail(folder: Path, content: bytes):
    used(folder, tree())
    only(folder).write_bytes(edition() + sha256(content).digest() + content)
    assert [used(folder, tree()) for _ in range(2)] == [COUNT, 0]


def test_a_file_system_that_cannot_be_written_can_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch):
    used(folder, tree())

    def refused(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    assert used(folder, tree()) == 0


def test_what_is_too_large_to_be_read_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parse_cache, "LARGEST", 100)
    used(folder, tree())
    assert not folder.exists()


def test_a_disk_that_is_full_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert used(folder, tree()) == COUNT
    assert list(folder.iterdir()) == []


@needs_root
def test_no_folder_is_made_in_somebody_elses(folder: Path, tmp_path: Path):
    """Root, with somebody's home: a folder of root's in there would be in their way."""
    home = tmp_path / "cache"
    home.mkdir()
    os.chown(home, 12345, 12345)
    assert used(folder, tree()) == COUNT
    assert list(home.iterdir()) == []


def test_a_folder_that_cannot_be_made_changes_nothing(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert [used(tmp_path / "file" / "cache", tree()) for _ in range(2)] == [COUNT, COUNT]


def test_those_that_were_used_last_stay(folder: Path):
    for number in range(KEPT):
        used(folder, tree(f"tree-{number}"))
    for age, path in enumerate(sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True), 1):
        os.utime(path, ns=(0, -age * 10**9))
    assert used(folder, tree("tree-0")) == 0
    used(folder, tree("one-more"))
    assert len(list(folder.iterdir())) == KEPT
    assert used(folder, tree("tree-0")) == 0
    assert used(folder, tree("tree-1")) == COUNT


def test_what_a_killed_command_has_left_is_taken_away(folder: Path):
    used(folder, tree())
    left = folder / "left.4711"
    left.write_bytes(b"half")
    os.utime(left, ns=(0, 0))
    for number in range(KEPT):
        used(folder, tree(f"tree-{number}"))
    assert not left.exists()
