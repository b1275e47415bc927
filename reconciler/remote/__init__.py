"""Asks a running daemon in place of the state and the managed system: what ``--server URL`` does."""

from __future__ import annotations

from reconciler.remote.client import PLAN_SECONDS, Drawing, Remote, connected
from reconciler.remote.server import Server, server_from

__all__ = ["PLAN_SECONDS", "Drawing", "Remote", "Server", "connected", "server_from"]
