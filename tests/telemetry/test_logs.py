"""Log lines as they come out, for machines and for people: nothing secret, nothing forged, whoever logged them."""

from __future__ import annotations

import asyncio
import enum
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
import threading
import warnings
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from reconciler.secret import Secret
from reconciler.telemetry import Redactor, about, catch_strays, configure
from reconciler.telemetry.plain import LONGEST
from tests.telemetry.conftest import Terminal

CANARY = 'hunter2"canary/ü'
FORGED = "2026-01-02T03:04:05Z info     forged"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \w+ +\S.*")


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    redactor.remember("process", [Secret(value) for value in values or (CANARY,)])
    return redactor


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log() -> Any:
    return structlog.get_logger("reconciler.test")


def test_json_unless_it_is_a_terminal(stream: io.StringIO, terminal: Terminal):
    for one in (stream, terminal):
        configure(one)
        log().info("converged", objects=20)
    (event,) = events(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("time"))
    assert event == {"level": "info", "event": "converged", "objects": 20}
    assert "\x1b[" in terminal.getvalue()
    assert "converged" in terminal.getvalue()


def test_text_without_colour(stream: io.StringIO):
    configure(stream, as_json=False)
    with about("prod", "1a2b"):
        log().info("converged", objects=20, words="two words", none=None, more={"a": [1.5, True]})
    assert re.fullmatch(
        r'\S+Z info     converged {16}target=prod pass=1a2b objects=20 words="two words" none=null'
        r' more=\{"a":\[1\.5,true\]\}\n',
        stream.getvalue(),
    )


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, variable: Any):
    monkeypatch.setenv(*variable)
    configure(terminal)
    log().info("converged")
    assert "\x1b" not in terminal.getvalue()


def test_a_pass_is_named_in_all_that_it_logs(stream: io.StringIO):
    configure(stream)

    async def one(target: str) -> None:
        with about(target, f"pass of {target}"):
            await asyncio.sleep(0.01)
            log().info("ours")
            await asyncio.create_task(deeper())
        log().info("after")

    async def deeper() -> None:
        logging.getLogger("sqlalchemy.orm").warning("a library's")

    async def main() -> None:
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(main())
    seen = {(event["event"], event.get("target"), event.get("pass")) for event in events(stream)}
    assert seen == {(words, target, f"pass of {target}") for words in ("ours", "a library's") for target in "ab"} | {
        ("after", None, None)
    }


def test_libraries_are_heard_from_warnings_upwards(stream: io.StringIO):
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(io.StringIO()))
    logging.getLogger("uvicorn").propagate = False
    for debug in (False, True):
        configure(stream, debug=debug)
        for name in ("uvicorn.error", "uvicorn.access", "sqlalchemy", "alembic.env", "watchfiles.main", "httpx"):
            for level in (logging.DEBUG, logging.INFO, logging.WARNING):
                logging.getLogger(name).log(level, "%s %s", level, debug)
        log().debug("ours", debug=debug)
    found = [(event.get("logger"), event["event"]) for event in events(stream)]
    heard = ("uvicorn.error", "sqlalchemy", "alembic.env", "watchfiles.main")
    assert found == [
        *((name, "30 False") for name in heard),
        *((name, f"{level} True") for name in heard for level in (20, 30)),
        (None, "ours"),
    ]


def test_warnings_are_logged(stream: io.StringIO):
    configure(stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("something is old", stacklevel=1)
        logging.captureWarnings(False)
    assert [(event["logger"], event["level"]) for event in events(stream)] == [("py.warnings", "warning")]


def test_configured_again_there_is_one_line_an_event(stream: io.StringIO):
    logging.getLogger().handlers[:] = []  # pytest's own
    for _ in range(3):
        configure(stream)
    log().info("once")
    assert len(events(stream)) == 1
    assert len(logging.getLogger().handlers) == 1


def fail(words: str) -> None:
    raise ValueError(words)


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_wherever_it_stands(stream: io.StringIO, as_json: bool):
    configure(stream, as_json=as_json, redactor=knowing(), debug=True)
    forms = {
        "raw": CANARY,
        "url": quote(CANARY, safe=""),
        "base64": b64encode(CANARY.encode()).decode(),
        "json": json.dumps({"x": CANARY}),
        "hex": CANARY.encode().hex(),
    }
    log().info(f"in the event {CANARY}", nested={"deep": [{"deeper": forms}]}, **{CANARY: "as a name"})
    log().info("as an argument %s", CANARY, bytes=CANARY.encode(), error=ValueError(CANARY), secret=Secret("x"))
    log().info("by its name", password="short", headers={"Authorization": "Basic x", "X-API-Key": "y"}, tokens=["z"])
    logging.getLogger("uvicorn.error").error("theirs %s", CANARY)
    try:
        try:
            fail(CANARY)
        except ValueError as error:
            raise OSError(2, CANARY, CANARY) from error
    except OSError:
        log().exception("it failed")
        logging.getLogger("asyncio").exception("theirs failed")
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "canary" not in text
    for written in [*forms.values(), "short", "Basic x"]:
        assert written not in text
        assert json.dumps(written)[1:-1] not in text
    assert text.count("(secret)") > 15
    assert text.count("Traceback") == 4


HOSTILE = f"x\n{FORGED}\r{FORGED}\x1b[2J\x1b]0;title\x07\x9b31m\x7f\u202e\u2028{FORGED}\x00\x85"


def test_no_line_is_forged_on_a_terminal(stream: io.StringIO):
    configure(stream, as_json=False)
    log().info(HOSTILE, value=HOSTILE, nested=[HOSTILE], **{HOSTILE: 1})
    with about(HOSTILE, HOSTILE):
        logging.getLogger(f"lib\n{FORGED}").error("%s", HOSTILE)
    try:
        fail(HOSTILE)
    except ValueError:
        log().exception("it failed")
    lines = stream.getvalue().split("\n")
    assert [line for line in lines if line.startswith(FORGED)] == []
    assert len([line for line in lines if LINE.fullmatch(line)]) == 3
    assert all(LINE.fullmatch(line) or line.startswith("    | ") for line in lines[:-1])
    assert all(char.isprintable() for line in lines for char in line)


def test_json_stays_one_line_and_harmless(stream: io.StringIO):
    configure(stream)
    log().info(HOSTILE, value=HOSTILE)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", text)
    (event,) = events(stream)
    assert event["event"] == event["value"] == HOSTILE


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Word(enum.Enum):
    ONE = "one"


def test_whatever_is_logged_can_be_written(stream: io.StringIO):
    logging.getLogger().handlers[:] = []  # pytest's own, which can't show everything
    loop: list[Any] = []
    loop.append(loop)
    for as_json in (True, False):
        configure(stream, as_json=as_json)
        log().info(
            "odd",
            huge=2**70,
            nan=float("nan"),
            lone="\ud800",
            loop=loop,
            bad=Unshowable(),
            word=Word.ONE,
            keys={1: {2}, None: ()},
            long="x" * (LONGEST + 1),
            many=range(3),
            raw=b"\xff-bytes",
            when=datetime(2026, 1, 2, tzinfo=UTC),
            time=1,
            level=2,
        )
    event = json.loads(stream.getvalue().splitlines()[0])
    assert event["huge"] == str(2**70)
    assert (event["nan"], event["lone"], event["word"]) == (None, "\\ud800", "one")
    assert (event["raw"], event["when"]) == ("\\xff-bytes", "2026-01-02T00:00:00+00:00")
    assert event["bad"] == "(Unshowable that can't be shown: RuntimeError)"
    assert event["keys"] == {"1": [2], "None": []}
    assert LONGEST - 2 <= len(event["long"]) <= LONGEST
    assert (event["level"], event["time_"], event["level_"]) == ("info", 1, 2)
    assert "odd" in stream.getvalue().splitlines()[1]


def test_a_stream_that_breaks_harms_nothing(stream: io.StringIO, capfd: pytest.CaptureFixture[str]):
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    configure(Broken())
    log().info("lost", words=CANARY)
    closed = io.StringIO()
    configure(closed)
    closed.close()
    log().info("lost", words=CANARY)
    assert capfd.readouterr() == ("", "")


def test_strays_are_logged(stream: io.StringIO):
    configure(stream, redactor=knowing())
    catch_strays()
    thread = threading.Thread(target=fail, args=(CANARY,), name="worker")
    thread.start()
    thread.join()
    try:
        fail(CANARY)
    except ValueError:
        sys.excepthook(*sys.exc_info())
    found = events(stream)
    assert [(event["event"], event["level"]) for event in found] == [
        ("a thread ended with an error", "error"),
        ("the process ends with an error", "critical"),
    ]
    assert found[0]["thread"] == "worker"
    assert "ValueError: (secret)" in found[0]["exception"]
    assert "canary" not in stream.getvalue()


@pytest.mark.ci
def test_on_a_real_terminal():
    """A process whose standard error is a pseudo-terminal colours its lines; with a pipe it writes JSON."""
    code = (
        "import sys, structlog; from reconciler.telemetry import configure; configure(sys.stderr);"
        "structlog.get_logger('reconciler').warning('blocked', rule='budget')"
    )
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm"}
    environ.pop("NO_COLOR", None)
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, env=environ)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "\x1b[33mwarning" in shown
    assert "budget" in shown
    piped = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=True, env=environ).stderr
    assert json.loads(piped)["rule"] == "budget"
