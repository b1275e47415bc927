"""All data of the emulated product, as a control request shows it: secrets only as their SHA-256."""

from __future__ import annotations

from typing import Any

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.state import COLLECTIONS, hidden
from reconciler.emulator.metadefender.world import World


def state(world: World) -> dict[str, Any]:
    """Every object by collection, the settings, and how many sessions and planned changes there are."""
    data = world.state
    objects = {name: [without_secrets(record) for record in data.collection(name)] for name in COLLECTIONS}
    settings = {**data.settings, "servicesetting": _without_storage_config(data.settings["servicesetting"])}
    return {**objects, "settings": settings, "sessions": len(world.sessions), "scheduled": len(data.schedule)}


def without_secrets(record: Record) -> Record:
    """An object with the SHA-256 of its api_key, if it has one."""
    return record | {"api_key": hidden(record["api_key"])} if "api_key" in record else record


def _without_storage_config(setting: Record) -> Record:
    config = {name: hidden(str(value)) for name, value in setting["storage"].get("config", {}).items()}
    return {**setting, "storage": {**setting["storage"], "config": config}}
