"""The one way out for notifications: a POST over the hardened client, with a deadline and a bounded answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
from msgspec import Struct, field

from reconciler.api import Tls, make_http
from reconciler.api.address import is_loopback, usable
from reconciler.api.errors_map import LIBRARY_ERRORS, failed
from reconciler.api.outgoing import Departure
from reconciler.api.retry import retry_after
from reconciler.errors import ApiError, InputError, Redirected, Refused, ServerFault
from reconciler.wire import Request, Response

DEADLINE = 10.0
"""Seconds for one request, from the connection to the end of the answer."""

_ANSWER = 16 * 1024
_REQUEST = Request("notify", "POST", "/")


class Way(Struct, frozen=True):
    """How requests leave: which servers are believed, and through which proxy."""

    tls: Tls = field(default_factory=Tls)
    proxy: str | None = None


def checked(url: str, name: str, tls: Tls) -> httpx.URL:
    """An address that something may be posted to. Raises InputError, which names the secret and not the address."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if not usable(address):
        raise InputError(f"{name} is no address that can be posted to", remedy="write it as https://HOST/PATH")
    if address.scheme == "http" and not (tls.allow_http or is_loopback(address)):
        raise InputError(f"{name} would be sent unencrypted", remedy="use https, or permit it: RECONCILER_ALLOW_HTTP=1")
    return address


class Post:
    """Posts to one server. ``name`` stands for its address in every message."""

    def __init__(self, url: str, name: str, way: Way, deadline: float = DEADLINE) -> None:
        self.address = checked(url, name, way.tls)
        self._name = name
        self._deadline = deadline
        # The factory takes no query and no user, which a webhook's address may well have; they go with each request.
        origin = f"{self.address.scheme}://{self.address.netloc.decode('ascii')}"
        self._http = make_http(origin, tls=way.tls, proxy=way.proxy, connections=1)

    async def send(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Response:
        """The answer, whatever its status. Raises Unreachable, TlsFailure or Unanswered."""
        departure = Departure()
        failure: ApiError
        try:
            async with asyncio.timeout(self._deadline):
                return await self._answer(url, body, headers, departure)
        except LIBRARY_ERRORS as error:
            failure = failed(_REQUEST, error, departure, where=self._name, seconds=self._deadline)
            failure.__cause__ = None
        # Raised out here so that what the library raised, and quotes, isn't its context.
        raise failure

    async def _answer(self, url: httpx.URL, body: bytes, headers: Mapping[str, str], departure: Departure) -> Response:
        request = self._http.build_request(
            "POST",
            url,
            content=body,
            headers={"content-type": "application/json", **headers},
            timeout=httpx.Timeout(None),
            extensions={"trace": departure},
        )
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            start = bytearray()
            async for chunk in response.aiter_raw():
                start += chunk
                if len(start) > _ANSWER:
                    break
            return Response(response.status_code, dict(response.headers), bytes(start))
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()


def accepted(response: Response, name: str, words: str = "") -> None:
    """Raises Redirected, ServerFault (429 and 5xx, worth another try) or Refused unless the status is 2xx.

    ``words`` are the server's own, to be repeated in the message.
    """
    status = response.status
    said = f": {words}" if words else ""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Redirected(f"{name} points elsewhere ({status}), which is not followed", remedy="use the final address")
    if status in (408, 425, 429) or status >= 500:
        after = retry_after(response.headers)
        raise ServerFault(f"{name} answered with {status}{said}", status=status, retry_after=after)
    raise Refused(f"{name} refused with {status}{said}", status=status)
