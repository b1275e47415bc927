"""The wheel: the same bytes wherever it is built, everything that the program needs, and nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from reconciler import __version__
from scripts.wheel_build import FIXED, PARTS, ROOT

pytestmark = pytest.mark.ci
COMMITTED = 1_700_000_000  # 2023-11-14T22:13:20Z
NAME = f"reconciler-{__version__}-py3-none-any.whl"


def kept(*parts: str) -> list[str]:
    """The files that git keeps, or would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *parts]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def copied(folder: Path, *, mtime: int) -> Path:
    """A copy of what the wheel and its script are made of."""
    for name in kept(*PARTS, "scripts"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        os.utime(target, (mtime, mtime))
    return folder


def commit(folder: Path) -> None:
    """Make it a repository whose commit has a date."""
    date = {"GIT_AUTHOR_DATE": f"{COMMITTED} +0000", "GIT_COMMITTER_DATE": f"{COMMITTED} +0000"}
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *words], cwd=folder, env=os.environ | date, check=True)


def build(folder: Path, out: Path, *, umask: int = 0o022, **environ: str) -> tuple[str, Path]:
    """What the script prints, the SHA-256, checked; and the wheel."""
    command = [sys.executable, "-m", "scripts.wheel_build", "--out", str(out)]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environ, umask=umask, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    digest, path = done.stdout.split()
    assert Path(path) == out / NAME
    assert digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return digest, Path(path)


def dates(wheel: Path) -> set[tuple[int, ...]]:
    with zipfile.ZipFile(wheel) as archive:
        return {info.date_time for info in archive.infolist()}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("a"), mtime=1_600_000_000)
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(repository, tmp_path_factory.mktemp("out"))[1]


def test_two_builds_give_the_same_bytes(wheel: Path, tmp_path: Path, home: Path) -> None:
    """Another path, umask, time, zone, locale and user; no git; and what earlier builds leave lying about."""
    other = copied(tmp_path / "some where" / "else", mtime=1_650_000_001)
    for stale in (
        "build/lib/reconciler/stale.py",
        "reconciler/__pycache__/stale.pyc",
        "reconciler.egg-info/SOURCES.txt",
    ):
        (other / stale).parent.mkdir(parents=True, exist_ok=True)
        (other / stale).write_text("reconciler/stale.py\n")
    (home / ".pydistutils.cfg").write_text("[bdist_wheel]\nbuild_number = 7\n")
    surroundings = {"SOURCE_DATE_EPOCH": str(COMMITTED), "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    again, path = build(other, tmp_path / "out", umask=0o077, **surroundings)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(path) as second:
        for one, two in zip(first.infolist(), second.infolist(), strict=True):
            assert (one.filename, one.CRC, one.external_attr, one.date_time) == (
                two.filename,
                two.CRC,
                two.external_attr,
                two.date_time,
            )
    assert again == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_it_is_dated_by_the_last_commit(wheel: Path) -> None:
    assert dates(wheel) == {(2023, 11, 14, 22, 13, 20)}


def test_without_git_and_a_date_it_is_dated_by_a_fixed_day(tmp_path: Path) -> None:
    """Also inside of another repository, which says nothing of this tree."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    _, path = build(copied(tmp_path / "vendored", mtime=1_650_000_001), tmp_path / "out", SOURCE_DATE_EPOCH="")
    assert FIXED == 1_577_836_800
    assert dates(path) == {(2020, 1, 1, 0, 0, 0)}


def test_what_git_does_not_know_is_left_out(repository: Path, wheel: Path, tmp_path: Path) -> None:
    for stray in (repository / "reconciler/stray.py", repository / "reconciler/web/static/stray.js"):
        stray.write_text("1\n")
    assert build(repository, tmp_path)[1].read_bytes() == wheel.read_bytes()


def test_it_holds_the_package_with_its_data_and_the_example_and_nothing_else(wheel: Path) -> None:
    stem = f"reconciler-{__version__}"
    share = f"{stem}.data/data/share/reconciler/"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.startswith(f"{stem}.dist-info/")}
    assert names == {*kept("reconciler"), *(share + name for name in kept("examples/desired-state"))}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; what the wheel needs comes from the tests' own environment."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def say(installed: Path, *words: str) -> str:
    """What a command of the environment prints, called from elsewhere."""
    done = subprocess.run(
        [installed / "bin" / words[0], *words[1:]], cwd=installed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_works_from_the_wheel(installed: Path) -> None:
    origin = "import reconciler; print(reconciler.__file__)"
    assert Path(say(installed, "python", "-c", origin).strip()).is_relative_to(installed)
    assert say(installed, "reconciler", "version") == f"reconciler {__version__}\n"
    assert '"$defs"' in say(installed, "reconciler", "schema")


def test_what_the_demo_shows_is_installed(installed: Path) -> None:
    example = installed / "share/reconciler/examples/desired-state"
    places = "from reconciler.cli import demo; print(next(str(place) for place in demo.PLACES if place.is_dir()))"
    assert Path(say(installed, "python", "-c", places).strip()) == example
    names = kept("examples/desired-state")
    assert names
    for name in names:
        assert (installed / "share/reconciler" / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.long
def test_the_demo_runs_from_the_wheel(installed: Path) -> None:
    assert "redis-2.internal" in say(installed, "reconciler", "demo")
