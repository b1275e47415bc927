"""What holds a target back, and what waits for a human, in words and as JSON: the same for a state and for a daemon."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.render.words import safe
from reconciler.store.records import Approval, EntryRecord, Quarantine, Suspension


def when(at: float) -> str:
    """A time in RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short(text: Any) -> str:
    """A time in RFC 3339, however exact, to the second."""
    return when(moment(text))


def moment(text: Any) -> float:
    """Unix seconds of a time in RFC 3339; 0 of what is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0


def suspension_json(one: Suspension | None) -> dict[str, Any] | None:
    """A suspension; None where there is none."""
    if one is None:
        return None
    until = when(one.until) if one.until is not None else None
    return {"owner": one.owner, "reason": one.reason, "since": when(one.since), "until": until}


def approval_json(one: Approval) -> dict[str, Any]:
    """An approval."""
    return {"digest": one.digest, "by": one.by, "at": when(one.at), "until": when(one.until)}


def quarantine_json(one: Quarantine) -> dict[str, Any]:
    """An object that is left alone for a while."""
    return {
        "object": f"{one.kind}/{one.name}",
        "failures": one.failures,
        "until": when(one.until),
        "error": one.error,
    }


def entry_json(one: EntryRecord) -> dict[str, Any]:
    """A write of which nobody knows how it ended."""
    return {
        "id": one.id,
        "operation": one.entry.operation,
        "action": one.entry.action,
        "objects": list(one.entry.names),
        "at": when(one.entry.at),
        "status": one.status,
        "reason": one.reason,
    }


def suspension_text(one: Mapping[str, Any]) -> str:
    """``by alice since …, until …: why``."""
    until = f"until {short(one['until'])}" if one.get("until") else "until somebody resumes it"
    return safe(f"by {one['owner']} since {short(one['since'])}, {until}: {one['reason']}")


def approval_text(one: Mapping[str, Any]) -> str:
    """``sha256:… by alice, until …``."""
    return safe(f"{one['digest']} by {one['by']}, until {short(one['until'])}")


def quarantine_text(one: Mapping[str, Any]) -> str:
    """``User/alice until …: failed 3 times in a row, last with …``."""
    times = "once" if one["failures"] == 1 else f"{one['failures']} times in a row"
    return safe(f"{one['object']} until {one['until']}: failed {times}: {one['error']}")


def entry_text(one: Mapping[str, Any]) -> str:
    """``#3 createUser of User/alice, sent …: why nobody knows``."""
    why = one.get("reason") or "no answer is known"
    return safe(f"#{one['id']} {one['operation']} of {', '.join(one['objects'])}, sent {short(one['at'])}: {why}")


def holds_lines(status: Mapping[str, Any]) -> list[str]:
    """A suspension and the approvals, as lines of a status."""
    suspension = status.get("suspension")
    lines = [f"Paused  {suspension_text(suspension)}"] if suspension else []
    return lines + [f"Agreed  {approval_text(one)}" for one in status.get("approvals") or ()]


def consequence(action: str, ending: str, objects: Collection[str]) -> str:
    """What follows when somebody says how a write ended."""
    if action == "create" and ending == "done":
        named = " ".join(objects).replace("/", " ", 1) if len(objects) == 1 else "KIND NAME"
        return (
            f"That makes nothing ours: what is there is updated, and never deleted. To own it: reconciler adopt {named}"
        )
    if action == "create":
        return "The next pass makes what a document still asks for."
    if action == "delete" and ending == "done":
        return "It is ours no more; the next pass makes anew what a document still asks for."
    if action == "delete":
        return "It is still ours; the next pass decides anew whether it has to go."
    return "The next pass compares it with what is live."
