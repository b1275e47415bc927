"""A converged stage: a Control Center, a tree, its secrets and a state that all know the same objects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shutil import rmtree

from benchmarks.center import center
from benchmarks.objects import PER_FILE, Mix, write_secrets, write_tree
from benchmarks.processes import ROOT
from benchmarks.timed import PYTHON, Job
from benchmarks.worlds import PASSWORD, USER
from reconciler.emulator.running import Control

USERS = ("/admin/user", "/admin/role", "/admin/userdirectory")
WORKERS = ("/admin/worker",)


@dataclass(frozen=True)
class Stage:
    """Where everything is."""

    folder: Path
    mix: Mix
    control: Control

    @property
    def paths(self) -> tuple[str, ...]:
        """What has to be read for these kinds, and no more."""
        return (*(USERS if self.mix.users else ()), *(WORKERS if self.mix.workers else ()))

    @property
    def env(self) -> dict[str, str]:
        """What the command line is told by variables."""
        return {
            "RECONCILER_URL": self.control.url,
            "RECONCILER_USER": USER,
            "RECONCILER_PASSWORD": PASSWORD,
            "RECONCILER_SECRETS_DIR": str(self.folder / "secrets"),
            "RECONCILER_STATE": f"sqlite:///{self.folder / 'state.db'}",
            "RECONCILER_CACHE": "off",
        }

    @property
    def cache(self) -> Path:
        """Where ``keeping`` has what it keeps."""
        return self.folder / "cache"

    def ours(self, *arguments: str) -> Job:
        """Our command line."""
        return Job([PYTHON, "-m", "reconciler", *arguments], self.folder, self.env)

    def keeping(self, *arguments: str, anew: bool = False) -> Job:
        """The same, with what an earlier one has parsed; ``anew``: without that, and keeping it for the next."""
        env = {**self.env, "RECONCILER_CACHE": "", "XDG_CACHE_HOME": str(self.cache)}
        prepare = partial(rmtree, self.cache, ignore_errors=True) if anew else lambda: None
        return replace(self.ours(*arguments), env=env, prepare=prepare)

    def floor(self) -> Job:
        """The floor of a plan."""
        script = str(ROOT / "benchmarks" / "floor.py")
        return Job([PYTHON, script, "tree", self.control.url, USER, PASSWORD, *self.paths], self.folder)


@contextmanager
def staged(folder: Path, mix: Mix, *, per_file: int = PER_FILE, empty: bool = False) -> Iterator[Stage]:
    """Everything set up, in a folder of its own; ``empty``: but for the Control Center and the state."""
    folder.mkdir(parents=True)
    write_tree(folder / "tree", mix, per_file)
    write_secrets(folder / "secrets")
    with center(Mix() if empty else mix) as control:
        if empty:
            yield Stage(folder, mix, control)
            return
        command = [sys.executable, "-m", "benchmarks.stocked", f"sqlite:///{folder / 'state.db'}", control.url]
        subprocess.run([*command, str(mix.users), str(mix.workers)], check=True, cwd=ROOT)
        control.clear()
        yield Stage(folder, mix, control)
