"""What people are told when the state can't be had, word for word: which one it is, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import StateUnusable
from reconciler.store import Store
from reconciler.store.hold import locked
from tests.store.given import URL, begun, entry_of, sql, url_of, user, with_store


def test_a_second_writer_is_told_who_is_there() -> None:
    told = locked("node-1:42")
    assert told.message == "the state is in use by node-1:42"
    assert told.remedy == "Wait for it to end (--lock-timeout), or let the running daemon do it (--server)."


@pytest.mark.parametrize(("left", "says"), [(4096 * 2, "{} is damaged"), (0, "{} is empty")])
def test_what_is_damaged_is_named_with_a_way_out(tmp_path: Path, left: int, says: str) -> None:
    path = tmp_path / "state.db"
    with_store(path, lambda store: store.own(user("alice")))
    path.write_bytes(path.read_bytes()[:left])
    for writable in (True, False):
        with pytest.raises(StateUnusable) as told:
            Store.open(url_of(path), "default", URL, writable=writable)
        assert told.value.message == says.format(path)
        assert told.value.remedy is not None
        assert told.value.remedy.startswith("Put a backup in its place (state restore), or move it away")


def test_a_counter_that_is_damaged_while_it_is_used_is_not_counted_on(tmp_path: Path) -> None:
    """What a pass has destroyed is added to a number; one that somebody changed would free a whole day's budget."""
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        entry = entry_of(await begun(store), "dave", destructive=1)
        await store.open_entry(entry)
        sql(path, "UPDATE targets SET charged = -20")
        with pytest.raises(StateUnusable) as told:
            await store.open_entry(entry)
        assert told.value.message == "the state's row of the target default is damaged"

    with_store(path, story)
