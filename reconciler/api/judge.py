"""What a status means where no flow has to be asked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from reconciler.api.errors_map import safe, unanswered
from reconciler.api.retry import retry_after
from reconciler.errors import ApiError, Redirected, ServerFault
from reconciler.wire import Request, Response

_HOST = re.compile(r"[A-Za-z0-9.\-:]{1,253}")


def objection(request: Request, response: Response, where: str, words: str) -> ApiError | None:
    """The error that an answer stands for whatever the flow thinks of it: 3xx, 429, 5xx; None for the rest.

    ``words`` are the server's own about the failure, bounded and scrubbed.
    """
    status = response.status
    if request.judged and (status < 300 or status >= 400):
        return None
    said = f"answered {status}" + (f": {words}" if words else "")
    if 300 <= status < 400:
        return _redirected(request, response, where)
    if status == 429 or (status >= 500 and safe(request)):
        undone = "" if safe(request) else "; it was not done"
        after = retry_after(response.headers)
        return ServerFault(f"{request.operation}: {said}{undone}", status=status, text=words, retry_after=after)
    return unanswered(request, said) if status >= 500 else None


def _redirected(request: Request, response: Response, where: str) -> Redirected:
    try:
        host = urlsplit(response.hide(response.headers.get("location", ""))).hostname
    except ValueError:
        host = "?"
    named = where if host is None else host if _HOST.fullmatch(host) else "an address that can't be read"
    return Redirected(
        f"{request.operation}: answered {response.status} and points to {named}; redirects are never followed",
        remedy="set the url to where the API itself is",
    )
