"""What a handler raises when it doesn't do what it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """The request is answered with `status` and `text`, or with `body` where it says more than a text can. A `rule`
    says that the client ought to have known better."""

    def __init__(self, status: int, text: str, rule: str | None = None, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.rule = rule
        self.body = body
