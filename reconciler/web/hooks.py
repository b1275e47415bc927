"""Webhooks of git servers: whoever proves to know the secret wakes the daemon; nothing that they say is believed.

GitHub and Gitea sign the body (HMAC-SHA-256, in hex), GitLab sends the secret itself.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from reconciler.secret import Secret
from reconciler.web.operations import Call
from reconciler.web.problems import Refusal, json_response
from reconciler.web.reading import chunks
from reconciler.web.settings import HOOK_BODY

SIGNATURES = {"X-Hub-Signature-256": "sha256=", "X-Gitea-Signature": ""}
"""Headers with the body's signature, and what stands before it."""

TOKEN = "X-Gitlab-Token"  # noqa: S105 - a header's name


async def git(call: Call) -> Response:
    """A push happened, or something else that makes a look worth while."""
    secret = call.services.settings.webhook
    if secret is None:
        raise Refusal(404, "no webhook is configured here")
    with call.services.hook_slots.one():
        genuine = await _genuine(call.request, secret, call.services.settings.body_seconds)
    if not genuine:
        raise _unproven()
    call.services.waker.wake()
    return json_response({"status": "accepted"}, 202)


async def _genuine(request: Request, secret: Secret, seconds: float) -> bool:
    """Whether a signature fits the body, or the token is the secret."""
    key = secret.reveal().encode()
    token = request.headers.get(TOKEN)
    if token is not None:
        knows = hmac.compare_digest(token.encode("latin-1"), key)
        if not knows:
            return False
    given = [request.headers[name].removeprefix(start) for name, start in SIGNATURES.items() if name in request.headers]
    if token is None and not given:
        return False
    digest = hmac.new(key, digestmod="sha256")
    async for chunk in chunks(request, HOOK_BODY, seconds):
        digest.update(chunk)
    mine = digest.hexdigest().encode()
    fits = [hmac.compare_digest(one.lower().encode("latin-1"), mine) for one in given]
    return all(fits)


def _unproven() -> Refusal:
    detail = "the webhook isn't signed with the secret that is configured here"
    return Refusal(401, detail, headers={"WWW-Authenticate": 'Signature realm="webhook"'})
