"""buildah and podman on a storage of their own, and what they make: a base image, ours on top, its files, its runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.image import machine

ROOT = Path(__file__).parent.parent.parent
BASE = "docker.io/library/python:3.11-slim"
NAME = "localhost/reconciler:tested"
LIMIT = 600
"""Seconds that one command may take, also on a machine under load."""
SEARCHED = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# Inside a container or a small machine, the defaults (crun, systemd, limits above one's own) may not be had.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
"""
# What the chart's pod may do, and no more.
HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--network=host",
    "--pull=never",
)

# The base is Debian's Python in the shape of the official image: pip under /usr/local, no manual pages, no bytecode.
PACKAGES = "ca-certificates,netbase,python3,python3-pip-whl,python3-setuptools-whl,usr-is-merged"
WITHOUT = "".join(f"path-exclude=/usr/share/{name}/*\n" for name in ("doc", "info", "locale", "man"))
NO_USRMERGE = (
    r"""printf 'Package: usrmerge\nPin: release *\nPin-Priority: -1\n' >"$1/etc/apt/preferences.d/usrmerge" """
)
SHAPE = r"""
rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED "$1/etc/apt/preferences.d/usrmerge"
: >"$1/etc/pip.conf"
ln -s /usr/bin/python3 "$1/usr/local/bin/python"
chroot "$1" sh -ec 'cd /usr/share/python-wheels
    PYTHONPATH=$(echo pip-*.whl) python3 -m pip --quiet install --root-user-action ignore --no-index --find-links . \
        pip setuptools'
rm -r "$1/usr/share/python-wheels"
find "$1/usr" -name '*.pyc' -delete
"""


class Failed(AssertionError):
    """A command ended badly; with the end of what it said."""


def told(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """What a command says on standard output."""
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, errors="replace", timeout=LIMIT, check=False
    )
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout


@dataclass
class Engine:
    """Everything that it keeps lies under ``folder``."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "containers.conf").write_text(CONFIGURATION)

    @cached_property
    def env(self) -> dict[str, str]:
        """The engines' environment: the machine's, with configuration of our own only."""
        own = {"CONTAINERS_CONF": "containers.conf", "HOME": "", "TMPDIR": "", "XDG_CONFIG_HOME": ""}
        return machine.ENVIRONMENT | {name: str(self.folder / path) for name, path in own.items()}

    def command(self, name: str, *words: str | Path) -> list[str]:
        """A command line of ``podman`` or ``buildah``."""
        places = [f"--root={self.folder / 'storage'}", f"--runroot={self.folder / 'running'}"]
        places += [f"--tmpdir={self.folder / 'podman'}"] if name == "podman" else []
        return [name, *places, *map(str, words)]

    def podman(self, *words: str | Path) -> str:
        """What podman says."""
        return told(*self.command("podman", *words), env=self.env)

    def base(self) -> None:
        """Make the image that the Dockerfile starts from, under the name that it asks for."""
        options, excluded, tar = (self.folder / name for name in ("apt.conf", "dpkg.conf", "base.tar"))
        options.write_text(machine.apt_options() + 'Acquire::Languages "none";\n')
        excluded.write_text(WITHOUT + "force-unsafe-io\n")
        how = [f"--aptopt={options}", f"--dpkgopt={excluded}", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
        how += [f"--include={PACKAGES}", f"--setup-hook={NO_USRMERGE}", f"--customize-hook={SHAPE}"]
        env = self.env | {"TMPDIR": machine.roomy(self.folder)}
        told("mmdebstrap", "--variant=minbase", *how, machine.suite(), tar, *machine.apt_sources(), env=env)
        change = (f"--change=ENV PATH={SEARCHED}", '--change=CMD ["python3"]')
        self.podman("import", "--quiet", *change, tar, BASE)

    @cached_property
    def base_files(self) -> frozenset[str]:
        """Every path of the base image, without a leading slash."""
        with tarfile.open(self.folder / "base.tar") as tar:
            return frozenset(name.removeprefix("./") for name in tar.getnames())

    @property
    def base_size(self) -> int:
        """Bytes of the base image."""
        return int(self.podman("image", "inspect", "--format={{.Size}}", BASE))

    def build(self, *options: str) -> Image:
        """What the Dockerfile makes of the base."""
        how = ["--isolation=chroot", "--network=host", "--pull-never", "--jobs=2", f"--tag={NAME}"]
        shown = machine.volumes(self.folder)
        told(*self.command("buildah", "bud", *how, *shown, *options, ROOT), env=self.env)
        return Image(self)

    def clear(self) -> None:
        """Leave nothing behind: no container, no mount, no file."""
        remove = self.command("podman", "rm", "--all", "--force", "--time=1")
        subprocess.run(remove, env=self.env, capture_output=True, timeout=LIMIT, check=False)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for place in sorted((place for place in mounts if Path(place).is_relative_to(self.folder)), reverse=True):
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(self.folder)


@dataclass
class Image:
    """The image, once it is built."""

    engine: Engine

    def command(self, *args: str, options: tuple[str, ...] = ()) -> list[str]:
        """The command line of a container that may do as little as the chart's."""
        return self.engine.command("podman", "run", "--rm", *HARDENED, *options, NAME, *args)

    def run(self, *args: str, options: tuple[str, ...] = ("--tmpfs=/tmp",)) -> str:
        """What a container says, which ends well."""
        return told(*self.command(*args, options=options), env=self.engine.env)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the image says of itself."""
        (found,) = json.loads(self.engine.podman("image", "inspect", NAME))
        return dict(found)

    @cached_property
    def files(self) -> dict[str, tarfile.TarInfo]:
        """Every file, by its path without a leading slash."""
        container = self.engine.podman("create", "--pull=never", NAME).strip()
        self.engine.podman("export", "--output", self._exported, container)
        with tarfile.open(self._exported) as tar:
            return {one.name: one for one in tar}

    def start_of(self, path: str, count: int) -> bytes:
        """The first bytes of a file."""
        with self._exported.open("rb") as file:
            file.seek(self.files[path].offset_data)
            return file.read(count)

    @property
    def _exported(self) -> Path:
        return self.engine.folder / "files.tar"
