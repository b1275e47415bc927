"""The tables. Typed columns and portable SQL only, so that another database can take SQLite's place.

What decides about destruction sits in tables with a ``seal`` column (see ``seals``). Lists and bodies are kept as
JSON in text columns and not as a JSON type: a seal covers the exact text, and a damaged text must not stop the
reading of its neighbours. There are no secondary indexes but one that only deleting uses: a damaged one would hide rows
that must be seen.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, Table, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

_number = BigInteger().with_variant(Integer, "sqlite")


def _of_target() -> Column[str]:
    return Column("target", Text, ForeignKey("targets.name"), primary_key=True)


def _belongs() -> Column[str]:
    return Column("target", Text, ForeignKey("targets.name"), nullable=False)


def _seal() -> Column[str]:
    return Column("seal", Text, nullable=False)


schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

targets = Table(
    "targets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("made", Double, nullable=False),
    Column("charged", Integer, nullable=False),
    _seal(),
)

owned = Table(
    "owned",
    metadata,
    _of_target(),
    Column("kind", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("object_id", Text),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("keep", Boolean, nullable=False),
    Column("adopted", Boolean, nullable=False),
    _seal(),
)

sent = Table(
    "sent",
    metadata,
    _of_target(),
    Column("kind", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("at", Double, nullable=False),
    _seal(),
)

passes = Table(
    "passes",
    metadata,
    Column("id", _number, primary_key=True),
    _belongs(),
    Column("at", Double, nullable=False),
    Column("mode", Text, nullable=False),
    Column("revision", Text),
    Column("digest", Text),
    Column("ended", Double),
    Column("verdict", Text),
    Column("summary", Text, nullable=False),
    Column("outcomes", Text, nullable=False),
    sqlite_autoincrement=True,
)

entries = Table(
    "entries",
    metadata,
    Column("id", _number, primary_key=True),
    _belongs(),
    Column("pass_id", _number, ForeignKey("passes.id"), nullable=False),
    Column("operation", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("moves", Text, nullable=False),
    Column("objects", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("destructive", Integer, nullable=False),
    Column("charged", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("settled_at", Double),
    _seal(),
    sqlite_autoincrement=True,
)

unfinished = Table(
    "unfinished",
    metadata,
    Column("entry", _number, ForeignKey("entries.id"), primary_key=True, autoincrement=False),
    _of_target(),
    Column("kind", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("fields", Text, nullable=False),
    _seal(),
    Index("ix_unfinished_identity", "identity", "target", "kind"),
)

refused_logins = Table(
    "refused_logins",
    metadata,
    _of_target(),
    Column("fingerprint", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    _of_target(),
    Column("holder", Text),
    Column("token", BigInteger, nullable=False),
    Column("expires", Double, nullable=False),
    Column("request_deadline", Double, nullable=False),
    Column("settle_after", Double, nullable=False),
)
"""Who may write, where a database is shared; its times are the database's own. ``holder`` None: released."""

replicas = Table(
    "replicas",
    metadata,
    Column("name", Text, primary_key=True),
    Column("expires", Double, nullable=False),
)
"""Who is there to share the targets, where a database is shared; decides nothing but who gives some away."""

suspensions = Table(
    "suspensions",
    metadata,
    _of_target(),
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double),
    _seal(),
)

approvals = Table(
    "approvals",
    metadata,
    _of_target(),
    Column("digest", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("until", Double, nullable=False),
    _seal(),
)

quarantines = Table(
    "quarantines",
    metadata,
    _of_target(),
    Column("kind", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("until", Double, nullable=False),
    Column("error", Text, nullable=False),
    _seal(),
)

SEALED = (targets, owned, sent, entries, unfinished, suspensions, approvals, quarantines)
