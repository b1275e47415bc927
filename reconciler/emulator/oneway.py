"""Systems that only take rejections, and never tell what they took: what is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from reconciler.emulator import switches
from reconciler.emulator.base import Bench, Emulation, Start
from reconciler.emulator.exchange import Exchange
from reconciler.emulator.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Paces:
    """How long things take: milliseconds before each answer."""

    latency_ms: float = 0.0


Chosen = TypeVar("Chosen", bound=Paces)


class OneWay(Emulation, Generic[Chosen]):
    """A system with a ledger and switches; what is left to say is how it judges a request."""

    def __init__(self, ledger: Ledger, chosen: Chosen) -> None:
        super().__init__(Bench())
        self.ledger = ledger
        self.chosen = chosen
        ledger.save()

    @property
    def latency(self) -> float:
        return self.chosen.latency_ms

    def options(self) -> dict[str, Any]:
        return switches.shown(self.chosen)

    def change_options(self, settings: Mapping[str, object]) -> None:
        self.chosen = switches.changed(self.chosen, settings)

    def state(self) -> dict[str, Any]:
        return self.ledger.as_json()

    def edit(self, order: Mapping[str, Any]) -> int:
        return self.ledger.edit(order)

    def save(self) -> None:
        self.ledger.save()

    def heard(self, exchange: Exchange) -> None:
        self.ledger.acknowledge(exchange.told or ())
        self.ledger.save()


def prepared(start: Start, system: str, defaults: Chosen) -> tuple[Ledger, Chosen]:
    """The ledger and the switches of a system that is started."""
    return Ledger(system, start.state), switches.changed(defaults, start.settings)
