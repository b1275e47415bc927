"""A damaged state is refused, or only shrinks what may be done: no byte of it makes anything ours, done or allowed.

Each byte of the state of a real apply is turned over (its pages' free space a stretch at a time), and the file is cut
at each byte. Its log is cut and turned over at places that chance picks.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from reconciler.errors import StateError
from reconciler.store import Settlement, Store
from tests.e2e.conftest import applied, converged, served
from tests.e2e.kit import Desk
from tests.fuzz.damage import PREPARED, Read, State
from tests.fuzz.shards import long, run
from tests.store.given import NOW, URL, begun, entry_of, key_of, user, with_store

__all__ = ["applied", "converged", "served"]  # fixtures

FLIPS, CUTS = 5, 3
BITS = 8


@pytest.mark.ci
@pytest.mark.parametrize("shard", range(FLIPS))
def test_each_byte_turned_over(state: Path, shard: int, tmp_path: Path) -> None:
    size = (state / "state.db").stat().st_size // 4096
    first, end = (size * number // FLIPS * 4096 for number in (shard, shard + 1))
    for bit in range(BITS if long() else 1):
        tally = run("bytes_of_state", bit, first, end - first, tmp_path, **{PREPARED: str(state)})
        assert sum(tally.values()) == end - first
        assert {"flip: refused", "flip: nothing changes, with its neighbours"} <= set(tally)


@pytest.mark.ci
@pytest.mark.parametrize("shard", range(CUTS))
def test_cut_at_each_byte(state: Path, shard: int, tmp_path: Path) -> None:
    size = (state / "state.db").stat().st_size
    first, end = (size * number // CUTS for number in (shard, shard + 1))
    tally = run("bytes_of_state", 0, size + first, end - first, tmp_path, **{PREPARED: str(state)})
    assert tally == {"cut: refused": end - first}


# --- a small state, and its log

NAMES = ("alice", "bob", "carol")


def fresh(source: Path, folder: Path) -> State:
    """A copy of a state in a folder of its own."""
    folder.mkdir(parents=True)
    return State(source, folder)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Read]]:
    """A state whose log holds several commits, with what was to be read after each."""
    folder = tmp_path_factory.mktemp("history")
    path, kept = folder / "state.db", folder / "kept" / "state.db"
    kept.parent.mkdir()
    reads: list[Read] = []

    async def story(store: Store) -> None:
        number = await begun(store)
        keep()
        for name in NAMES:
            entry = await store.open_entry(entry_of(number, name, destructive=1, action="delete"))
            keep()
            await store.close_entry(entry, Settlement("done", own=(user(name),)))
            keep()
            await store.remember_sent(key_of(name), {"/password": f"k:{name}"}, NOW)
            keep()
        await store.open_entry(entry_of(number, "dave", action="delete", destructive=1))
        keep()

    def keep() -> None:
        for suffix in ("", "-wal", ".key"):
            shutil.copy(f"{path}{suffix}", f"{kept}{suffix}")
        (kept.parent / "facts.json").write_text(json.dumps({"url": URL, "now": NOW}))
        reads.append(fresh(kept, folder / str(len(reads))).sound)

    with_store(path, story)
    assert len(set(map(repr, reads))) == len(reads), "each commit shows"
    return kept, reads


def damaged_log(data: bytes, chance: Random) -> bytes:
    """A log that ends early, or in which a bit is turned over, or a frame occurs twice."""
    at = chance.randrange(len(data))
    way = chance.randrange(4)
    if way == 0:
        return data[:at]
    if way == 1:
        return data[: at - at % 4096 + chance.randrange(-30, 60)]
    if way == 2:
        frame = 4096 + 24
        start = 32 + at // frame * frame
        return data[:start] + data[start : start + frame] + data[start:]
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


@pytest.mark.parametrize("shard", [0, *(pytest.param(number, marks=pytest.mark.ci) for number in (1, 2))])
def test_a_damaged_log_is_an_earlier_commit(history: tuple[Path, list[Read]], tmp_path: Path, shard: int) -> None:
    kept, reads = history
    state = fresh(kept, tmp_path / "copy")
    log = state.path.with_name("state.db-wal")
    whole, chance = kept.with_name("state.db-wal").read_bytes(), Random(shard)  # noqa: S311 - to be repeated
    base = kept.read_bytes()
    earlier = 0
    for number in range(400 * (10 if long() else 1) if shard else 40):
        log.with_name("state.db-shm").unlink(missing_ok=True)
        state.path.write_bytes(base)
        log.write_bytes(damaged_log(whole, chance))
        try:
            found = state.read()
        except StateError:
            continue
        assert found in reads or found.memory.owned == {}, f"shard {shard}, damage {number}"
        earlier += found != reads[-1]
    assert earlier


@pytest.mark.parametrize("place", [24, 48, 100, 4096, 3 * 4096 + 8, 6 * 4096 + 4000])
def test_some_bytes_at_every_save(history: tuple[Path, list[Read]], tmp_path: Path, place: int) -> None:
    state = fresh(history[0], tmp_path / "copy")
    with_store(state.path, begun, target="default")  # which takes the log in
    data = bytearray(state.path.read_bytes())
    state.sound = state.read()
    data[place] ^= 1
    state.path.write_bytes(data)
    assert state.judge() in ("refused", "less", "nothing changes")
    state.path.write_bytes(data[:place])
    with pytest.raises(StateError):
        state.read()


# --- what a whole command makes of it


def deletes_nothing(desk: Desk, *codes: int) -> None:
    """Without the documents of two users, a prune would delete them, if they were known to be ours."""
    desk.drop_document("users.yaml", "alice")
    before = desk.center.last()
    desk.apply("--prune", "--allow", "deletions=50")
    assert desk.said[-1].code in codes
    assert not [one for one in desk.center.writes(before) if one.startswith(("delete", "disconnect", "undeploy"))]
    assert not [one for one in desk.center.writes(before) if one.startswith(("create", "connect", "upload", "deploy"))]
    assert {"alice", "bob"} <= set(desk.center.names("users"))


def the_state(desk: Desk) -> Path:
    """The desk's state file."""
    return desk.folder / "state" / "state.db"


@pytest.mark.ci
def test_a_prune_with_a_sound_state_deletes(converged: Desk) -> None:
    converged.drop_document("users.yaml", "alice")
    converged.apply("--prune", "--allow", "deletions=50").ended(0)
    assert "alice" not in converged.center.names("users")


@pytest.mark.ci
def test_a_damaged_row_deletes_nothing(converged: Desk) -> None:
    path = the_state(converged)
    data = path.read_bytes()
    seal = data.index(b'["LOCAL","alice"]')
    while seal >= 0:  # in the row and in the index alike
        data = data[: seal + 10] + b"m" + data[seal + 11 :]
        seal = data.find(b'["LOCAL","alice"]')
    path.write_bytes(data)
    deletes_nothing(converged, 0, 3)


@pytest.mark.ci
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_state_sends_nothing(converged: Desk, share: float) -> None:
    path = the_state(converged)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    before = converged.center.last()
    deletes_nothing(converged, 1)
    assert converged.center.writes(before) == []


@pytest.mark.ci
def test_a_state_that_is_gone_owns_nothing(converged: Desk) -> None:
    the_state(converged).unlink()
    deletes_nothing(converged, 0, 3)
