"""Bunny Studio at work: PUT /deliverables/{id}."""

from __future__ import annotations

import re
import secrets
from http import HTTPStatus
from typing import Any

import orjson

from reconciler.emulator.base import Emulated, Start
from reconciler.emulator.bunnystudio.options import Options
from reconciler.emulator.document import Document
from reconciler.emulator.exchange import Exchange
from reconciler.emulator.oneway import OneWay, prepared
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.routes import Route

DOCUMENT = Document("reconciler.emulator.bunnystudio")
NAME = "rejectDeliverable"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CHANGE = "genderAndAgeChange"
FAILED = 'There was an error rejecting the deliverable with id "{}", please talk with our support team'


class BunnyStudio(OneWay[Options]):
    """Takes rejections of deliverables. Paths without an id lead here too, as the reference has an answer for them."""

    operations = tuple(Route(NAME, "PUT", path) for path in ("/deliverables/{id}", "/deliverables/", "/deliverables"))

    async def handle(self, exchange: Exchange) -> Any:
        if not secrets.compare_digest(exchange.headers.get("x-access-token", "").encode(), self.chosen.token.encode()):
            raise refusal(401, 401, "UNAUTHORIZED", "The access token is missing or wrong")
        identity = exchange.params.get("id", "").lower()
        if UUID.fullmatch(identity) is None:
            raise refusal(422, 422, "ID_REQUIRED", 'The field "id" is required', "id")
        if self._listed(identity, self.chosen.forbidden):
            raise refusal(403, 403, "FORBIDDEN", "You do not have permission to do this action")
        body = parsed(exchange)
        check_body(body)
        return self._reject(exchange, identity, body)

    def error(self, status: int, text: str) -> Any:
        return {"status": status, "type": HTTPStatus(status).name, "message": text}

    def _reject(self, exchange: Exchange, identity: str, body: dict[str, str]) -> dict[str, Any]:
        named = f'Deliverable with id "{identity}"'
        if self.chosen.known and not self._listed(identity, self.chosen.known):
            raise refusal(400, 404, "DELIVERABLE_NO_EXIST", f"{named} not found")
        if self._taken(exchange, identity, body):
            raise refusal(400, 404, "DELIVERABLE_ALREADY_REJECTED", f"{named} is already rejected")
        if self._listed(identity, self.chosen.failing):
            said = (
                f'There was an error rejecting the deliverable with id "{identity}", please talk with our support team'
            )
            raise refusal(500, 500, "ERROR_REJECTING_DELIVERABLE", said)
        return {"id": identity, "serviceSubCategory": "voice_over", "name": "part1", **body}

    def _taken(self, exchange: Exchange, identity: str, body: dict[str, str]) -> bool:
        """Take the rejection, unless it fails; tells whether there was one already."""
        before = self.ledger.get(identity)
        if before is not None and before["acknowledged"]:
            self.bench.journal.violate(
                exchange.entry.n, "rejected-twice", f"{identity}, after an acknowledged rejection"
            )
        failing = before is None and self._listed(identity, self.chosen.failing)
        if not failing or self.chosen.failing_done:
            self.ledger.note(identity, **body)
        exchange.told = [] if failing else [identity]
        return before is not None

    @staticmethod
    def _listed(identity: str, ids: tuple[str, ...]) -> bool:
        return identity in {id.lower() for id in ids}


def refusal(status: int, inner: int, type: str, message: str, rule: str | None = None) -> Refusal:
    """An error whose body has a status of its own, which isn't always that of the answer."""
    return Refusal(status, message, rule, {"status": inner, "type": type, "message": message})


def parsed(exchange: Exchange) -> Any:
    """The JSON of a body; what isn't called JSON isn't read."""
    if exchange.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return {}
    try:
        exchange.entry.body = orjson.loads(exchange.content)
    except (orjson.JSONDecodeError, RecursionError):
        raise refusal(400, 400, "INVALID_JSON", "The body isn't JSON", "body") from None
    return exchange.entry.body


def check_body(body: Any) -> None:
    """Refusal unless the body is as the document says, with newGenderAndAge where the reason needs it."""
    wrong = DOCUMENT.problem(DOCUMENT.bodies[NAME], body)
    if wrong is not None:
        raise refusal(422, 422, "INVALID_FIELD", wrong, "body")
    if CHANGE in (body.get("reasonCode"), body.get("reason")) and "newGenderAndAge" not in body:
        text = 'The field "newGenderAndAge" is required'
        raise refusal(422, 422, "NEW_GENDER_AND_AGE_REQUIRED", text, "body")


def _start(start: Start) -> BunnyStudio:
    return BunnyStudio(*prepared(start, "bunnystudio", Options()))


BUNNY_STUDIO = Emulated("bunnystudio", "Bunny Studio", _start)
