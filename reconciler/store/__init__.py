"""What we remember of each target: what is ours, what was sent, what was about to be sent, and how passes ended.

It exists for three moments: a crash between a request and its answer, a delete that must not hit what isn't ours, and
a field that can't be read back. Missing or damaged, it only ever lets us do less. ``Store`` is the way in.

::

    Store                  opening, leases; writes; reads               facade.py writes.py reads.py
    Glance                 what a plan reads, without SQLAlchemy        glance.py picture.py
      journal, history …   what each table is for                       journal.py ownership.py orders.py …
      Database, Writer     one writer for all targets of a database     database.py writer.py
    Backend, Hold          what differs between databases               urls.py backend.py hold.py sqlite/ postgres/
    schema                 the tables, and the way to them              schema.py versions.py migrations/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.store.records import (
    Approval,
    Ending,
    Entry,
    EntryRecord,
    PassRecord,
    PassStart,
    Quarantine,
    Settlement,
    Suspension,
)

if TYPE_CHECKING:
    from reconciler.store.facade import Store, open_for_reading, restore
    from reconciler.store.urls import shared, shown

__all__ = [
    "Approval",
    "Ending",
    "Entry",
    "EntryRecord",
    "PassRecord",
    "PassStart",
    "Quarantine",
    "Settlement",
    "Store",
    "Suspension",
    "open_for_reading",
    "restore",
    "shared",
    "shown",
]


def __getattr__(name: str) -> Any:
    """What needs SQLAlchemy is loaded when it is asked for: that takes as long as to plan for thousands of objects."""
    if name in ("Store", "open_for_reading", "restore"):
        from reconciler.store import facade  # noqa: PLC0415 - see above

        return getattr(facade, name)
    if name in ("shared", "shown"):
        from reconciler.store import urls  # noqa: PLC0415 - the same

        return getattr(urls, name)
    raise AttributeError(name)
