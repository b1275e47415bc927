"""``reconciler demo``: the main job, shown for real: this very command line against an emulator in another process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import click
import yaml

from reconciler.cli.demo_daemon import following
from reconciler.emulator.running import Running, running
from reconciler.errors import InputError

PACKAGE = Path(__file__).resolve().parent.parent
PLACES = (PACKAGE.parent / "examples" / "desired-state", Path(sys.prefix) / "share/reconciler/examples/desired-state")


@click.command("demo")
@click.option("--path", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another desired state.")
def command(path: Path | None) -> int:
    """Plan, apply, find drift, mend it, meet a rule, and let the daemon follow, on the embedded Control Center."""
    source = path or next((place for place in PLACES if place.is_dir()), None)
    if source is None:
        raise InputError("the example isn't here", remedy="give --path DIR with a desired state")
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder, running() as emulator:
        show = Show(Path(folder), emulator.url)
        shutil.copytree(source, show.tree)
        show.secrets_for()
        _acts(show, emulator)
    return show.conclude()


def _acts(show: Show, emulator: Running) -> None:
    show.title("Is the tree sound? Nothing is sent for this.")
    show.run("validate", "desired-state")
    show.title("What would be done to this empty Control Center?")
    show.run("plan", "desired-state")
    show.title("Do it, in the order that the product accepts.")
    show.run("apply", "desired-state", "--yes", "--poll", "0.3")
    show.title("Once more: there is nothing left to do.")
    show.run("plan", "desired-state", "--detailed-exitcode")
    show.title("Somebody changes things by hand: the cookie's attribute, and a worker that is taken away.")
    emulator.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    emulator.edit("workers", {"display_name": "worker-3"}, delete=True)
    show.run("plan", "desired-state", "--detailed-exitcode", expect=2)
    show.title("The drift is put right.")
    show.run("apply", "desired-state", "--yes", "--poll", "0.3")
    show.title("A change that the product refuses while instances are deployed: it is held back, with the rule's name.")
    show.edit("services.yaml", "redis.internal", "redis-2.internal")
    show.run("plan", "desired-state", expect=3)
    show.title("That is taken back, and from now on the daemon follows the directory: what is saved is applied.")
    show.edit("services.yaml", "redis-2.internal", "redis.internal")
    _follow(show, emulator)


def _follow(show: Show, emulator: Running) -> None:
    args = ("desired-state", "--interval", "1s", "--listen", "127.0.0.1:0")
    click.echo(click.style(f"$ reconciler run {' '.join(args)}", fg="cyan"))
    with following(show.folder, args, show.environment(), show.wrong) as daemon:
        daemon.says("a tree is in force")
        show.edit("settings.yaml", "Strict", "Lax")
        daemon.says("pass ", "verdict=converged")
        show.title("Somebody changes the attribute by hand: that doesn't last.")
        emulator.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
        daemon.says("pass ", "verdict=converged")
        show.title("It is told to stop (SIGTERM): what is under way is finished.")


@dataclass
class Show:
    """Runs commands as a user would, prints them, and remembers whether each ended as it should."""

    folder: Path
    url: str
    wrong: list[str] = field(default_factory=list)

    @property
    def tree(self) -> Path:
        return self.folder / "desired-state"

    def secrets_for(self) -> None:
        """Make up a value for each secret that the documents name."""
        (self.folder / "secrets").mkdir(mode=0o700)
        for file in sorted(self.tree.rglob("*.yaml")):
            for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
                for name in _names(document):
                    (self.folder / "secrets" / name).write_text(f"made-up-for-the-demo-{name}", encoding="utf-8")

    def title(self, text: str) -> None:
        """A line of the narrator's."""
        click.echo(click.style(f"\n# {text}", bold=True))

    def run(self, *args: str, expect: int = 0) -> None:
        """Run the command line in a process of its own."""
        click.echo(click.style(f"$ reconciler {' '.join(args)}", fg="cyan"))
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *args], cwd=self.folder, env=self.environment(), check=False
        )
        if done.returncode != expect:
            self.wrong.append(f"{' '.join(args)} ended with {done.returncode}, not {expect}")

    def environment(self) -> dict[str, str]:
        """The variables that everything runs with: none of the user's own settings, so that no real target is meant."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
        return others | {
            "RECONCILER_URL": self.url,
            "RECONCILER_USER": "admin",
            "RECONCILER_PASSWORD": "admin",
            "RECONCILER_STATE": f"sqlite:///{self.folder}/state.db",
            "RECONCILER_SECRETS_DIR": str(self.folder / "secrets"),
        }

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the desired state, as a commit would."""
        place = self.tree / file
        text = place.read_text(encoding="utf-8")
        if old in text:
            place.write_text(text.replace(old, new), encoding="utf-8")
        click.echo(f"{file}: {old} -> {new}")

    def conclude(self) -> int:
        """The demo's own exit code: 0 when each command ended as it should."""
        for line in self.wrong:
            click.echo(click.style(f"demo: {line}", fg="red"), err=True)
        if not self.wrong:
            click.echo(
                click.style("\nNow with your own: set RECONCILER_URL, and begin with `reconciler export`.", bold=True)
            )
        return 1 if self.wrong else 0


def _names(value: object) -> list[str]:
    if isinstance(value, dict):
        if set(value) == {"secret"}:
            return [str(value["secret"])]
        return [name for part in value.values() for name in _names(part)]
    return [name for part in value for name in _names(part)] if isinstance(value, list) else []
