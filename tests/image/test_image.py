"""The image, built from the Dockerfile and run for real: what is in it, and what it does when it may do little.

One test, so that one worker builds, once; each check is a subtest. The base image is made of this machine's Debian
packages in the shape of the official one; the Dockerfile's own `apt-get` and `pip` then ask whom this machine asks.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.emulator.server import threaded
from tests.e2e.daemon.kit import eventually
from tests.e2e.kit import API_KEY, EXAMPLE, Center, setup
from tests.emulator.center import Switch
from tests.helm.chart import daemon, pods
from tests.helm.test_in_a_pod import CLEANUP, SECRETS, answers, rendered, running
from tests.image import machine
from tests.image.contained import UID, Contained, signed_repository
from tests.image.engine import ROOT, Engine, Failed, Image

TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
REVISION = "0123456789abcdef0123456789abcdef01234567"
VENV = "opt/reconciler"
DEBIAN = ("etc/", "run/", "usr/", "var/")  # where packages, the user and Python's bytecode go
SAMPLE = "usr/lib/python3.11/json/decoder"
LARGEST = 210_000_000
"""Bytes on top of the base image: half of them git and what it needs, half Python's packages with bytecode."""
UNCHECKED = 0b01
"""A flag of bytecode: it isn't compared with its source."""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"the image can't be built: Debian's {', '.join(missing)} not installed")
    if os.geteuid() != 0:
        pytest.skip("the image can't be built: buildah's chroots and mmdebstrap need root")
    faulthandler.cancel_dump_traceback_later()  # what watches for tests that hang: commands have limits here
    engine = Engine(Path(tempfile.mkdtemp(prefix="image-")))  # pytest's folders have longer names than podman takes
    try:
        try:
            engine.base()
        except Failed as why:  # nothing of ours has a part in it
            pytest.skip(f"the image can't be built, as this machine makes no base for it: {why}")
        yield engine.build(f"--build-arg=REVISION={REVISION}")
    finally:
        engine.clear()


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    switch = Switch()
    with threaded(switch) as url:
        yield Center(url, switch, setup(tmp_path / "spool"))


def says_what_it_is(image: Image) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in image.about["Labels"].items()}
    assert (labels["title"], labels["version"]) == (project["name"], project["version"])
    assert (labels["description"], labels["revision"]) == (project["description"], REVISION)
    assert labels["base.name"] == "docker.io/library/python:3.11-slim"
    assert image.run("version").split() == [project["name"], project["version"]]


def starts_the_command_line(image: Image) -> None:
    config = image.about["Config"]
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["reconciler"], ["--help"], f"{UID}:{UID}")
    assert image.run().startswith("Usage: reconciler [OPTIONS] COMMAND")
    assert "Volumes" not in config, "an anonymous volume would hide that the state goes with its container"


def runs_as_nobody_special(image: Image) -> None:
    look = "id -u; id -g; id -un; cd; pwd; touch /here 2>&1; grep -E '^(Cap(Prm|Bnd)|NoNewPrivs)' /proc/self/status"
    said = image.run("-c", look, options=("--tmpfs=/tmp", "--entrypoint=sh")).splitlines()
    assert said[:4] == [str(UID), str(UID), "reconciler", "/tmp"]  # noqa: S108 - its home
    assert said[4].endswith("Read-only file system")
    assert [line.split()[1].strip("0") for line in said[5:]] == ["", "", "1"]


def holds_only_what_it_needs(image: Image) -> None:
    added = {name for name, one in image.files.items() if not one.isdir()} - image.engine.base_files
    packages = f"{VENV}/lib/python3.11/site-packages"
    assert {name for name in added if not name.startswith((f"{VENV}/", *DEBIAN))} == set()
    for place, origin in (
        (f"{packages}/reconciler", ROOT / "reconciler"),
        (f"{VENV}/share/reconciler/examples/desired-state", EXAMPLE),
    ):
        kept = {name.removeprefix(f"{place}/") for name in added if name.startswith(f"{place}/")}
        assert {name for name in kept if "__pycache__" not in name} == sources(origin)
    programs = {
        Path(name).name for name in image.files if name.startswith(("usr/bin/", "usr/local/bin/", f"{VENV}/bin/"))
    }
    assert programs >= {"git", "ssh", "ssh-keygen", "python", "reconciler"}
    assert programs.isdisjoint({"pip", "pip3", "cc", "gcc", "make"})
    assert not any(name.startswith((f"{packages}/pip", f"{packages}/setuptools")) for name in image.files)


def sources(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name}


def is_small(image: Image) -> None:
    assert image.about["Size"] - image.engine.base_size < LARGEST


def is_changed_by_nobody(image: Image) -> None:
    files = [one for one in image.files.values() if not one.issym() and not one.isdev()]
    assert [one.name for one in files if one.mode & (stat.S_ISUID | stat.S_ISGID) and one.isfile()] == []
    assert [one.name for one in files if UID in (one.uid, one.gid)] == ["var/lib/reconciler"]
    open_to_all = {one.name for one in files if one.mode & stat.S_IWOTH}
    assert open_to_all <= {"tmp", "var/tmp", "run/lock"}


def compiles_nothing_at_a_start(image: Image) -> None:
    modules = [name for name in image.files if name.startswith(f"{VENV}/lib/") and name.endswith(".py")]
    assert len(modules) > 1000
    for path in [*modules, f"{SAMPLE}.py"]:
        folder, _, name = path.rpartition("/")
        compiled = f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"
        assert image.start_of(compiled, 8)[4] == UNCHECKED, compiled


def keeps_nothing_of_the_machine(image: Image) -> None:
    """Addresses may hold passwords."""
    said = image.engine.podman("history", "--no-trunc", "--format=json", image.about["Id"]) + str(image.about)
    words = {word for value in machine.pip_settings().values() for word in value.split() if "/" in word}
    assert [word for word in words if word in said] == []
    assert image.files["etc/pip.conf"].size == 0


def shows_the_demo(image: Image) -> None:
    said = image.run("demo")
    assert "# It is told to stop (SIGTERM): what is under way is finished." in said
    assert "Now with your own: set RECONCILER_URL" in said


def remembers_on_a_volume(image: Image, center: Center, tmp_path: Path) -> None:
    """Without one, a plan can be had, and nothing is applied that would be forgotten."""
    (tmp_path / "cleanup.yaml").write_text(CLEANUP.format(days=30))
    desired = (f"--volume={tmp_path / 'cleanup.yaml'}:/srv/cleanup.yaml:ro", "--tmpfs=/tmp")
    target = (f"--env=RECONCILER_URL={center.url}", f"--env=RECONCILER_APIKEY={API_KEY}")
    assert "1 to update" in image.run("plan", "/srv", options=(*desired, *target))
    volume = "--volume=state:/var/lib/reconciler"
    assert center.writes() == []
    image.run("apply", "/srv", "--yes", options=(*desired, *target, volume))
    assert center.writes() == ["putScanhistoryCleanup"]
    assert "retention" in image.run("state", "list", options=(*target, volume, "--tmpfs=/tmp"))


def runs_the_charts_daemon(image: Image, center: Center, tmp_path: Path) -> None:
    """With git, a signature to be checked by ssh-keygen, and nothing but its volumes to write to."""
    signers = signed_repository(tmp_path, {"cleanup.yaml": CLEANUP.format(days=60)})
    last = center.last()
    git = {"url": "/srv/repo.git", "verify_signatures": "signers"}
    manifests = rendered(tmp_path, {"files": {"signers": signers}, "source": {"git": git, "documents": None}})
    maps = {one["metadata"]["name"]: one["data"] for one in manifests if one["kind"] == "ConfigMap"}
    words = {"http://control-center:8892": center.url, "0.0.0.0:8080": "127.0.0.1:0"}
    more = [f"--volume={tmp_path / 'repo.git'}:/srv/repo.git:ro"]
    pod = Contained(tmp_path / "pod", dict(pods(manifests))["Deployment"], SECRETS, maps, words, image, more)
    pod.root.mkdir()
    pod.lay_out()
    with running(pod) as url:
        eventually(lambda: answers(url, daemon(manifests)["readinessProbe"]["httpGet"]["path"]))
    assert center.writes(last) == ["putScanhistoryCleanup"]
    assert (pod.place("state") / "state.db").stat().st_uid == UID


ALONE: tuple[Callable[[Image], None], ...] = (
    says_what_it_is,
    starts_the_command_line,
    runs_as_nobody_special,
    holds_only_what_it_needs,
    is_small,
    is_changed_by_nobody,
    compiles_nothing_at_a_start,
    keeps_nothing_of_the_machine,
    shows_the_demo,
)


@pytest.mark.ci
def test_the_image(image: Image, center: Center, tmp_path: Path, subtests: pytest.Subtests) -> None:
    for check in ALONE:
        with subtests.test(check.__name__):
            check(image)
    for number, one in enumerate((remembers_on_a_volume, runs_the_charts_daemon)):
        with subtests.test(one.__name__):
            folder = tmp_path / str(number)
            folder.mkdir()
            one(image, center, folder)
