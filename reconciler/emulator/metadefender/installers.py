"""Installers: uploading them to the spool directory, listing and deleting them."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.emulator.collection import Listing, Record
from reconciler.emulator.metadefender.state import State
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.refusal import Refusal

NAME = re.compile(
    r"(?P<type>[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*)[-_](?P<version>\d+(?:\.\d+)+)"
    r"(?:[-_.][A-Za-z0-9_.-]+)?\.(?P<platform>msi|rpm|deb|exe)"
)


def parsed(filename: str) -> Record:
    """{name, type, version, platform} of the vendor's file name; ValueError if it isn't one."""
    match = NAME.fullmatch(filename)
    if match is None:
        raise ValueError(f"{filename!r} isn't the name of an installer, such as ometascan-5.15.0-1-x64.msi")
    return {"name": filename, **match.groupdict()}


def add_installer(state: State, fields: Mapping[str, Any]) -> Record:
    """Take in an installer of {name, checksum, size}, and by choice upload_by and upload_timestamp in ms, unchecked."""
    record = {
        "installer_id": state.next_id("installers"),
        **parsed(fields["name"]),
        "checksum": fields["checksum"],
        "size": fields["size"],
        "upload_by": fields.get("upload_by", "admin"),
        "upload_timestamp": fields.get("upload_timestamp", 0),
    }
    return state.installers.add(record)


async def upload_installer(call: Call) -> dict[str, str]:
    """POST /admin/installer, header `filename` and raw bytes → {installer_id}."""
    try:
        parsed(call.headers.get("filename", ""))
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    fragment = call.world.spool / f"upload-{call.state.next_number('uploads')}"
    try:
        checksum, size = await _received(call.chunks, fragment)
        return {"installer_id": _accepted(call, fragment, checksum, size)}
    finally:
        fragment.unlink(missing_ok=True)


async def _received(chunks: AsyncIterator[bytes], fragment: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with fragment.open("wb") as file:
        async for chunk in chunks:
            digest.update(chunk)
            size += file.write(chunk)
    return digest.hexdigest(), size


def _accepted(call: Call, fragment: Path, checksum: str, size: int) -> str:
    if size == 0:
        raise Refusal(400, "The installer is empty")
    if call.state.installers.has("checksum", checksum):
        raise Refusal(400, "The installer is uploaded already", "duplicate")
    installer = add_installer(call.state, {
        "name": call.headers["filename"],
        "checksum": checksum,
        "size": size,
        "upload_by": call.user["name"],
        "upload_timestamp": time.time_ns() // 1_000_000,
    })  # fmt: skip
    identity: str = installer["installer_id"]
    fragment.rename(call.world.spool / identity)
    return identity


def list_installers(call: Call) -> bytes:
    """GET /admin/installer → a map of installer_id to {checksum, name, platform, size, type, upload_by,
    upload_timestamp, version}."""
    listing = call.world.listings.setdefault("installers", Listing(call.state.installers, view))
    return listing.text(None, by_id=True)


def view(installer: Record) -> Record:
    """An installer as the API shows it."""
    return {name: value for name, value in installer.items() if name != "installer_id"}


def delete_installer(call: Call) -> dict[str, str]:
    """DELETE /admin/installer/{installer_id} → {message}."""
    identity = call.params["installer_id"]
    if call.state.installers.get(identity) is None:
        rule = "deleted-twice" if call.state.was_deleted("installers", identity) else "unknown-id"
        raise Refusal(404, f"Installer {identity} doesn't exist", rule)
    if call.state.workers.has("installer", identity):
        raise Refusal(400, "The installer is in use", "installer-in-use")
    call.state.forget("installers", identity)
    (call.world.spool / identity).unlink(missing_ok=True)
    return {"message": "Installer deleted"}
