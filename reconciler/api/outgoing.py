"""A described request turned into a real one: the only place where credentials are revealed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import httpx

from reconciler.api.address import join
from reconciler.api.settings import Limits
from reconciler.api.upload import Upload
from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.wire import FileBody, Request

_NAME = re.compile(r"[a-z0-9!#$%&'*+\-.^_`|~]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")


class Departure:
    """Notes, from what the library traces, whether a byte of the request itself may have left.

    ``greeting``: the connection was made, and TLS is being negotiated. ``fence`` may raise right before a part
    leaves: the library closes the connection then. A process that was paused in between sends no body any more.
    """

    def __init__(self, fence: Callable[[], None] | None = None) -> None:
        self.sent = False
        self.greeting = False
        self._fence = fence

    async def __call__(self, event: str, info: Mapping[str, object]) -> None:
        if event.endswith(".start_tls.started"):
            self.greeting = True
        # A CONNECT to a proxy is traced likewise, but carries nothing of ours.
        elif event.endswith(".send_request_headers.started"):
            if getattr(info.get("request"), "method", b"") != b"CONNECT":
                self.check()
                self.sent = True
        elif event.endswith(".send_request_body.started") and _has_body(info.get("request")):
            self.check()

    def check(self) -> None:
        """Raises what the fence raises."""
        if self._fence is not None:
            self._fence()


def build(
    http: httpx.AsyncClient,
    base: httpx.URL,
    request: Request,
    credentials: Mapping[str, Secret],
    *,
    upload: Upload | None,
    limits: Limits,
    departure: Departure,
) -> httpx.Request:
    """The request as it will be sent; credentials win over headers of the same name. Raises InputError.

    Messages of errors name headers, never values. No local variable of a frame that can fail later holds a secret.
    """
    return http.build_request(
        request.method,
        join(base, request.path),
        content=upload if isinstance(request.body, FileBody) else request.body,
        headers=_defaults(request) | _checked(request.headers.items()) | _checked(_revealed(credentials)),
        timeout=httpx.Timeout(None, connect=limits.connect),
        extensions={"trace": departure},
    )


def _has_body(request: object) -> bool:
    # Without one, the head was all there is, and has left.
    headers: Iterable[tuple[bytes, bytes]] = getattr(request, "headers", ())
    return any(name.lower() == b"content-length" and value != b"0" for name, value in headers)


def _defaults(request: Request) -> dict[str, str]:
    if isinstance(request.body, FileBody):
        return {"content-type": "application/octet-stream", "content-length": str(request.body.size)}
    return {} if request.body is None else {"content-type": "application/json"}


def _revealed(credentials: Mapping[str, Secret]) -> Iterable[tuple[str, str]]:
    return ((name, secret.reveal()) for name, secret in credentials.items())


def _checked(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    checked = {}
    for name, value in headers:
        if not _NAME.fullmatch(name.lower()) or not _VALUE.fullmatch(value):
            raise InputError(
                f"the value of the header {name[:40]!r} has characters that no header may hold; nothing was sent",
                remedy="look for a line break or a space at its start or end",
            )
        checked[name.lower()] = value
    return checked
