"""Configurations that are almost right, or not at all, through ``reconciler validate --config``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

from reconciler.config import read_config
from reconciler.errors import InputError, InvalidTree
from tests.fuzz.bytewise import mangled
from tests.fuzz.grammar import CANARY, copied, read, spoil, write
from tests.fuzz.told import call, judge, judge_places, judge_told, judge_words

ROOT = Path(__file__).parents[2]
FULL = b"""apiVersion: reconciler/v1
kind: Config
state: postgresql+psycopg://reconciler@db.example/state
secrets_dir: secrets
installers: installers
targets:
  - name: prod
    system: metadefender
    url: https://center.example:8892
    path: [desired-state, b/c]
    credentials: {apikey: cc-apikey}
    tls: {ca: ca.pem, allow_http: false}
    interval: 5m
    windows:
      - {schedule: "*/5 0-3,7 * jan-mar mon#1", duration: 90m, timezone: America/New_York}
      - {schedule: "0 0 * * *", duration: 1d}
daemon:
  listen: "[::1]:8080"
  interval: 1h
  source: {git: {url: "https://git.example/a.git", branch: main, token: git-token}}
  tokens: [{name: ci, role: read, secret: t}]
  notifications:
    - {url: hook, signing: hook-key, targets: [prod]}
    - {apprise: chat}
  url: https://reconciler.example/page
  plans: {per_minute: 6, timeout: 30s}
"""
OUTPUTS = (*[""] * 7, "text", "json", "github")


@dataclass(frozen=True)
class Given:
    """A configuration, how its problems are to be written (empty: it is only read), and what must not be seen."""

    data: bytes
    output: str
    canary: bool


class Area:
    """Each is read as every command reads it; some decide what a tree's documents are checked for."""

    def __init__(self, folder: Path) -> None:
        os.chdir(folder)
        Path("tree/desired-state").mkdir(parents=True)
        Path("tree/desired-state/a.yaml").write_bytes((ROOT / "examples" / "desired-state" / "users.yaml").read_bytes())
        self._bytes = [(ROOT / "examples" / "reconciler.yaml").read_bytes(), FULL]
        self._documents = [read(data) for data in self._bytes]
        for name in [name for name in os.environ if name.startswith("RECONCILER_")]:
            del os.environ[name]

    def make(self, chance: Random) -> Given:
        """One configuration."""
        output = chance.choice(OUTPUTS)
        if chance.random() < 0.35:
            data = chance.choice(self._bytes)
            for _ in range(chance.choice((1, 1, 2))):
                data = mangled(data, self._bytes, chance)
            return Given(data, output, canary=False)
        documents, canary = copied(chance.choice(self._documents)), False
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            canary = spoil(documents, chance) or canary
        return Given(write(documents, chance), output, canary)

    def run(self, given: Given) -> str:
        """Read it, or let a whole command read it."""
        Path("c.yaml").write_bytes(given.data)
        canaries = (CANARY,) if given.canary else ()
        return self._called(given, canaries) if given.output else self._read(given, canaries)

    def _read(self, given: Given, canaries: Sequence[str]) -> str:
        try:
            config = read_config("c.yaml")
        except InvalidTree as error:
            told = "".join(one.message for one in error.problems)
            judge_words(told, canaries)
            places = [(one.location.file, one.location.line, one.location.column) for one in error.problems]
            judge_places(places, {"c.yaml": given.data})
            return "refused"
        except InputError as error:
            judge_words(f"{error.message} {error.remedy}", canaries)
            return "refused without a place"
        (plain,) = yaml.load_all(given.data.decode("utf-8-sig"), yaml.CBaseLoader)
        assert [one.name for one in config.targets] == [one["name"] for one in plain["targets"]]
        return "valid"

    def _called(self, given: Given, canaries: Sequence[str]) -> str:
        said = call("validate", "tree", "--config", "c.yaml", "-o", given.output)
        judge(said, canaries)
        if not said.code:
            return f"valid, {given.output}"
        judge_told(
            said.err, {"c.yaml": given.data, "desired-state/a.yaml": Path("tree/desired-state/a.yaml").read_bytes()}
        )
        return f"refused, {given.output}"
