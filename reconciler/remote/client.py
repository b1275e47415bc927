"""The calls of a daemon's HTTP interface, over the same hardened client that talks to managed systems."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import asdict

from reconciler import __version__
from reconciler.api import Client, Limits, Tls, make_http
from reconciler.api.address import base_of, where
from reconciler.errors import ApiError, BadReply, InputError
from reconciler.load.suggest import suggest
from reconciler.model import SourceFile
from reconciler.remote.answers import Asked, content, reworded, without
from reconciler.remote.server import Server
from reconciler.secret import Secret
from reconciler.wire import Flow, Request, Response, json_body

SECONDS = 30.0
PLAN_SECONDS = 300.0
"""A server bounds its plans itself, and says so; this is for one that doesn't answer at all."""


class Drawing(Struct, frozen=True):
    """How a server is to draw plans: ``format`` is text, markdown or html; the rest is for text."""

    format: str
    width: int = 100
    color: bool = False
    full: bool = False


class Remote:
    """One daemon. Names of targets are as it knows them. All may raise ApiError and InputError."""

    def __init__(self, client: Client, server: Server) -> None:
        self._client = client
        self._where = where(base_of(server.url))
        self._token = server.token

    async def targets(self) -> dict[str, Any]:
        """Its source and its targets: ``{"source": …, "items": […]}``."""
        return _shaped(await self._read("targets", "/targets"), "items", self._where)

    async def target(self, name: str) -> dict[str, Any]:
        """One target, with its objects and its open journal entries."""
        return _shaped(await self._read("status", f"/targets/{_quoted(name)}"), "name", self._where)

    async def chosen(self, names: Sequence[str]) -> list[str]:
        """These targets, or all that there are. Raises InputError for one that the server doesn't have."""
        known = [str(one["name"]) for one in (await self.targets())["items"]]
        for name in names:
            if name not in known:
                there = f"there are {', '.join(known)}"
                raise InputError(f"{self._where} has no target {name!r}.{suggest(name, known)}", remedy=there)
        return [name for name in known if not names or name in names]

    async def only(self, names: Sequence[str]) -> str:
        """The one target that a call is about. Raises InputError where that could be several."""
        if len(names) == 1:
            return names[0]
        found = await self.chosen(names)
        if len(found) != 1:
            raise InputError("this command takes one target", remedy=f"say which with --target: {', '.join(found)}")
        return found[0]

    async def plan(
        self, files: Sequence[SourceFile], targets: Sequence[str], drawing: Drawing | None
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """The plan documents of a tree, and each as text if a drawing was asked for. Raises InvalidTree."""
        body: dict[str, Any] = {"files": [{"name": one.name, "content": one.data.decode()} for one in files]}
        if targets:
            body["targets"] = list(targets)
        if drawing is not None:
            text = drawing.format == "text"
            body["render"] = asdict(drawing) if text else {"format": drawing.format}
        found = _shaped(await self._ask(("plan", "plan"), "POST", "/plan", body), "items", self._where)
        rendered = found.get("rendered", [])
        if drawing is not None and len(rendered) != len(found["items"]):
            raise BadReply(f"plan: {self._where} left out what was to be shown")
        return found["items"], list(map(str, rendered))

    async def approve(self, digest: str, target: str | None) -> str:
        """Agree to a pending plan; gives the target's name."""
        body = {"digest": digest} | ({"target": target} if target else {})
        found = await self._operate("approve", "/approvals", body)
        return str(_shaped(found, "target", self._where)["target"])

    async def suspend(self, target: str, reason: str, seconds: float | None) -> dict[str, Any]:
        """Have nothing written to a target; ``seconds`` None: until it is resumed. Gives the target."""
        body: dict[str, Any] = {"reason": reason} | ({"for": seconds} if seconds is not None else {})
        found = await self._operate("suspend", f"/targets/{_quoted(target)}/suspend", body)
        return _shaped(found, "name", self._where)

    async def resume(self, target: str) -> dict[str, Any]:
        """End a target's suspension. Gives the target."""
        return _shaped(await self._operate("resume", f"/targets/{_quoted(target)}/resume", {}), "name", self._where)

    async def adopt(self, target: str, kind: str, name: str, id: str | None) -> None:
        """Make a live object the daemon's own."""
        body = {"kind": kind, "name": name} | ({"id": id} if id is not None else {})
        await self._operate("adopt", f"/targets/{_quoted(target)}/adopt", body)

    async def forget(self, target: str, kind: str, name: str) -> None:
        """Give an object up without deleting it."""
        await self._operate("forget", f"/targets/{_quoted(target)}/forget", {"kind": kind, "name": name})

    async def resolve(self, target: str, entry: int, ending: str) -> None:
        """Say how a write ended: ``done`` or ``not-done``."""
        await self._operate("resolve", f"/targets/{_quoted(target)}/resolve", {"entry": entry, "ending": ending})

    async def history(self, target: str, limit: int) -> list[dict[str, Any]]:
        """A target's newest passes, newest first."""
        found = await self._read("history", f"/history?target={_quoted(target)}&limit={limit}")
        return list(_shaped(found, "items", self._where)["items"])

    async def _read(self, operation: str, path: str) -> Any:
        return await self._ask((operation, "read"), "GET", path)

    async def _operate(self, operation: str, path: str, body: Mapping[str, Any]) -> Any:
        return await self._ask((operation, "operate"), "POST", path, body)

    async def _ask(self, what: tuple[str, str], method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        operation, role = what
        data = json_body(body) if body is not None else None
        request = Request(operation, method, f"/api/v1{path}", body=data, write=role == "operate", judged=True)
        try:
            response = await self._client.run(_alone(request))
        except ApiError as error:
            raise reworded(error) from None
        token = self._token.reveal() if self._token else None
        return content(without(token, response), Asked(operation, self._where, role, self._token is not None))


@asynccontextmanager
async def connected(server: Server, seconds: float = SECONDS) -> AsyncIterator[Remote]:
    """A daemon to ask; ``seconds`` is the deadline of each call. Raises InputError for plain HTTP to elsewhere."""
    tls = Tls(ca=server.ca, allow_http=server.allow_http)
    http = make_http(server.url, tls=tls, connections=2, user_agent=f"reconciler/{__version__}")
    limits = Limits(request=seconds, tries=2)
    client = Client(http, server.url, _Bearer(server.token), read_only=False, limits=limits)
    try:
        yield Remote(client, server)
    finally:
        await client.close()


class _Bearer:
    """A token that needs no session: nothing is logged in to, nothing expires."""

    operations: frozenset[str] = frozenset()
    own_user: str | None = None

    def __init__(self, token: Secret | None) -> None:
        self._headers = {"authorization": Secret(f"Bearer {token.reveal()}")} if token is not None else {}

    def static_headers(self) -> Mapping[str, Secret]:
        return self._headers

    def login(self) -> Flow[Mapping[str, Secret]]:
        yield from ()
        return self._headers

    def logout(self) -> Flow[None]:
        yield from ()

    def probe(self) -> Request:
        return Request("probe", "GET", "/healthz")

    def suspects(self, response: Response) -> bool:
        return False

    def proves_expired(self, response: Response) -> bool:
        return False

    def error_text(self, response: Response) -> str:
        return ""


def _alone(request: Request) -> Flow[Response]:
    return (yield request)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _shaped(found: Any, name: str, where: str) -> dict[str, Any]:
    """An answer that has what it must have. Raises BadReply."""
    if not isinstance(found, dict) or name not in found or (name == "items" and not _objects(found["items"])):
        raise BadReply(f"{where} answered, but not as a reconciler does", remedy="check the address and the versions")
    return found


def _objects(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(one, dict) for one in items)
