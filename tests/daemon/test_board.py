"""What is known right now, and who is told of it when."""

from __future__ import annotations

from reconciler.daemon.board import Board
from reconciler.daemon.state import SourceState


def test_each_look_at_the_source_is_told_and_only_what_shows_is_an_event():
    told: list[SourceState] = []
    board = Board({}, "a directory")
    board.on_source = told.append
    board.change_source(revision="r1", seen="r1", read_at=1.0)
    board.change_source(read_at=2.0)
    assert [one.read_at for one in told] == [1.0, 2.0]
    assert [one.data["revision"] for one in board.feed.since(0)] == ["r1"]
