"""Version 3: an index, so that an object's create costs the same however many others wait for their ids."""

from __future__ import annotations

from alembic.operations import Operations


def upgrade(operations: Operations) -> None:
    """From version 2."""
    operations.create_index("ix_unfinished_identity", "unfinished", ["identity", "target", "kind"])
