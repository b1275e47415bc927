"""A webhook: each message as JSON, signed, to one address."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from reconciler.notify.message import Message, to_json
from reconciler.notify.post import DEADLINE, Post, Way, accepted
from reconciler.secret import Secret

SIGNATURE = "X-Reconciler-Signature-256"
DELIVERY = "X-Reconciler-Delivery"


class Webhook:
    """Posts messages (``message.to_json``) with two headers.

    ``X-Reconciler-Delivery`` is the message's id, the same at every try, so that a receiver can drop what it has had.
    ``X-Reconciler-Signature-256`` is ``sha256=`` and the HMAC-SHA-256 of the body's bytes in hex, where there is a
    signing secret; compare it in constant time before reading the body.
    """

    def __init__(
        self,
        name: str,
        url: Secret,
        signing: Secret | None = None,
        targets: frozenset[str] = frozenset(),
        way: Way | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self.name = name
        self.targets = targets
        self._signing = signing
        self._post = Post(url.reveal(), name, way or Way(), deadline)

    async def send(self, message: Message) -> None:
        """Raises ApiError; ``retryable`` says whether another try may help."""
        body = to_json(message)
        response = await self._post.send(self._post.address, body, self._headers(message, body))
        # What the server says isn't repeated: it may quote a part of its own address, and so a token.
        accepted(response, self.name)

    def _headers(self, message: Message, body: bytes) -> Mapping[str, str]:
        headers = {DELIVERY: message.id}
        if self._signing is not None:
            headers[SIGNATURE] = f"sha256={hmac.new(self._signing.reveal().encode(), body, sha256).hexdigest()}"
        return headers

    async def close(self) -> None:
        await self._post.close()
