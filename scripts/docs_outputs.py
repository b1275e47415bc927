"""What the pages show of commands, held to what the commands print: recorded against the emulator, then compared."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.emulator.running import Running, running
from scripts import docs_daemon
from scripts.docs_text import ROOT

SHOWN_URL, SHOWN_FOLDER = "http://127.0.0.1:8892", "/srv"
CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
NEVER_RECORDED = ("reconciler emulator",)
PLAYED = tuple(ROOT / "docs" / name for name in ("operations.md", "tutorial.md"))
"""Pages whose commands are run one after the other instead: see docs_played."""
VARYING = (
    (re.compile(r"sha256:[0-9a-f]{12,64}"), "sha256:…"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"(?<=revision )[0-9a-f]{12,40}"), "REVISION"),
    (re.compile(r"(?<=lineage )[0-9a-f-]{36}"), "LINEAGE"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(?<=pass=)[0-9a-f]{12}"), "ID"),
    (re.compile(r"(?<=replica=)\S+"), "HOST:PID"),
    (re.compile(r"(?<=seconds=)[0-9.]+"), "SECONDS"),
    (re.compile(r"^.* listening .*\n", re.MULTILINE), ""),  # beside it the tree is read already
    (re.compile(r" +\d+\.\d s"), " SECONDS"),
    (re.compile(r"(?<=^To look or try again: ).*$", re.MULTILINE), "N GET."),
)
"""What differs from one run to the next."""

Recorded = Mapping[str, list[str]]
WRONG = """apiVersion: metadefender/v1
kind: User
metadata: {name: carol}
spec:
  emial: carol@example.com
  password: hunter2
---
apiVersion: metadefender/v1
kind: Worker
metadata: {name: worker-1}
spec: {host: worker-1.internal, port: 0}
"""
CAROL = """apiVersion: metadefender/v1
kind: User
metadata: {name: carol}
spec: {display_name: Carol, roles: [soc-analyst], password: {secret: alice-password}}
"""
AUDITOR = """apiVersion: metadefender/v1
kind: Role
metadata: {name: auditor}
spec: {display_name: Auditor, rights: {workers: [read]}}
"""
IMPORT = """- display_name: worker-4
  host: worker-4.internal
  port: 8893
  connection_key: not-a-real-key
"""
WRONG_CONFIG = """apiVersion: reconciler/v1
kind: Config
targets:
  - {name: retouching, system: brightriver, url: https://api.bright-river.example, credentials: {token: br}}
  - {name: retouching, system: bunnystudi, url: https://api.bunnystudio.example, path: ../bunnystudio}
"""
CREDENTIALS = {
    "cc-user": "admin",
    "cc-password": "admin",
    "br-client": "client",
    "br-session": "session",
    "bunny-token": "bunny",
}
REJECTION = """apiVersion: bunnystudio/v1
kind: DeliverableRejection
metadata: {name: c0ffee00-ca44-4d87-9346-ae8318c44774}
spec: {reason: wrong accent}
"""


@dataclass
class Stage:
    """A folder and an emulator; every command that is run there is kept with what it printed."""

    folder: Path
    emulator: Running
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    more: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    """``more`` variables, and the addresses that are shown instead of other emulators'."""

    def environment(self) -> dict[str, str]:
        """The variables that commands run with."""
        return os.environ | {
            "RECONCILER_URL": self.emulator.url,
            "RECONCILER_USER": "admin",
            "RECONCILER_PASSWORD": "admin",
            "RECONCILER_STATE": "sqlite:///state.db",
            "RECONCILER_SECRETS_DIR": "secrets",
            "COLUMNS": "100",
            "PYTHONUTF8": "1",
            **self.more,
        }

    def run(self, line: str) -> None:
        """Run ``reconciler`` with these words, and keep its output."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *shlex.split(line)],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        self.keep(line, done.stdout)

    def keep(self, line: str, output: str) -> None:
        """Keep what a command has printed, with the addresses and the folder that pages show."""
        folder = {str(self.folder.resolve()): SHOWN_FOLDER}
        for real, shown in {self.emulator.url: SHOWN_URL, **folder, **self.shown}.items():
            output = output.replace(real, shown)
        assert "a defect of the reconciler" not in output, f"{line}: {output}"
        self.found[f"reconciler {line}"].append(output)

    def asking(self, url: str, token: str) -> Stage:
        """The same place for commands that ask a daemon there."""
        variables = {"RECONCILER_SERVER": url, "RECONCILER_SERVER_TOKEN": token}
        return replace(self, more={**self.more, **variables}, shown={**self.shown, url: docs_daemon.SHOWN})

    def write(self, name: str, text: str) -> None:
        """Put a file in place."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text, f"{name} holds no {old!r}"
        self.write(name, text.replace(old, new))

    def take_away(self) -> dict[str, str]:
        """Leave out more of the example than a budget allows; the files as they were."""
        names = [f"desired-state/{name}.yaml" for name in ("users", "services", "cores")]
        kept = {name: (self.folder / name).read_text(encoding="utf-8") for name in names}
        for name, text in kept.items():
            self.write(name, text.partition("---\n")[0])
        return kept

    def give_secrets(self) -> None:
        """Make up a value for each secret that the documents name."""
        for path in (self.folder / "desired-state").rglob("*.yaml"):
            for name in re.findall(r"\{secret: ([a-z0-9-]+)\}", path.read_text(encoding="utf-8")):
                self.write(f"secrets/{name}", f"made-up-{name}\n")


def record() -> Recorded:
    """Play all scenes; command line → what it printed, each time."""
    found: dict[str, list[str]] = defaultdict(list)
    scenes: tuple[tuple[str, Callable[[Stage], None]], ...] = (("deployed", _an_old_cluster), ("empty", _a_new_cluster))
    for fixture, scene in scenes:
        with tempfile.TemporaryDirectory(prefix="docs-") as folder, running(fixture=fixture) as emulator:
            scene(Stage(Path(folder), emulator, found))
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        _several_targets(Path(folder), found)
    with tempfile.TemporaryDirectory(prefix="docs-") as folder, running(role_list="404") as emulator:
        _nobody_can_tell(Stage(Path(folder), emulator, found))
    for followed in (docs_daemon.a_saved_file, docs_daemon.orders):
        with tempfile.TemporaryDirectory(prefix="docs-") as folder, running() as emulator:
            stage = Stage(Path(folder), emulator, found)
            shutil.copytree(ROOT / "examples" / "desired-state", stage.folder / "examples" / "desired-state")
            followed(stage)
    return found


def _an_old_cluster(stage: Stage) -> None:
    for line in ("version", "doctor", "export --out clusters/prod", "adopt --all clusters/prod"):
        stage.run(line)
    stage.run("forget Worker worker-2")
    stage.run("adopt Worker worker-2")


def _a_new_cluster(stage: Stage) -> None:
    for place in ("desired-state", "examples/desired-state"):
        shutil.copytree(ROOT / "examples" / "desired-state", stage.folder / place)
    stage.write("bad/users.yaml", WRONG)
    stage.write("import.yaml", IMPORT)
    stage.run("validate bad -o github")
    for line in ("validate examples/desired-state", "validate bad", "apply desired-state --yes"):
        stage.run(line)
    stage.give_secrets()
    for line in ("apply desired-state --yes --poll 0.3", "history", "status", "state backup state-backup.db"):
        stage.run(line)
    stage.run("state restore state-backup.db")
    stage.run("import-workers import.yaml --secrets-dir secrets")
    _held_back(stage)
    _recorded(stage)
    _agreed(stage)
    _drift(stage)
    _lost_answer(stage)


def _held_back(stage: Stage) -> None:
    stage.edit("desired-state/roles.yaml", "SOC analyst", "SOC analysts")
    stage.run("plan desired-state --allow replace")
    stage.edit("desired-state/roles.yaml", "SOC analysts", "SOC analyst")
    stage.edit("desired-state/services.yaml", "redis.internal", "redis-2.internal")
    stage.run("plan desired-state")
    stage.run("plan desired-state --allow redeploy")
    stage.edit("desired-state/services.yaml", "redis-2.internal", "redis.internal")


def _recorded(stage: Stage) -> None:
    stage.run("observe --out live.json")
    stage.edit("desired-state/roles.yaml", "SOC analyst", "SOC analysts")
    stage.run("plan desired-state --offline live.json --allow replace")
    stage.edit("desired-state/roles.yaml", "SOC analysts", "SOC analyst")


def _drift(stage: Stage) -> None:
    stage.emulator.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    stage.run("plan desired-state --detailed-exitcode")
    workers = (stage.folder / "desired-state/workers.yaml").read_text(encoding="utf-8")
    stage.write("desired-state/workers.yaml", workers.rsplit("---\n", 1)[0])
    stage.run("plan desired-state --prune --out plan.json")
    for line in ("suspend --reason maintenance --for 2h --by carol", "resume"):
        stage.run(line)
    stage.run("apply desired-state --prune --plan plan.json")
    stage.run("apply desired-state --prune --plan plan.json")
    stage.write("desired-state/workers.yaml", workers)
    stage.run("apply desired-state --yes")
    stage.write("desired-state/workers.yaml", workers.rsplit("---\n", 1)[0])
    stage.run("plan desired-state")


def _agreed(stage: Stage) -> None:
    kept = stage.take_away()
    for line in ("plan desired-state --prune --out plan.json", "approve plan.json --by carol"):
        stage.run(line)
    for name, text in kept.items():
        stage.write(name, text)


def _nobody_can_tell(stage: Stage) -> None:
    """A write whose answer is lost, of an object that the server doesn't list."""
    stage.write("desired-state/roles.yaml", AUDITOR)
    stage.emulator.fault("createRole", {"drop_reply": True})
    for line in ("apply desired-state --yes", "resolve", "resolve 1 --as not-done"):
        stage.run(line)


def _lost_answer(stage: Stage) -> None:
    stage.write("desired-state/carol.yaml", CAROL)
    stage.run("forget Worker worker-3")
    stage.emulator.fault("createUser", {"drop_reply": True})
    stage.run("apply desired-state --yes")


def _several_targets(folder: Path, found: dict[str, list[str]]) -> None:
    """The example configuration, its addresses those of emulators; then one of its systems without it."""
    config = (ROOT / "examples" / "reconciler.yaml").read_text(encoding="utf-8")
    urls = re.findall(r"url: (\S+)", config)
    with ExitStack() as stack:
        prod = stack.enter_context(running(fixture="deployed"))
        river = stack.enter_context(running(system="brightriver", reason_field="comment"))
        bunny = stack.enter_context(running(system="bunnystudio"))
        real = [prod.url, river.url, bunny.url]
        for url, one in zip(urls, real, strict=True):
            config = config.replace(url, one)
        stage = Stage(folder, prod, found, shown=dict(zip(real, urls, strict=True)))
        shutil.copytree(ROOT / "examples", folder / "examples")
        stage.write("examples/reconciler.yaml", config)
        stage.write("wrong.yaml", WRONG_CONFIG)
        for name, value in CREDENTIALS.items():
            stage.write(f"secrets/{name}", value)
        two = "examples --config examples/reconciler.yaml --target retouching --target studio"
        stage.run("validate examples --config examples/reconciler.yaml")
        stage.run("validate examples --config wrong.yaml")
        stage.run("status --config examples/reconciler.yaml")
        stage.run("state init --config examples/reconciler.yaml --target studio")
        stage.run(f"plan {two}")
        stage.run(f"apply {two} --yes")
        stage.run(f"plan {two} --detailed-exitcode")
        _a_small_system(folder, bunny, found)


def _a_small_system(folder: Path, bunny: Running, found: dict[str, list[str]]) -> None:
    variables = {"RECONCILER_SYSTEM": "bunnystudio", "RECONCILER_TOKEN": "bunny", "RECONCILER_STATE": "sqlite:///b.db"}
    stage = Stage(folder, bunny, found, more=variables)
    stage.write("rejections/one.yaml", REJECTION)
    stage.run("plan rejections")
    bunny.fault("rejectDeliverable", {"drop_reply": True})
    stage.run("apply rejections --yes")
    stage.run("apply rejections --yes")


# --- comparing


def plain(output: str) -> str:
    """An output without what differs from one run to the next."""
    for pattern, word in VARYING:
        output = pattern.sub(word, output)
    return output.strip()


def shown(text: str) -> Iterator[tuple[str, str]]:
    """(command line, output) of each recorded kind of command that a page shows with its output."""
    for block in CONSOLE.findall(text):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = entry.partition("\n")
            if line.startswith("reconciler ") and output.strip() and not line.startswith(NEVER_RECORDED):
                yield line, output


def outdated(text: str, recorded: Recorded) -> list[tuple[str, str, str | None]]:
    """What a page shows and no run printed: command line, what is shown, the run that is most like it."""
    found = []
    for line, output in shown(text):
        runs = recorded.get(line, [])
        if plain(output) not in map(plain, runs):
            found.append((line, output, _most_like(output, runs)))
    return found


def renewed(text: str, recorded: Recorded) -> str:
    """A page with what the commands print now, where that differs from what it shows."""
    for line, old, new in outdated(text, recorded):
        if new is not None:
            gap = old[len(old.rstrip("\n")) :]
            text = text.replace(f"$ {line}\n{old}", f"$ {line}\n{new.rstrip()}{gap}")
    return text


def pages() -> list[Path]:
    """The files that show commands and are written by hand, without those that are played."""
    written = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/schema").glob("*.md")]
    return sorted([*(page for page in written if page not in PLAYED), *(ROOT / "docs/_source").rglob("*.md")])


def renew() -> None:
    """Put what the commands print now into the pages."""
    recorded = record()
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if (fresh := renewed(text, recorded)) != text:
            path.write_text(fresh, encoding="utf-8")


def _most_like(output: str, runs: list[str]) -> str | None:
    return max(runs, key=lambda run: difflib.SequenceMatcher(None, output, run).ratio(), default=None)
