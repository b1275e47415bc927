"""The sealed tables in words alone: whoever only reads needs no SQLAlchemy, which takes longer to load than many a plan
takes to make."""

from __future__ import annotations

CONTENT = {
    "targets": ("name", "url", "lineage", "made", "charged"),
    "owned": ("target", "kind", "identity", "object_id", "name", "document", "keep", "adopted"),
    "sent": ("target", "kind", "identity", "path", "fingerprint", "at"),
    "entries": (
        *("target", "pass_id", "operation", "method", "path", "action", "moves", "objects", "names", "at"),
        *("destructive", "charged", "status", "reason", "how", "settled_at"),
    ),
    "unfinished": ("entry", "target", "kind", "identity", "fields"),
    "suspensions": ("target", "owner", "reason", "since", "until"),
    "approvals": ("target", "digest", "by", "at", "until"),
    "quarantines": ("target", "kind", "identity", "name", "failures", "until", "error"),
}
"""The columns that a seal covers, by the name of the table: all but ``id``, which the database gives, and ``seal``."""

TRUTHS = {"owned": frozenset({"keep", "adopted"})}
"""Columns that hold true or false, which SQLite keeps as numbers."""
