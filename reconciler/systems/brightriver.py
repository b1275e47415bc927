"""Bright River: delivered files are rejected, once and for good. ``POST /reject``; nothing can be read back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field

from reconciler.errors import BadReply, InputError
from reconciler.model import Desired, Identity, Item, Path, Resource
from reconciler.secret import Secret
from reconciler.systems.base import Results, Spec, System, Verb, Work
from reconciler.systems.fields import Text
from reconciler.systems.keys import KeyAuth, keys
from reconciler.systems.oneway import Meaning, OneWayKind, result_of
from reconciler.systems.replies import error_text
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, Response, json_body

FileId = Annotated[str, Field(min_length=1, max_length=256)]
HEADERS = MappingProxyType({"client_token": "X-Client-Token", "session_token": "X-Session-Token"})

STATUSES: Mapping[int, tuple[Meaning, str]] = MappingProxyType(
    {
        200: (Meaning.SETTLED, ""),
        400: (Meaning.INPUT, "the request was not understood"),
        401: (Meaning.CREDENTIALS, "the tokens were not accepted: check client_token and session_token"),
        403: (Meaning.CREDENTIALS, "the client may not reject these files"),
        404: (Meaning.MISSING, "a file was not found"),
        406: (Meaning.INPUT, "the server can't answer in JSON"),
        408: (Meaning.AGAIN, "the request timed out"),
        410: (Meaning.SETTLED, ""),
        411: (Meaning.INPUT, "the server wants to know the length of the content"),
        415: (Meaning.INPUT, "the server doesn't take JSON here"),
        500: (Meaning.AGAIN, "the server failed"),
        503: (Meaning.AGAIN, "the server is unavailable"),
    }
)


class FileRejectionSpec(Spec):
    """The ids of delivered files. The reason is sent only where the target's settings name a field for it."""

    files: Annotated[list[FileId], Field(min_length=1, max_length=1000)]
    reason: Text | None = None


class FileRejectionKind(OneWayKind):
    name = "FileRejection"
    spec = FileRejectionSpec
    summary = "Delivered files that are rejected, for good."

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        return [(file,) for file in resource.spec.files]

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        files = resource.spec.files
        for index, file in enumerate(files):
            if (first := files.index(file)) != index:
                yield ("files", index), f"this file is here twice; the first time as entry {first + 1}"

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        reason = {"reason": resource.spec.reason} if resource.spec.reason is not None else {}
        for file in resource.spec.files:
            yield Item(self.name, (file,), f"{resource.ref.name}/{file}", {"file": file, **reason}, resource)

    def batch(self, verb: Verb, work: Work) -> Hashable | None:
        """One document is one request."""
        return work.item.resource.ref if work.item else None

    def perform(self, verb: Verb, works: Sequence[Work], view: View) -> Flow[Results]:
        """``rejectFiles``: POST /reject, the ids in one list."""
        body: dict[str, Any] = {self._fields["files"]: [work.wanted["file"] for work in works]}
        if "reason" in self._fields and "reason" in works[0].wanted:
            body[self._fields["reason"]] = works[0].wanted["reason"]
        request = Request("rejectFiles", "POST", "/reject", body=json_body(body), headers=JSON, write=True, judged=True)
        response = yield request
        result = result_of(*meaning(response))
        return {work.move: result for work in works}


JSON = MappingProxyType({"accept": "application/json", "content-type": "application/json"})


def meaning(response: Response) -> tuple[Meaning, str]:
    """What an answer means, and in words what is wrong: by its status, a 400 by its body's ``code``."""
    found, text = STATUSES.get(response.status, _other(response.status))
    if response.status == 400:
        text = _bad_request(response) or text
    words = error_text(response)
    return found, f"{response.status}, {text}" + (f" ({words})" if words else "")


def _other(status: int) -> tuple[Meaning, str]:
    if 200 <= status < 300:
        return Meaning.SETTLED, ""
    if status == 429 or status >= 500:
        return Meaning.AGAIN, "the server failed"
    return Meaning.INPUT, "the server refused it"


def _bad_request(response: Response) -> str | None:
    try:
        data = response.json()
    except BadReply:
        return None
    if not isinstance(data, dict):
        return None
    if data.get("code") == "missing_header":
        name = data.get("headerName")
        return f"the header {name if isinstance(name, str) and name.isascii() else '?'} was missing"
    return "the body could not be parsed" if data.get("code") == "invalid_json" else None


class BrightRiver(System):
    """The Bright River API. ``settings`` name the body's fields: ``files`` (default: files), ``reason`` (not sent)."""

    name = "brightriver"
    api_version = "brightriver/v1"
    title = "Bright River"
    collections = MappingProxyType({})
    rules = ()
    credentials = (tuple(HEADERS),)

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        kind = FileRejectionKind({"files": "files", **settings})
        self.kinds = MappingProxyType({kind.name: kind})

    def configured(self, settings: Mapping[str, str]) -> BrightRiver:
        unknown = sorted(set(settings) - {"files", "reason"})
        if unknown:
            raise InputError(f"{self.name} has no setting {unknown[0]!r}", remedy="it has files and reason")
        return BrightRiver(settings)

    def auth(self, credentials: Mapping[str, Secret]) -> KeyAuth:
        return keys(credentials, HEADERS)
