"""What we know after a write: which objects are ours, which are gone, what was sent and can't be read back."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.memory import Owned
from reconciler.model import Item, Key, LiveObject
from reconciler.secret import SecretRef, revealed, secret_refs
from reconciler.systems.base import Kind, Verb, Work
from reconciler.systems.view import View


def key_of(work: Work) -> Key:
    """The natural key of the object that is worked on: the declared one, where there is one."""
    found = work.item or work.live
    assert found is not None
    return found.key


def name_of(work: Work) -> str:
    """``Kind/name``, for people."""
    found = work.item or work.live
    assert found is not None
    return f"{found.kind}/{found.name}"


def owned_as(item: Item, id: str | None, *, live: LiveObject | None = None, adopted: bool = False) -> Owned:
    """The memory of an object of ours; under the live side's natural key, once that is known."""
    return Owned(
        kind=item.kind,
        identity=live.identity if live else item.identity,
        id=id,
        name=item.name,
        document=item.resource.ref.name,
        keep=item.resource.annotations.get("reconciler/prune") == "disabled",
        adopted=adopted,
    )


def fingerprints(kind: Kind, verb: Verb, work: Work, view: View, covered: Iterable[str] | None) -> dict[str, str]:
    """The fingerprints of the fields that were sent and that the server doesn't show."""
    item = work.item
    if item is None or view.keyring is None or verb is Verb.DELETE:
        return {}
    sent = set(item.fields) if verb is Verb.CREATE else set(work.changed)
    if covered is not None:
        sent &= set(covered)
    hidden = {name for name in sent if name in item.fields and _hidden(kind, verb, work, name, view)}
    return {
        name: view.keyring.make(view.target, item.kind, item.identity, name, revealed(item.fields[name], view.values))
        for name in hidden
        if all(ref.name in view.values for ref in secret_refs(item.fields[name]))
    }


def _hidden(kind: Kind, verb: Verb, work: Work, name: str, view: View) -> bool:
    assert work.item is not None
    if name in kind.sealed:
        return False
    if name in kind.unread or isinstance(work.item.fields[name], SecretRef):
        return True
    if verb is Verb.CREATE:
        return not kind.can_find(view)
    return work.live is None or name not in work.live.fields
