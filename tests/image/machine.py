"""What an image build needs of this machine: where packages come from, and whom it trusts.

It is shown to the build read-only, under ``/mnt`` or where Debian keeps it, and so never becomes a part of the image.
"""

from __future__ import annotations

import ast
import os
import platform
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ENVIRONMENT = dict(os.environ)  # as it is while tests are collected: a fixture of the session takes proxies away
PIP_OPTIONS = frozenset(
    "default-timeout extra-index-url find-links index-url no-index proxy retries timeout trusted-host".split()
)
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
KEYRINGS = ("/etc/apt/keyrings", "/usr/share/keyrings")
ENOUGH = 2 << 30
"""Bytes: several times what the base image takes."""
APT_OPTION = re.compile(r"Acquire::(?:https?|ftp|Check-|ForceIPv|Retries)")


def roomy(otherwise: Path) -> str:
    """Where many small files are written soonest: in memory if there is enough, else in the folder given."""
    memory = Path("/dev/shm")  # noqa: S108 - it is cleared by whom it is given to
    return str(memory if memory.is_dir() and shutil.disk_usage(memory).free > ENOUGH else otherwise)


def suite() -> str:
    """The name of this machine's Debian."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def apt_sources() -> list[str]:
    """The files that say where this machine's packages come from."""
    folder = Path("/etc/apt")
    found = [folder / "sources.list", *folder.glob("sources.list.d/*.list"), *folder.glob("sources.list.d/*.sources")]
    return [str(path) for path in sorted(found) if path.is_file()]


def apt_options() -> str:
    """How this machine's apt fetches: proxies, certificates, what it checks."""
    said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return "".join(f"{line}\n" for line in said.splitlines() if APT_OPTION.match(line) and not line.endswith(' "";'))


def pip_settings() -> dict[str, str]:
    """Where this machine's pip finds packages; what the environment says goes before files."""
    me = {"HOME": pwd.getpwuid(os.getuid()).pw_dir}
    command = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(command, env=ENVIRONMENT | me, capture_output=True, text=True, check=True).stdout
    places: dict[str, dict[str, str]] = {}
    for line in said.splitlines():
        name, _, value = line.partition("=")
        place, _, option = name.rpartition(".")
        places.setdefault(place, {})[option] = ast.literal_eval(value)
    found = places.get("global", {}) | places.get("install", {}) | places.get(":env:", {})
    return {option: value for option, value in found.items() if option in PIP_OPTIONS}


def shown(settings: Mapping[str, str]) -> tuple[str, dict[Path, str]]:
    """A pip.conf for the build, and the local folders that it names: where they are, and where the build sees them."""
    folders: dict[Path, str] = {}

    def there(word: str) -> str:
        path = Path(word.removeprefix("file://"))
        if not path.is_absolute() or not path.exists():
            return word
        root = path.parent if word.startswith("file://") else path  # pages of an index lead to files beside it
        place = folders.setdefault(root, f"/mnt/{len(folders)}")
        inside = path.relative_to(root).as_posix()
        return word.replace(str(path), f"{place}/{inside}" if inside != "." else place)

    lines = [f"{option} = {' '.join(map(there, value.split()))}\n" for option, value in sorted(settings.items())]
    return f"[global]\ncert = {AUTHORITIES}\n{''.join(lines)}", folders


def volumes(folder: Path) -> Iterator[str]:
    """``--volume`` for each thing that the build is shown; the configuration is written to ``folder``."""
    text, folders = shown(pip_settings())
    file = folder / "pip.conf"
    file.touch(mode=0o600)  # an index's address may hold a password
    file.write_text(text)
    authorities = Path(ENVIRONMENT.get("SSL_CERT_FILE", AUTHORITIES)).resolve()
    mounts = {file: "/etc/pip.conf", authorities: AUTHORITIES, **folders}
    mounts |= {Path(place): place for place in KEYRINGS if Path(place).is_dir()}
    return (f"--volume={source}:{place}:ro" for source, place in mounts.items())
