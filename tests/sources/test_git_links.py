"""Which links lead to directories: the same ones as on a file system."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from reconciler.sources.git.links import is_directory

NAMES = st.sampled_from(["a", "b", "c"])
PLACES = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", ".", "..", ""]), min_size=1, max_size=4).map("/".join)


@given(st.lists(st.tuples(PLACES, TARGETS), max_size=6), st.lists(PLACES, max_size=4))
def test_links_as_on_a_file_system(links: list[tuple[str, str]], folders: list[str]) -> None:
    with TemporaryDirectory() as root:
        for folder in folders:
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        for place, target in links:
            path = Path(root, place)
            with suppress(OSError):
                if target.strip("/") and os.path.realpath(path.parent) == str(path.parent):
                    path.symlink_to(target.lstrip("/"))
        found, targets = set(), {}
        for here, directories, files in os.walk(root):
            for name in directories + files:
                path = Path(here, name)
                if path.is_symlink():
                    targets[path.relative_to(root).as_posix()] = os.readlink(path)
                else:
                    found.add(path.relative_to(root).as_posix())
        for place in targets:
            path = Path(root, place)
            inside = os.path.commonpath([os.path.realpath(path), root]) == root
            assert is_directory(place, found, targets) == (path.is_dir() and inside)


def test_links_out_of_the_repository() -> None:
    targets = {"a": "..", "b": "/x", "c": "../x/..", "d": "x/../..", "e": "e", "f": "x/.."}
    assert [name for name in targets if is_directory(name, {"x"}, targets)] == ["f"]
