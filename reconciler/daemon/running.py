"""Puts the daemon together from what was configured, and runs it."""

from __future__ import annotations

import asyncio
from typing import IO

import structlog
from msgspec import Struct

from reconciler.config import DaemonConfig
from reconciler.daemon.daemon import Daemon
from reconciler.daemon.heap import steady
from reconciler.daemon.notifying import notifier_of
from reconciler.daemon.process import Part, Process
from reconciler.daemon.roster import Roster
from reconciler.daemon.settings import Flags, follower_of, rhythm_of
from reconciler.daemon.state import Mode
from reconciler.daemon.telling import Telling
from reconciler.daemon.web_side import web_settings
from reconciler.errors import ReconcilerError
from reconciler.notify import Notifier
from reconciler.policy import Policy
from reconciler.settings import Where, config_of
from reconciler.telemetry import Metrics, Redactor, catch_strays, configure
from reconciler.web.app import create_app
from reconciler.web.server import serve

LAST_WORDS = 3.0
"""Seconds that notifications get when the process ends."""

log = structlog.get_logger(__name__)


class Wanted(Struct, frozen=True):
    """What the command line asks for; ``mode`` None: as configured."""

    flags: Flags
    where: Where
    policy: Policy
    mode: str | None


async def run(wanted: Wanted, stream: IO[str], *, debug: bool = False) -> int:
    """Run until a signal; gives the exit code. Raises InputError, and what the process dies of."""
    steady()
    redactor = Redactor()
    configure(stream, debug=debug, redactor=redactor)
    daemon, config, telling = assemble(wanted, redactor)
    listen = wanted.flags.listen or config.listen
    app = create_app(daemon, web_settings(config, daemon.roster, listen, telling.metrics.render))

    async def http(ending: asyncio.Event) -> None:
        await serve(app, listen, on_ready=lambda url: log.info("listening", url=url), stop=ending)

    parts: list[Part] = [http]
    if (notifier := telling.notifier) is not None:
        parts.append(lambda ending: _notify(notifier, ending))
    catch_strays()
    log.info("following", source=daemon.follower.where, targets=len(daemon.loops), replica=daemon.rhythm.replica)
    process = Process(daemon, parts)
    try:
        await process.run()
    except Exception as error:
        if not _told_in_a_sentence(error):
            log.critical("the process ends with an error", exc_info=error)
        raise
    return process.code


def _told_in_a_sentence(error: BaseException) -> bool:
    """Whether the command line will tell it, as it tells what users can mend."""
    if isinstance(error, BaseExceptionGroup):
        return all(_told_in_a_sentence(one) for one in error.exceptions)
    return isinstance(error, ReconcilerError)


async def _notify(notifier: Notifier, ending: asyncio.Event) -> None:
    """Deliver until the end, and a moment longer."""
    running = asyncio.create_task(notifier.run())
    waiting = asyncio.create_task(ending.wait())
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        await notifier.drain(LAST_WORDS)
        running.cancel()
    waiting.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)


def assemble(wanted: Wanted, redactor: Redactor) -> tuple[Daemon, DaemonConfig, Telling]:
    """The daemon and what watches it. Raises InputError, InvalidTree, MissingSecret."""
    found = config_of(wanted.where)
    config = found.daemon if found is not None else DaemonConfig()
    interval = wanted.flags.interval or config.interval
    mode = Mode(wanted.mode) if wanted.mode else None
    roster = Roster.of(wanted.where, wanted.policy, mode, interval)
    roster.redactor = redactor
    metrics = Metrics()
    telling = Telling(metrics, notifier_of(config, roster, metrics.notifications_lost), base=config.url)
    follower = follower_of(wanted.flags, config, roster, interval)
    daemon = Daemon(roster, follower, rhythm_of(config), telling)
    telling.watch(daemon.board)
    return daemon, config, telling
