"""What is said to PostgreSQL about leases; all times are seconds of its own clock.

Locks: a write locks its target's row, so that a target's writes come one after the other, and shares the lease's
row with its renewal (FOR KEY SHARE), but not with a take-over (FOR UPDATE), which waits for the write's end.
"""

from __future__ import annotations

from sqlalchemy import text

_NOW = "extract(epoch FROM clock_timestamp())::float8"
_LEFT_OPEN = "EXISTS (SELECT FROM entries WHERE target = :target AND status = 'open')"
MAKE = text(
    "INSERT INTO leases (target, holder, token, expires, request_deadline, settle_after)"
    " VALUES (:target, NULL, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
)
_SEEN = f"SELECT holder, token, expires, expires - {_NOW} AS left FROM leases WHERE target = :target"  # noqa: S608
SEE, LOCK = text(_SEEN), text(f"{_SEEN} FOR UPDATE")
TAKE = text(
    f"""UPDATE leases SET
        holder = :holder, token = token + 1, expires = {_NOW} + :seconds, request_deadline = :request_deadline,
        settle_after = CASE WHEN NOT {_LEFT_OPEN} THEN 0
                            WHEN holder IS NULL THEN settle_after
                            ELSE greatest(settle_after, expires + request_deadline) END
    WHERE target = :target
    RETURNING token, greatest(0, settle_after - {_NOW}) AS wait"""  # noqa: S608
)
KEEP = text(f"UPDATE leases SET expires = {_NOW} + :seconds WHERE target = :target AND token = :token")  # noqa: S608
DROP = text(
    f"""UPDATE leases SET
        holder = NULL, expires = 0,
        settle_after = CASE WHEN {_LEFT_OPEN} THEN greatest(settle_after, {_NOW} + request_deadline) ELSE 0 END
    WHERE target = :target AND token = :token"""  # noqa: S608
)
ANNOUNCE = text(
    f"""INSERT INTO replicas (name, expires) VALUES (:name, {_NOW} + :seconds)
    ON CONFLICT (name) DO UPDATE SET expires = excluded.expires"""  # noqa: S608
)
FORGET = text(f"DELETE FROM replicas WHERE expires < {_NOW}")  # noqa: S608
CENSUS = text("SELECT count(*) FROM replicas")
ALONE = text("SELECT FROM targets WHERE name = :target FOR NO KEY UPDATE")
CHECK = text("SELECT token FROM leases WHERE target = :target FOR KEY SHARE")
