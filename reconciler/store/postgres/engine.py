"""Connections to PostgreSQL that give up in time, and its failures in words that show neither values nor passwords."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from reconciler.errors import StateError, StateUnusable
from reconciler.store.place import Place

DRIVER = "postgresql+psycopg"
RESTORE = "Restore the database from a dump (pg_restore), or use another one to begin with a state that owns nothing."
AGAIN = "It is tried again by itself; look whether PostgreSQL runs and can be reached."

_CONNECT = 5
_CONNECTION = {
    "connect_timeout": _CONNECT,
    "application_name": "reconciler",
    # A network that swallows packets must not hold a connection, and with it a lease's renewal, for minutes.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# A process that is paused within a transaction keeps its locks; the server ends it so that others can take over.
_SESSION = """
SELECT set_config('statement_timeout', '10s', false),
       set_config('lock_timeout', '5s', false),
       set_config('idle_in_transaction_session_timeout', '5s', false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
_AGAIN_AT_ONCE = ("40001", "40P01")


def locate(url: URL) -> URL:
    """The URL with the driver that we use. Raises StateUnusable for another driver, or without a database."""
    if url.drivername not in ("postgresql", "postgres", DRIVER):
        raise StateUnusable(f"a state can't be kept through {url.drivername}", remedy=f"Use {DRIVER}://….")
    if not url.database:
        raise StateUnusable("the state's URL names no database", remedy=f"Use {DRIVER}://user@host/database.")
    return url.set(drivername=DRIVER)


def place_of(url: URL) -> Place:
    """The database's address, without user, password and options."""
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return Place(f"postgresql://{host if isinstance(host, str) else ','.join(host)}{port}/{url.database}", RESTORE)


def open_engine(url: URL, *, pool: int = 4) -> Engine:
    """An engine with up to twice ``pool`` connections; none is opened yet."""
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={name: value for name, value in _CONNECTION.items() if name not in url.query},
    )
    event.listen(engine, "connect", _begin_session)
    return engine


def for_reading(engine: Engine) -> Engine:
    """The same connections, for transactions that see one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def explain(place: Place, url: URL, error: Exception) -> StateError:
    """One sentence about the failure; ``retryable`` when it may pass by itself."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, ValueError):
        return place.damaged()
    if isinstance(error, NoConnection):
        return _passing(StateError(f"the state {place} is busy: no connection was free in time", remedy=AGAIN))
    state = getattr(cause, "sqlstate", None)
    words = _words(cause, url)
    if not isinstance(error, OperationalError | InterfaceError):
        return StateError(f"the state {place} failed: {words}")
    if state is None or state.startswith(("08", "57P")):
        return _passing(StateError(f"the state {place} can't be reached: {words}", remedy=AGAIN))
    return _passing(StateError(f"the state {place} failed: {words}", remedy=AGAIN))


def passing(error: Exception) -> bool:
    """Whether two transactions were in each other's way."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN_AT_ONCE


def _passing(error: StateError) -> StateError:
    error.retryable = True
    return error


def _words(cause: BaseException, url: URL) -> str:
    # Details quote values.
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    words = " ".join(str(said).partition("\n")[0].split())
    for password in (url.password, url.query.get("password")):
        if isinstance(password, str) and password:
            for form in (password, quote(password), quote_plus(password)):
                words = words.replace(form, "(secret)")
    return words[:300] or type(cause).__name__


def _begin_session(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SESSION)
    connection.commit()
