"""docs/guarantees.md names tests that there are, and leaves no promise without one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
import yaml

from tests.e2e.kit import ROOT

WRITTEN: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "_source" / "guarantees.yaml").read_text(encoding="utf-8"))
SHOWN = {row["name"]: row["tests"] for part in ("invariants", "faults", "figures") for row in WRITTEN[part]}


@lru_cache
def names_in(path: str) -> frozenset[str]:
    """The names of the test functions of a file, or of all files of a folder."""
    place = ROOT / path
    files = [place] if place.is_file() else sorted(place.glob("test_*.py"))
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    return frozenset(name for tree in trees for name in _tests(tree))


def _tests(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


@pytest.mark.parametrize("row", SHOWN)
def test_each_row_is_shown_by_tests_that_there_are(row: str):
    assert SHOWN[row]
    for test in SHOWN[row]:
        path, _, name = test.partition("::")
        assert names_in(path), f"{path} has no tests"
        assert not name or name in names_in(path), test


def test_no_row_is_missing():
    assert [len(WRITTEN[part]) for part in ("invariants", "faults", "figures")] == [11, 24, 8]
    assert all(row["says"] for part in ("invariants", "faults", "not_promised") for row in WRITTEN[part])
