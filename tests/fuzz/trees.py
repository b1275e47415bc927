"""Desired state that is almost right, or not at all, through ``reconciler validate``."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from reconciler.errors import InvalidTree
from reconciler.model import SourceFile
from reconciler.settings import Claim, Target
from reconciler.sources import Tree
from reconciler.systems.registry import api_versions, systems
from reconciler.trees import load_shares
from tests.fuzz.bytewise import mangled
from tests.fuzz.grammar import CANARY, copied, read, spoil, write
from tests.fuzz.told import Said, call, judge, judge_output, judge_places, judge_told, judge_words

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    *sorted((ROOT / "examples" / "desired-state").glob("*.yaml")),
    *(ROOT / "examples" / name / "rejections.yaml" for name in ("brightriver", "bunnystudio")),
]
NAMES = ("a.yaml", "a.yaml", "a.yaml", "b c.yml", "é.yaml", "sub/a.yaml", ".a.yaml", "a%b,c.yaml")
OUTPUTS = (*[""] * 24, "text", "text", "text", "text", "text", "json", "github", "gitlab")
"""Of four inputs, one goes through the whole command; empty: only through what all commands share."""

CLAIMS = [Claim(name, api_version) for name, api_version in api_versions().items()]
TARGETS = [Target(name, system, "https://host.example", {}) for name, system in systems().items()]
VALID = re.compile(r"Valid: ([0-9]+) documents? in [0-9]+ files?(?: \((.+)\))?\.\n")
KEY = "canary-in-the-environment"


@dataclass(frozen=True)
class Given:
    """The files of a tree, how its problems are to be written, and what must not be seen."""

    files: tuple[tuple[str, bytes], ...]
    output: str
    canary: bool


class Area:
    """Trees of one or two files; those of one go through the same folder again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tree"
        (self._folder / "sub").mkdir(parents=True)
        self._bytes = [path.read_bytes() for path in EXAMPLES]
        self._documents = [read(data) for data in self._bytes]
        for name in [name for name in os.environ if name.startswith("RECONCILER_")]:
            del os.environ[name]
        os.environ["RECONCILER_PASSWORD"] = os.environ["RECONCILER_SECRET_ALICE_PASSWORD"] = KEY

    def make(self, chance: Random) -> Given:
        """One tree."""
        made = [self._file(chance) for _ in range(1 if chance.random() < 0.9 else 2)]
        names = chance.sample(list(dict.fromkeys(NAMES)), 2) if len(made) > 1 else [chance.choice(NAMES)]
        files = tuple(zip(names, (data for data, _ in made), strict=True))
        return Given(files, chance.choice(OUTPUTS), any(canary for _, canary in made))

    def _file(self, chance: Random) -> tuple[bytes, bool]:
        if chance.random() < 0.4:
            data = chance.choice(self._bytes)
            for _ in range(chance.choice((1, 1, 2, 4))):
                data = mangled(data, self._bytes, chance)
            return data, False
        documents = copied(chance.choice(self._documents))
        if chance.random() < 0.1:
            documents += copied(chance.choice(self._documents))
        told = False
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            told = spoil(documents, chance) or told
        return write(documents, chance), told

    def run(self, given: Given) -> str:
        """Validate it."""
        canaries = (KEY, CANARY) if given.canary else (KEY,)
        return self._called(given, canaries) if given.output else self._loaded(given, canaries)

    def _loaded(self, given: Given, canaries: tuple[str, ...]) -> str:
        """What every command, the daemon and the API do with the files of a tree."""
        files = tuple(SourceFile(name, data) for name, data in given.files)
        try:
            shares = load_shares(Tree(files, "", None), TARGETS, CLAIMS)
        except InvalidTree as error:
            told = "".join(one.message for one in error.problems)
            judge_words(told, canaries)
            places = [(one.location.file, one.location.line, one.location.column) for one in error.problems]
            judge_places(places, dict(given.files))
            return "refused"
        kinds = Counter(ref.kind for one in shares for ref in one.desired.resources)
        assert kinds == Counter(kind for _, data in given.files for kind in _kinds(data))
        return "valid"

    def _called(self, given: Given, canaries: tuple[str, ...]) -> str:
        paths = [self._folder / name for name, _ in given.files]
        for path, (_, data) in zip(paths, given.files, strict=True):
            path.write_bytes(data)
        try:
            said = call("validate", str(self._folder), "-o", given.output)
        finally:
            for path in paths:
                path.unlink()
        judge(said, canaries)
        judge_output(said, given.output)
        if said.code:
            count = judge_told(said.err, dict(given.files))
            assert count or said.err.startswith("error: "), said
            return f"refused, {given.output}"
        self._all_there(said, given)
        return f"valid, {given.output}"

    def _all_there(self, said: Said, given: Given) -> None:
        """No document may vanish without a problem: with pruning, that would be a deletion."""
        if given.output != "text":
            return
        expected = Counter(kind for name, data in given.files if not name.startswith(".") for kind in _kinds(data))
        match = VALID.fullmatch(said.out)
        assert match, said.out
        parts = [one.split() for one in (match[2] or "").split(", ") if one]
        assert {kind: int(count) for count, kind in parts} == expected, (said.out, expected)


def _kinds(data: bytes) -> list[Any]:
    """What PyYAML, which never guesses at this level, sees in a file that is said to be right."""
    found = yaml.load_all(data.decode("utf-8-sig"), yaml.CBaseLoader)
    return [one["kind"] for one in found if one]
