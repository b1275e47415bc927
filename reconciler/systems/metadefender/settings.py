"""What the settings of a Control Center have in common: one a target, always there, perhaps not readable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reconciler.model import Desired, Identity, Item, LiveObject, Resource
from reconciler.systems.base import Kind
from reconciler.systems.replies import accepted, an_object, picked
from reconciler.systems.view import NotOffered, View
from reconciler.wire import Flow, Request


def fetch_setting(
    operation: str, path: str, fields: frozenset[str], border: Callable[[Any], Any] | None = None
) -> Flow[Any]:
    """GET a setting → of its object these fields, NotOffered where the server doesn't show it (404, 405)."""
    request = Request(operation, "GET", path, border=border)
    response = yield request
    if response.status in (404, 405):
        return NotOffered(f"GET {path} answers {response.status}")
    return picked(an_object(accepted(request, response).json(), f"GET {path}"), fields)


class SettingKind(Kind):
    """A kind with one object a target, which can be changed, and neither made nor removed."""

    singleton = True
    deletable = False
    identity: Identity = ()

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield self.identity

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        yield Item(self.name, self.identity, resource.ref.name, self.wanted(resource.spec), resource)

    def wanted(self, spec: Any) -> dict[str, Any]:
        """The managed fields of a spec."""
        return spec.model_dump(exclude_none=True)  # type: ignore[no-any-return]

    def live(self, view: View) -> Iterable[LiveObject]:
        yield LiveObject(self.name, self.identity, self.identity[0], None, self.shown(view))

    def shown(self, view: View) -> Mapping[str, Any]:
        """The fields that the server shows."""
        raise NotImplementedError(self.name)


def number(data: Mapping[str, Any], key: str) -> dict[str, int]:
    """``{key: value}`` where the server shows a whole number there (it may write it as 24.0), else nothing."""
    found = data.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or found != int(found):
        return {}
    return {key: int(found)}


def lowers(before: Any, after: Any) -> bool:
    """Whether a retention in hours gets shorter; 0 is for ever, and what isn't known could be anything."""
    if not isinstance(before, int) or not isinstance(after, int):
        return True
    return after != 0 and (before == 0 or after < before)
