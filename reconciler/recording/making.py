"""What goes into a recording of a view and what is remembered, and what comes out of one as a memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from reconciler.memory import Memory, Owned, Sent
from reconciler.model import Key
from reconciler.recording.models import Answer, OwnedThing, Recording, SentField
from reconciler.recording.tape import replayed
from reconciler.systems.view import View

WITHHELD = "withheld"
"""Stands for a fingerprint where there was one: no key makes it, so that what it is of stays unknown."""


def recorded(view: View, answers: Mapping[str, Answer], *, url: str, at: str) -> Recording:
    """A recording of a view of everything; ``answers`` are what its collections were read from."""
    memory = view.memory
    hidden = {(key, path) for key, fields in memory.sent.items() for path in fields} | set(_withheld(view, answers))
    return Recording(
        target=view.target,
        system=view.system.name,
        url=url,
        at=at,
        user=view.own_user,
        collections=dict(sorted(answers.items())),
        owned=[_thing(one) for _, one in sorted(memory.owned.items())],
        sent=[SentField(kind=key[0], identity=list(key[1]), path=path) for key, path in sorted(hidden)],
        spent=memory.spent,
    )


def memory_of(recording: Recording) -> Memory:
    """What is remembered, as far as the recording tells; its lineage is None, as it is no state."""
    sent: dict[Key, dict[str, Sent]] = defaultdict(dict)
    for one in recording.sent:
        sent[one.kind, tuple(one.identity)][one.path] = Sent(WITHHELD, 0.0)
    things = [Owned(**{**one.model_dump(), "identity": tuple(one.identity)}) for one in recording.owned]
    return Memory(owned={one.key: one for one in things}, sent=sent, spent=recording.spent)


def _thing(one: Owned) -> OwnedThing:
    return OwnedThing(
        kind=one.kind,
        identity=list(one.identity),
        id=one.id,
        name=one.name,
        document=one.document,
        keep=one.keep,
        adopted=one.adopted,
    )


def _withheld(view: View, answers: Mapping[str, Answer]) -> Iterator[tuple[Key, str]]:
    """The fields that the server shows and the recording doesn't: whoever reads it has to know that they are there."""
    shown: dict[str, Any] = {name: replayed(view.system.collections[name], one) for name, one in answers.items()}
    public = replace(view, collections=shown, _cache={})
    for kind in view.system.kinds:
        bare = public.live_index(kind)
        for live in view.live(kind):
            less = bare.get(live.identity)
            if less is not None:
                yield from ((live.key, path) for path in live.fields if path not in less.fields)
