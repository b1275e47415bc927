"""Bunny Studio: a deliverable is rejected, once and for good. ``PUT /deliverables/{id}``; nothing can be read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import UUID

from reconciler.errors import BadReply
from reconciler.model import Desired, Identity, Item, Path, Resource
from reconciler.secret import Secret
from reconciler.systems.base import Result, Spec, System, Verb, Work
from reconciler.systems.fields import Name, Text
from reconciler.systems.keys import KeyAuth, keys
from reconciler.systems.oneway import Meaning, OneWayKind, result_of
from reconciler.systems.replies import error_text
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, Response, json_body

HEADERS = MappingProxyType({"token": "x-access-token"})
CHANGE = "genderAndAgeChange"

TYPES: Mapping[str, tuple[Meaning, str]] = MappingProxyType(
    {
        "ERROR_REJECTING_DELIVERABLE": (Meaning.AGAIN, "the server failed to reject it"),
        "DELIVERABLE_NO_EXIST": (Meaning.MISSING, "there is no such deliverable"),
        "DELIVERABLE_ALREADY_REJECTED": (Meaning.SETTLED, ""),
        "FORBIDDEN": (Meaning.CREDENTIALS, "the token may not reject this deliverable"),
        "ID_REQUIRED": (Meaning.INPUT, "the deliverable's id was missing"),
    }
)
STATUSES: Mapping[int, tuple[Meaning, str]] = MappingProxyType(
    {
        400: (Meaning.INPUT, "the request was not understood"),
        401: (Meaning.CREDENTIALS, "the token was not accepted"),
        403: (Meaning.CREDENTIALS, "the token may not reject this deliverable"),
        404: (Meaning.MISSING, "there is no such deliverable"),
        408: (Meaning.AGAIN, "the request timed out"),
        410: (Meaning.SETTLED, ""),
        422: (Meaning.INPUT, "a field was missing or wrong"),
        429: (Meaning.AGAIN, "the server asks for patience"),
    }
)


class DeliverableRejectionSpec(Spec):
    """The document's name is the deliverable's UUID; ``newGenderAndAge`` goes with ``genderAndAgeChange``."""

    reason: Text | None = None
    reasonCode: Name | None = None
    newGenderAndAge: Name | None = None


class DeliverableRejectionKind(OneWayKind):
    name = "DeliverableRejection"
    spec = DeliverableRejectionSpec
    summary = "A deliverable that is rejected, for good."

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield (resource.ref.name.lower(),)

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        if not _is_uuid(resource.ref.name):
            yield (), "metadata.name is the deliverable's UUID, such as 671e74ab-ca44-4d87-9346-ae8318c44774"
        spec = resource.spec
        changing = [name for name in ("reasonCode", "reason") if getattr(spec, name) == CHANGE]
        if changing and spec.newGenderAndAge is None:
            yield (changing[0],), f"{CHANGE} needs newGenderAndAge"
        if spec.newGenderAndAge is not None and not changing:
            yield ("newGenderAndAge",), f"newGenderAndAge goes with the reasonCode {CHANGE} only"

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        fields = {name: value for name, value in resource.spec.model_dump().items() if value is not None}
        yield Item(self.name, (resource.ref.name.lower(),), resource.ref.name, fields, resource)

    def cost(self, verb: Verb, work: Work) -> Sequence[str]:
        return ("PUT",)

    def create(self, work: Work, view: View) -> Flow[Result]:
        """``rejectDeliverable``: PUT /deliverables/{id}."""
        assert work.item is not None
        path = f"/deliverables/{quote(work.item.identity[0], safe='')}"
        body = json_body({"status": "rejected", **work.wanted})
        headers = {"content-type": "application/json"}
        request = Request("rejectDeliverable", "PUT", path, body=body, headers=headers, write=True, judged=True)
        return result_of(*meaning((yield request)))


def meaning(response: Response) -> tuple[Meaning, str]:
    """What an answer means, and in words what is wrong: the body's ``type`` decides, else the HTTP status."""
    found, text = TYPES.get(_type(response)) or STATUSES.get(response.status) or _other(response.status)
    words = error_text(response)
    return found, f"{response.status}, {text}" + (f" ({words})" if words else "")


def _type(response: Response) -> str:
    try:
        data: Any = response.json()
    except BadReply:
        return ""
    found = data.get("type") if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def _other(status: int) -> tuple[Meaning, str]:
    if 200 <= status < 300:
        return Meaning.SETTLED, ""
    return (Meaning.AGAIN, "the server failed") if status >= 500 else (Meaning.INPUT, "the server refused it")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


class BunnyStudio(System):
    """The Bunny Studio API."""

    name = "bunnystudio"
    api_version = "bunnystudio/v1"
    title = "Bunny Studio"
    kinds = MappingProxyType({kind.name: kind for kind in (DeliverableRejectionKind(),)})
    collections = MappingProxyType({})
    rules = ()
    credentials = (tuple(HEADERS),)

    def auth(self, credentials: Mapping[str, Secret]) -> KeyAuth:
        return keys(credentials, HEADERS)
