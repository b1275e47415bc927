"""A new tree costs what has changed in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from reconciler.daemon.board import Board
from reconciler.daemon.following import DirectoryFollower
from reconciler.daemon.roster import Roster
from reconciler.daemon.trees import Trees
from reconciler.model import Ref, Resource
from reconciler.policy import Policy
from reconciler.settings import Where
from tests.systems.kit import user


def resources(trees: Trees) -> dict[str, Resource]:
    share = trees.share("default")
    assert share is not None
    return {name: share.desired.resources[Ref("User", name)] for name in ("ann", "bob")}


def test_only_what_has_changed_is_read_and_checked_again(tmp_path: Path):
    for name in ("ann", "bob"):
        (tmp_path / f"{name}.yaml").write_text(user(name))
    roster = Roster.of(Where(url="http://127.0.0.1:1"), Policy(), None, 60)
    follower = DirectoryFollower(str(tmp_path), roster.claims, 60)
    told: list[list[str]] = []
    trees = Trees(follower, roster, Board(roster.entries, "here"), told.append)

    async def looks() -> tuple[dict[str, Resource], dict[str, Resource]]:
        await trees.look()
        before = resources(trees)
        (tmp_path / "bob.yaml").write_text(user("bob", email="bob@example.com"))
        await trees.look()
        return before, resources(trees)

    before, after = asyncio.run(looks())
    assert told == [["default"], ["default"]]
    assert after["ann"] is before["ann"]
    assert (before["bob"].spec.email, after["bob"].spec.email) == (None, "bob@example.com")
