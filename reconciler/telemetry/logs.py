"""Logs: one event a line, as JSON for machines or aligned for people; ours and the libraries' take the same way.

What is logged goes through the Redactor and is bounded, whoever logged it. Times are UTC. ``target`` and ``pass`` (the
reconcile id) come from where the code runs (``about``), not from each call.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, Any

import orjson
import structlog

from reconciler.telemetry.console import line
from reconciler.telemetry.plain import plain
from reconciler.telemetry.redact import Redactor

QUIET = ("alembic", "apprise", "asyncio", "httpcore", "httpx", "py.warnings", "sqlalchemy", "uvicorn", "watchfiles")
"""Libraries that are heard from warnings upwards; with ``debug`` what they inform of, too."""

MUTE = ("apprise", "httpcore", "httpx", "sqlalchemy.engine", "sqlalchemy.pool", "uvicorn.access")
"""Loggers that print addresses, headers or tokens, and tell nothing that we don't log ourselves."""

# What JSON may hold, and a terminal that shows the file may obey: DEL, C1, line separators, directions.
_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

Event = MutableMapping[str, Any]


def configure(
    stream: IO[str],
    *,
    as_json: bool | None = None,
    debug: bool = False,
    colour: bool | None = None,
    redactor: Redactor | None = None,
) -> None:
    """Send all logs of the process to ``stream``; may be called again.

    ``as_json`` None: unless the stream is a terminal. ``colour`` None: on a terminal, without ``NO_COLOR``.
    ``redactor`` knows the secrets; without one only fields with telling names are hidden.
    """
    terminal = stream.isatty()
    if as_json is None:
        as_json = not terminal
    if colour is None:
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    handler = _Handler(stream)
    handler.setFormatter(_Formatter(redactor or Redactor(), as_json=as_json, colour=colour))
    _route(handler, debug)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


@contextmanager
def about(target: str | None = None, pass_id: str | None = None) -> Iterator[None]:
    """What is logged inside, in tasks started there too, is about this target and this pass."""
    bound = {name: value for name, value in (("target", target), ("pass", pass_id)) if value is not None}
    with structlog.contextvars.bound_contextvars(**bound):
        yield


def catch_strays() -> None:
    """Log what would be printed past the logs: errors that end the process or a thread, and those without a caller."""
    log = structlog.get_logger("reconciler")

    def ended(kind: type[BaseException], error: BaseException, _: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("the process ends with an error", exc_info=error)

    def thread(found: threading.ExceptHookArgs) -> None:
        name = found.thread.name if found.thread else "?"
        log.error("a thread ended with an error", thread=name, exc_info=found.exc_value)

    def unraisable(found: Any) -> None:
        log.error("an error that nobody could be told of", place=found.err_msg, exc_info=found.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = ended, thread, unraisable


def _route(handler: logging.Handler, debug: bool) -> None:
    """One handler at the root; what libraries have set up for themselves is taken away."""
    root = logging.getLogger()
    for other in root.handlers[:]:
        if isinstance(other, _Handler):
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(True)
    for name in [name for name in logging.root.manager.loggerDict if name.startswith(("uvicorn", "alembic"))]:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.INFO if debug else logging.WARNING)
    for name in MUTE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class _Handler(logging.StreamHandler[IO[str]]):
    """Writes lines. One that can't be written is lost: it must neither end the process nor be printed unredacted."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        error = sys.exc_info()[1]
        with suppress(OSError, ValueError):
            self.stream.write(f"a log line of {record.name} could not be written: {type(error).__name__}\n")


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Events, structlog's and logging's, as lines."""

    def __init__(self, redactor: Redactor, *, as_json: bool, colour: bool) -> None:
        def render(_: Any, __: str, event: Event) -> str:
            shown = plain(_ordered(event), redactor)
            return _json(shown) if as_json else line(shown, colour=colour)

        super().__init__(processors=[render], foreign_pre_chain=[structlog.contextvars.merge_contextvars])


def _ordered(event: Event) -> dict[str, Any]:
    """The event with its time, level and origin, in an order that is easy to read."""
    record: logging.LogRecord = event.pop("_record")
    ours = event.pop("_from_structlog")
    error = event.pop("exc_info", None)
    stack = event.pop("stack_info", None)
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    first = {"time": time, "level": record.levelname.lower(), "event": event.pop("event", "")}
    origin = {} if ours and record.name.startswith("reconciler") else {"logger": record.name}
    for name in ("target", "pass"):
        if name in event:
            first[name] = event.pop(name)
    rest = {f"{name}_" if name in first or name == "logger" else name: value for name, value in event.items()}
    last = {"stack": stack} if isinstance(stack, str) else {}
    return first | origin | rest | last | ({"exception": text} if (text := _traceback(error)) else {})


def _traceback(error: Any) -> str:
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if not isinstance(error, tuple) or error[0] is None:
        return ""
    return logging.Formatter().formatException(error)


def _json(event: dict[str, Any]) -> str:
    text = orjson.dumps(event).decode()
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
