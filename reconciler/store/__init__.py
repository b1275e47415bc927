"""What we remember of each target: what is ours, what was sent, what was about to be sent, and how passes ended.

It exists for three moments: a crash between a request and its answer, a delete that must not hit what isn't ours, and
a field that can't be read back. Missing or damaged, it only ever lets us do less. ``Store`` is the way in.

::

    Store                  opening, leases; writes; reads               facade.py writes.py reads.py
      journal, history …   what each table is for                       journal.py ownership.py orders.py …
      Database, Writer     one writer for all targets of a database     database.py writer.py
    Backend, Hold          what differs between databases               urls.py backend.py hold.py sqlite/ postgres/
    schema                 the tables, and the way to them              schema.py versions.py migrations/
"""

from reconciler.store.facade import Store, open_for_reading, restore
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
