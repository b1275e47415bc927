"""Bright River at work: POST /reject."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from reconciler.emulator.base import Emulated, Start
from reconciler.emulator.brightriver.checks import check_headers, files_of, parsed
from reconciler.emulator.brightriver.options import Options
from reconciler.emulator.exchange import Exchange
from reconciler.emulator.oneway import OneWay, prepared
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.routes import Route

GONE = "The requested resource is no longer available and will not be available again"


class BrightRiver(OneWay[Options]):
    """Takes rejections of files."""

    operations = (Route("rejectFiles", "POST", "/reject"),)

    async def handle(self, exchange: Exchange) -> Any:
        check_headers(exchange.headers, self.chosen)
        body = parsed(exchange.content, exchange.headers)
        exchange.entry.body = body
        files = files_of(body, self.chosen)
        reason = body.get(self.chosen.reason_field)
        self._reject(exchange, files, reason[0] if isinstance(reason, list) and len(reason) == 1 else reason)
        return {}

    def error(self, status: int, text: str) -> Any:
        return {"code": HTTPStatus(status).name.lower(), "message": text}

    def _reject(self, exchange: Exchange, files: list[str], reason: Any) -> None:
        unknown = [file for file in files if not self._known(file)]
        if unknown:
            raise Refusal(404, f"The resource was not found: {', '.join(unknown)}")
        spent = {file for file in files if self._spent(file)}
        sent = files if not spent or self.chosen.partly == "rest" else [file for file in files if file in spent]
        for file in sent:
            self._note(exchange, file, reason)
        exchange.told = sent
        if spent:
            raise Refusal(410, GONE)

    def _note(self, exchange: Exchange, file: str, reason: Any) -> None:
        before = self.ledger.get(file)
        if before is not None and before["times"]:
            known = "an acknowledged" if before["acknowledged"] else "an unanswered"
            self.bench.journal.violate(exchange.entry.n, "rejected-twice", f"file {file}, after {known} rejection")
        self.ledger.note(file, "gone" if file in self.chosen.gone_files else "rejected", reason=reason)

    def _known(self, file: str) -> bool:
        return not self.chosen.known_files or file in (*self.chosen.known_files, *self.chosen.gone_files)

    def _spent(self, file: str) -> bool:
        rejected = self.ledger.get(file) is not None
        return file in self.chosen.gone_files or (rejected and self.chosen.already == "410")


def _start(start: Start) -> BrightRiver:
    return BrightRiver(*prepared(start, "brightriver", Options()))


BRIGHT_RIVER = Emulated("brightriver", "Bright River", _start)
