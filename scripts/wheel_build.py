"""Builds the wheel so that one tree gives the same bytes, wherever, whenever and by whomever it is built.

What a wheel takes over from its surroundings is fixed: the files (those that git keeps, from a clean copy), their dates
and modes, the locale, the time zone and the settings of the user.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("pyproject.toml", "README.md", "reconciler", "examples/desired-state")
"""What the wheel is made of."""

FIXED = 1_577_836_800
"""The date of all files where nothing tells another one: the first second of 2020, in UTC."""

BACKEND = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def build(out: Path) -> Path:
    """The wheel of this tree, put into a folder. Raises CalledProcessError when setuptools fails."""
    with tempfile.TemporaryDirectory(prefix="reconciler-wheel-") as folder:
        tree, made, home = (Path(folder, name) for name in ("tree", "made", "home"))
        for one in (tree, made, home):
            one.mkdir()
        copy(tree)
        command = [sys.executable, "-I", "-c", BACKEND, str(made)]
        done = subprocess.run(
            command, cwd=tree, env=_surroundings(home), umask=0o022, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()
        (wheel,) = made.iterdir()
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(wheel, out / wheel.name))


def copy(tree: Path) -> None:
    """Copy what the wheel is made of: contents only, with the modes that git would give."""
    for name in _files():
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o644)


def epoch() -> int:
    """The date of all files, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    return int(_git("log", "-1", "--format=%ct")) if _is_repository() else FIXED


def _files() -> list[str]:
    """Sorted paths below the root: what git keeps of the parts, or without git all but bytecode."""
    if _is_repository():
        names = _git("ls-files", "-z", "--", *PARTS).split("\0")
        return sorted(name for name in names if name and (ROOT / name).is_file())
    below = (path for part in PARTS for path in ((ROOT / part).rglob("*") if (ROOT / part).is_dir() else [ROOT / part]))
    return sorted(
        path.relative_to(ROOT).as_posix() for path in below if path.is_file() and "__pycache__" not in path.parts
    )


def _is_repository() -> bool:
    """Whether this very tree is a repository with a commit, and not only a folder inside of another one."""
    if shutil.which("git") is None:
        return False
    command = ["git", "-C", str(ROOT), "rev-parse", "--show-toplevel", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and Path(done.stdout.splitlines()[0]).resolve() == ROOT


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _surroundings(home: Path) -> dict[str, str]:
    """The whole environment of the build; a home of its own keeps the user's settings of setuptools away."""
    fixed = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(epoch()), "HOME": str(home)}
    return fixed | {"PATH": os.environ.get("PATH", os.defpath)}


def main(arguments: list[str]) -> int:
    """Build, and say what came of it. The exit code."""
    parser = argparse.ArgumentParser(prog="scripts/wheel", description="Builds the wheel, reproducibly.")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "dist", metavar="DIR", help="where to (dist/)")
    out = parser.parse_args(arguments).out
    try:
        wheel = build(out)
    except subprocess.CalledProcessError as error:
        print(f"scripts/wheel: {error.cmd[0]} failed with {error.returncode}", file=sys.stderr)
        return 1
    print(f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
