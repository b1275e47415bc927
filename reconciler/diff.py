"""Desired × live → field differences: what differs, and what can't be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.model import Item, LiveObject
from reconciler.secret import SHOWN, SHOWN_CHANGED, SecretRef, revealed
from reconciler.steps import UNKNOWN, Change
from reconciler.systems.base import Kind
from reconciler.systems.view import View


class Difference(Struct, frozen=True):
    """``changed``: field → (live value, wanted value); ``unknown``: field → why it can't be compared."""

    changed: Mapping[str, tuple[Any, Any]]
    unknown: Mapping[str, str]


NOTHING = Difference({}, {})


def compare(item: Item, live: LiveObject, kind: Kind, view: View) -> Difference:
    """Compare the fields that the document manages; equal pairs cost one ``==`` a field."""
    changed: dict[str, tuple[Any, Any]] = {}
    unknown: dict[str, str] = {}
    there = live.fields
    for name, wanted in item.fields.items():
        if name in there and name not in kind.sealed and wanted.__class__ is not SecretRef:
            before = there[name]
            if before != wanted and not kind.same(name, before, wanted):
                changed[name] = (SHOWN if name.startswith(kind.veiled) else before, wanted)
            continue
        same, why = _hidden(item, live, name, wanted, kind, view)
        if same is None:
            unknown[name] = why
        elif not same:
            changed[name] = (SHOWN if isinstance(wanted, SecretRef) else UNKNOWN, wanted)
    return Difference(changed, unknown) if changed or unknown else NOTHING


def _hidden(item: Item, live: LiveObject, name: str, wanted: Any, kind: Kind, view: View) -> tuple[bool | None, str]:
    """Whether a field that can't be read back is as wanted, told by its fingerprint; None with the cause."""
    try:
        value = revealed(wanted, view.values)
    except KeyError as missing:
        return None, f"the secret {missing.args[0]!r} has no value here"
    identity = item.identity
    if name in kind.sealed and name in live.fields:
        known: str | None = live.fields[name]
        identity = (item.name,)
        source = "it comes back sealed with a key that isn't here"
    else:
        sent = view.memory.sent.get(item.key, {}).get(name)
        known = sent.fingerprint if sent else None
        source = "it was last sent under a key that isn't here"
    if not known:
        return None, "it can't be read back, and what was last sent isn't known"
    if view.keyring is None:
        return None, "it can't be read back, and there is no key to compare with"
    same = view.keyring.compare(known, view.target, item.kind, identity, name, value)
    return same, source


def explain(difference: Difference) -> tuple[Change, ...]:
    """The differences of one object for people: nested values are taken apart, secrets are markers."""
    return tuple(
        change
        for name in sorted(difference.changed)
        for change in _explain_field(f"/{name}", *difference.changed[name])
    )


def listing(fields: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields of an object that is to be created."""
    return tuple(Change(f"/{name}", None, shown(fields[name])) for name in sorted(fields))


def _explain_field(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(after, SecretRef):
        yield Change(path, SHOWN, SHOWN_CHANGED)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _explain_nested(path, shown(before), shown(after))
    else:
        yield Change(path, shown(before), shown(after))


def _explain_nested(path: str, before: Any, after: Any) -> Iterator[Change]:
    from deepdiff import DeepDiff  # only pairs that are known to differ get here: it is slow to load and to run

    found = DeepDiff(before, after, view="tree", ignore_order=False, max_diffs=1000)
    if any(_inside_list(leaf) for leaves in found.values() for leaf in leaves):
        yield Change(path, before, after)
        return
    changes = [
        Change(path + _pointer(leaf.path(output_format="list")), _there(leaf.t1), _there(leaf.t2))
        for leaves in found.values()
        for leaf in leaves
    ]
    yield from sorted(changes, key=lambda change: change.path)


def _inside_list(leaf: Any) -> bool:
    """Lists are shown whole: a change at position 3 says nothing to a reader."""
    return any(isinstance(step, int) for step in leaf.path(output_format="list"))


def _pointer(path: list[Any]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _there(value: Any) -> Any:
    return None if type(value).__name__ == "NotPresent" else value


def shown(value: Any) -> Any:
    """Plain data for a reader: secrets are markers, tuples are lists."""
    if isinstance(value, SecretRef):
        return SHOWN
    if isinstance(value, Mapping):
        return {key: shown(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [shown(part) for part in value]
    return value
