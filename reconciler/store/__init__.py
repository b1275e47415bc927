"""What we remember of each target: what is ours, what was sent, what was about to be sent, and how passes ended.

It exists for three moments: a crash between a request and its answer, a delete that must not hit what isn't ours, and
a field that can't be read back. Missing or damaged, it only ever lets us do less. ``Store`` is the way in.
"""

from reconciler.store.backup import restore
from reconciler.store.facade import Store, open_for_reading
from reconciler.store.records import Ending, Entry, EntryRecord, PassRecord, PassStart, Settlement

__all__ = [
    "Ending",
    "Entry",
    "EntryRecord",
    "PassRecord",
    "PassStart",
    "Settlement",
    "Store",
    "open_for_reading",
    "restore",
]
