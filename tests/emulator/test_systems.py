"""Any system from the command line; and that what serves all of them names none."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from reconciler.emulator import cli
from reconciler.emulator.base import Start
from reconciler.emulator.bunnystudio.options import Options
from reconciler.emulator.registry import DEFAULT, SYSTEMS
from reconciler.emulator.running import Running, running

EMULATOR = Path(cli.__file__).parent
SHARED = sorted(path for path in EMULATOR.glob("*.py") if path.name != "registry.py")
RIVER = {"X-Client-Token": "c", "X-Session-Token": "s", "Accept": "application/json"}
ID = "671e74ab-ca44-4d87-9346-ae8318c44774"


def test_there_are_three():
    assert list(SYSTEMS) == ["metadefender", "brightriver", "bunnystudio"]
    assert DEFAULT == "metadefender"
    assert {path.name for path in EMULATOR.iterdir() if (path / "__init__.py").is_file()} == set(SYSTEMS)


@pytest.mark.parametrize("path", SHARED, ids=lambda path: str(path.name))
def test_what_serves_all_names_none(path: Path):
    words = [name for system in SYSTEMS.values() for name in (system.name, system.title)]
    assert re.findall("|".join(words), path.read_text(), re.IGNORECASE) == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_knows_no_other(system: str):
    others = "|".join(name for name in SYSTEMS if name != system)
    for path in (EMULATOR / system).rglob("*.py"):
        assert re.findall(rf"emulator\.({others}|registry|cli|running)\b", path.read_text()) == [], path.name


def reject(emulator: Running) -> int:
    url, body = f"{emulator.url}/reject", {"files": ["a"]}
    return httpx.post(url, headers=RIVER, json=body, trust_env=False).status_code


def test_bright_river_as_a_process(tmp_path: Path):
    path = tmp_path / "river.json"
    tokens = {"client_token": "c", "session_token": "s"}
    with running({**tokens, "known_files": ["a", "b"]}, system="brightriver", state=path) as emulator:
        assert reject(emulator) == 200
        assert emulator.counts()["operations"] == {"rejectFiles": 1}
        assert emulator.options(already="410")["known_files"] == ["a", "b"]
        with pytest.raises(ValueError, match="no option"):
            emulator.options(worker_list="map")
        with pytest.raises(ValueError, match="no operation"):
            emulator.fault("rejectDeliverable", {"status": 500})
        emulator.advance(1)
        emulator.kill()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b'"c"' not in path.read_bytes()
    with running(tokens, system="brightriver", state=path, already="410") as emulator:
        assert emulator.state()["rejections"][0]["acknowledged"] is True
        assert reject(emulator) == 410
        assert emulator.violations()[0]["rule"] == "rejected-twice", "known over a restart"
        assert emulator.stop() == 0


def test_bunny_studio_as_a_process():
    with running(Options(token="t", forbidden=(ID,)), system="bunnystudio", latency_ms=1, control=False) as emulator:
        url, headers = f"{emulator.url}/deliverables/{ID}", {"x-access-token": "t"}
        response = httpx.put(url, headers=headers, json={"status": "rejected"}, trust_env=False)
        assert response.json()["type"] == "FORBIDDEN"
        with pytest.raises(ValueError, match="NOT_FOUND"):
            emulator.counts()


@pytest.mark.parametrize(("system", "title"), [("brightriver", "Bright River"), ("bunnystudio", "Bunny Studio")])
def test_the_line_at_the_start(system: str, title: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cli, "serve", lambda _app, _listener, announce: announce())
    result = CliRunner().invoke(cli.emulator, ["--system", system, "--listen", "127.0.0.1:0", "--latency", "5"])
    assert result.exit_code == 0
    assert re.fullmatch(rf"{title} emulator listening on http://127\.0\.0\.1:\d+\n", result.output)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--system", "other"], "'other' is not one of"),
        (["--system", "brightriver", "--fixture", "empty"], "--fixture is no flag of brightriver"),
        (
            ["--system", "bunnystudio", "--set", "readyz=absent"],
            "no option 'readyz'; there are latency_ms, token",
        ),
        (["--system", "bunnystudio", "--set", "token="], "token is a text"),
    ],
)
def test_senseless_arguments_are_refused(arguments: list[str], text: str):
    result = CliRunner().invoke(cli.emulator, arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    assert text in result.output


def test_the_state_of_another_system_is_refused(tmp_path: Path):
    for name, system in SYSTEMS.items():
        start = {"user": "u", "password": "p"} if system.flags else {}
        system.start(Start(tmp_path, tmp_path / name, flags=start))
        for other, another in SYSTEMS.items():
            if other != name:
                with pytest.raises(ValueError, match="isn't the state"):
                    another.start(Start(tmp_path, tmp_path / name))
