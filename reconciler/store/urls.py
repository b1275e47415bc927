"""The URL of a state, as the user writes it: which database it means, and how it is shown."""

from __future__ import annotations

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from reconciler.errors import StateUnusable
from reconciler.store.backend import Backend

REMEDY = "Use sqlite:///state.db, or postgresql+psycopg://user@host/database."


def backend_of(url: str) -> Backend:
    """The database that a URL names; nothing is opened yet. Raises StateUnusable, which shows no password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StateUnusable("the state's URL can't be read", remedy=REMEDY) from None
    name = parsed.get_backend_name()
    if name == "sqlite":
        from reconciler.store.sqlite.backend import Sqlite, locate  # noqa: PLC0415 - only one of the two is needed

        return Sqlite(locate(parsed))
    if name in ("postgresql", "postgres"):
        from reconciler.store.postgres.backend import Postgres  # noqa: PLC0415 - only one of the two is needed

        return Postgres(parsed)
    raise StateUnusable(f"a state can't be kept in {name}", remedy=REMEDY)


def shown(url: str) -> str:
    """A state's URL for people, without its password. Raises StateUnusable when it can't be read."""
    backend_of(url)
    parsed = make_url(url)
    return parsed.difference_update_query(["password"]).render_as_string(hide_password=True)


def shared(url: str) -> bool:
    """Whether other machines may write to that state, too. Raises StateUnusable when the URL can't be read."""
    return backend_of(url).remote
