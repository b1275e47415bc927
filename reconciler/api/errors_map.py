"""The border where the library's errors become ours: one table, complete by test, and no secret on the way out."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import TypeVar

import httpx

from reconciler.api.outgoing import Departure
from reconciler.api.tls import tls_failure
from reconciler.errors import ApiError, BadReply, LeaseLost, ReconcilerError, Unanswered, Unreachable
from reconciler.wire import Request

E = TypeVar("E", bound=BaseException)
_OUR_FAULT = "the request could not be formed"

WORDS: Mapping[type[BaseException], str] = {
    httpx.ConnectTimeout: "the connection took too long",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.PoolTimeout: "no connection was free in time",
    httpx.TimeoutException: "no answer in time",
    httpx.ConnectError: "no connection",
    httpx.ReadError: "the connection broke",
    httpx.WriteError: "the connection broke while sending",
    httpx.CloseError: "the connection broke while closing",
    httpx.NetworkError: "the connection broke",
    httpx.RemoteProtocolError: "the connection ended early, or what came is not HTTP",
    httpx.LocalProtocolError: _OUR_FAULT,
    httpx.ProtocolError: "what came is not HTTP",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: _OUR_FAULT,
    httpx.TransportError: "the connection broke",
    httpx.DecodingError: "the answer's encoding is damaged",
    httpx.TooManyRedirects: "too many redirects",
    httpx.RequestError: "the request failed",
    httpx.HTTPStatusError: "the status says no",
    httpx.HTTPError: "the request failed",
    httpx.InvalidURL: _OUR_FAULT,
    httpx.CookieConflict: _OUR_FAULT,
    httpx.StreamError: _OUR_FAULT,
    httpx.StreamConsumed: _OUR_FAULT,
    httpx.StreamClosed: "the connection broke",
    httpx.ResponseNotRead: _OUR_FAULT,
    httpx.RequestNotRead: _OUR_FAULT,
    OSError: "the connection broke",
}
LIBRARY_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError)
"""What a request may raise. OSError is among them as a TLS alert within an answer comes unwrapped."""

_SYSTEM: Mapping[type[BaseException], str] = {
    socket.gaierror: "its name can't be resolved",
    ConnectionRefusedError: "the connection was refused",
    ConnectionResetError: "the connection was reset",
}


class BrokenReply(BadReply):
    """The connection, or the time, ended before the answer to a read did; reading again may help."""


def safe(request: Request) -> bool:
    """Whether sending this twice does no more than sending it once."""
    return request.method == "GET" and not request.write


def failed(request: Request, error: BaseException, departure: Departure, *, where: str, seconds: float) -> ApiError:
    """What a failed try means; ``departure`` says how far it got, ``seconds`` is its deadline.

    Returns TlsFailure or Unreachable when nothing was sent, BrokenReply for a read, Unanswered for the rest.
    """
    words = _words(error)
    if type(error) is TimeoutError:
        words = f"no {'complete answer' if departure.sent else 'connection'} within {seconds:g} s"
    failure: ApiError
    if not departure.sent:
        words += " (in the TLS handshake)" if departure.greeting else ""
        failure = tls_failure(chain(error), where) or Unreachable(
            f"{where} can't be reached: {words}; nothing was sent", remedy="check the url, the network and the server"
        )
    elif safe(request):
        failure = BrokenReply(f"{request.operation}: {words}")
    else:
        failure = unanswered(request, words)
    # The text of a protocol error quotes headers and bodies; tracebacks hold both as local variables.
    failure.__cause__ = None if isinstance(error, httpx.ProtocolError) else bare(error)
    return failure


def fenced(request: Request, error: LeaseLost, departure: Departure) -> ReconcilerError:
    """What a write that was stopped means: LeaseLost when nothing of it was sent, else Unanswered."""
    if departure.sent:
        return unanswered(request, f"it was broken off: {error.message}")
    return LeaseLost(f"{request.operation}: {error.message}; nothing was sent", remedy=error.remedy)


def unanswered(request: Request, words: str) -> Unanswered:
    """The request left and its effect isn't known."""
    return Unanswered(
        f"{request.operation}: {words}; it may or may not have been done",
        remedy="it is read back before it is repeated",
    )


def bare(error: E) -> E:
    """The error and all that led to it, without tracebacks."""
    for part in list(chain(error)):
        part.__traceback__ = None
    return error


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its causes and contexts, the members of groups; each once."""
    seen: dict[int, BaseException] = {}
    waiting = [error]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen[id(part)] = part
        waiting += [part.__context__, part.__cause__]
        if isinstance(part, BaseExceptionGroup):
            waiting += part.exceptions
    yield from seen.values()


def _words(error: BaseException) -> str:
    for part in chain(error):
        if type(part) in _SYSTEM:
            return _SYSTEM[type(part)]
    return next(WORDS[kind] for kind in type(error).__mro__ if kind in WORDS)
