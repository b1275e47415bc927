"""A live state on paper: what ``observe`` writes, and what ``plan --offline`` is made from. It holds no secret.

::

    taped(fetch)       what a collection's flow was answered, as the flow saw it    tape.py
    pruned(body, …)    only the fields that the collection calls public             tape.py
    replayed(…)        the same flow again, fed with what was recorded              tape.py
    Recording          the whole, as strict models; to JSON and back                models.py files.py
    recorded(…)        what is put in of a view and a memory                        making.py
    memory_of(…)       what is remembered, as far as a recording tells              making.py

A recording may be published: besides those fields it holds what is owned (names and ids), and of what can't be read
back only that it was sent. Fingerprints stay at home: they are keyed, and of no use to whoever lacks the key.
"""

from __future__ import annotations

from reconciler.recording.files import dumps, loads
from reconciler.recording.making import memory_of, recorded
from reconciler.recording.models import MAX_BYTES, Answer, Recording
from reconciler.recording.tape import Tape, replayed

__all__ = ["MAX_BYTES", "Answer", "Recording", "Tape", "dumps", "loads", "memory_of", "recorded", "replayed"]
