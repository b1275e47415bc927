"""What was found once stays found: bombs, traps of the parser's library, and each input that ever broke something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import BadReply, InputError
from reconciler.load import load
from reconciler.model import SourceFile
from reconciler.recording import loads
from reconciler.recording.tape import replayed
from reconciler.wire import Response
from tests.fuzz.bombs import BOMBS
from tests.fuzz.shards import ROOT, untraced
from tests.systems.kit import LIVE, SYSTEM, fetched

CORPUS = Path(__file__).parent / "corpus"
SLOWER = {"flat list"}
"""A megabyte of a configuration that is all values: it may take as long as any input, and is no bomb."""

TREES = {
    "digits.yaml": "a.yaml:5:10: ",
    "int-tag.yaml": "a.yaml:5:10: tags (!) are not supported",
    "bool-tag.yaml": "a.yaml:5:10: tags (!) are not supported",
    "timestamp-tag.yaml": "a.yaml:5:10: tags (!) are not supported",
    "octal.yaml": "a.yaml:5:10: ",
    "twice.yaml": "a.yaml:6:3: duplicate key 'email': line 5, column 3 has it too",
    "merge-bomb.yaml": "anchors (&) are not supported",
    "unended.yaml": "a.yaml:6:1: a value is missing here",
}
"""File → how what is said about it begins."""


TEXTS = {"date.yaml": "2024-13-45", "sexagesimal.yaml": "22:22", "no.yaml": "no"}
"""What looks like something else to others is the text that was written."""


@pytest.fixture(scope="module")
def costs() -> dict[str, list[tuple[int, int, float]]]:
    command = [sys.executable, "-m", "tests.fuzz.bombs"]
    done = subprocess.run(command, cwd=ROOT, env=untraced(), capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_soon(costs: dict[str, list[tuple[int, int, float]]], name: str) -> None:
    (documents, problems, seconds), (config, more, longer) = costs[name]
    assert (documents, config) == (0, 0)
    assert 1 <= problems <= 1001
    assert 1 <= more <= 1001
    assert seconds <= 0.1
    assert longer <= (2.0 if name in SLOWER else 0.1)


@pytest.mark.parametrize("name", TREES)
def test_traps_of_yaml_are_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes((CORPUS / "trees" / name).read_bytes())
    command = [sys.executable, "-m", "reconciler", "validate", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=untraced(), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert TREES[name] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_not_guessed_is_a_text(name: str) -> None:
    documents, problems = load([SourceFile("a.yaml", (CORPUS / "trees" / name).read_bytes())])
    assert problems == []
    assert documents[0].spec == {"email": TEXTS[name]}


@pytest.mark.parametrize("levels", [64, 65, 800])
def test_replies_are_as_deep_as_the_apis_at_most(levels: int) -> None:
    body = json.dumps([{"service_id": "1", "type": "broker", "display_name": "DEEP"}])
    response = Response(200, {}, body.replace('"DEEP"', "[" * (levels - 2) + "]" * (levels - 2)).encode())
    if levels <= 64:
        assert response.json()
        return
    with pytest.raises(BadReply, match="nested more than 64 levels deep"):
        response.json()


@pytest.mark.parametrize("path", sorted((CORPUS / "replies").glob("*.json")), ids=lambda path: path.stem)
def test_replies_that_were_believed(path: Path) -> None:
    found = json.loads(path.read_bytes())
    with pytest.raises(BadReply):
        fetched(found["collection"], {**LIVE, found["operation"]: found["body"]})


def test_the_same_entry_twice_is_believed() -> None:
    one = {"id": 3, "name": "alice", "directory_id": 1}
    assert len(fetched("users", {"listUsers": [one, one]})) == 2


def test_a_recording_nested_deeper_than_can_be_written() -> None:
    text = (CORPUS / "recording.json").read_text().replace('"DEEP"', "[" * 300 + "]" * 300)
    (one,) = loads(text.encode(), "live.json")
    with pytest.raises(InputError, match="damaged"):
        replayed(SYSTEM.collections["users"], one.collections["users"])
