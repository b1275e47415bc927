"""What is refused when a state is opened, word for word, and alike whichever way it is opened."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import reconciler.store
from reconciler.errors import StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store import Store, open_for_reading, shared, shown
from reconciler.store.glance import Glance, glance_at
from tests.store.given import KEYRING, NOW, URL, begun, entry_of, key_of, sql, url_of, user, with_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state that owns alice and has something in its journal."""

    async def fill(store: Store) -> None:
        await store.own(user("alice"))
        await store.remember_sent(key_of("alice"), {"/password": "k:1"}, NOW)
        await store.open_entry(entry_of(await begun(store), "bob", destructive=1))

    with_store(tmp_path / "state.db", fill)
    return tmp_path / "state.db"


def writing(url: str, target: str, target_url: str) -> Store:
    return Store.open(url, target, target_url, writable=True)


def refusal(opening: Callable[[str, str, str], object], url: str, target_url: str = URL) -> tuple[str, str | None]:
    with pytest.raises(StateUnusable) as told:
        opening(url, "default", target_url)
    return told.value.message, told.value.remedy


def no_key(path: Path) -> None:
    path.with_name("state.db.key").unlink()


def bad_key(path: Path) -> None:
    path.with_name("state.db.key").write_text("ab" * 32 + "\nff")


def key_folder(path: Path) -> None:
    no_key(path)
    path.with_name("state.db.key").mkdir()


def other_key(path: Path) -> None:
    path.with_name("state.db.key").write_text("00" * 32)


RESTORE = "Put a backup in its place (state restore), or move it away to begin with a state that owns nothing."
VERSION = "Use the version of the program that made it, or restore a backup."
MISSING = (
    "Put the key file back, or name the secret fingerprint-key that the state was made with; "
    "without either, move the database away to begin with a state that owns nothing."
)
FORMER = "Put its key file back, or list the former fingerprint-key after the new one."
SPOILT: dict[str, tuple[Callable[[Path], object], str, str | None]] = {
    "empty": (lambda path: path.write_bytes(b""), "{} is empty", RESTORE),
    "no database": (lambda path: path.write_bytes(b"x" * 9000), "{} is damaged", RESTORE),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "{} is damaged", RESTORE),
    "nobody's row": (lambda path: sql(path, "UPDATE sent SET target = 'x'"), "{} is damaged", RESTORE),
    "counter": (lambda path: sql(path, "UPDATE targets SET charged = 0"), "{} is damaged", RESTORE),
    "foreign": (
        lambda path: sql(path, "DROP TABLE schema_version"),
        "{} is not a state of this program",
        "Name another one.",
    ),
    "newer": (
        lambda path: sql(path, "UPDATE schema_version SET version = 99"),
        "{} has schema version 99, this program works with 3",
        VERSION,
    ),
    "two versions": (
        lambda path: sql(path, "INSERT INTO schema_version VALUES (1)"),
        "{} has schema version unknown, this program works with 3",
        VERSION,
    ),
    "no key": (no_key, "the key of the state, {}.key, is missing", MISSING),
    "bad key": (bad_key, "the key file {}.key is damaged", "Put a copy of it back."),
    "key folder": (key_folder, "{}.key can't be used: Is a directory", None),
    "other key": (other_key, "{} was sealed with a key that isn't here", FORMER),
}


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("opening", [glance_at, open_for_reading, writing])
def test_what_is_not_sound_is_refused(path: Path, opening: Callable[[str, str, str], object], how: str):
    spoil, says, remedy = SPOILT[how]
    spoil(path)
    assert refusal(opening, url_of(path)) == (says.format(path), remedy)


@pytest.mark.parametrize("opening", [glance_at, open_for_reading, writing])
def test_the_state_of_another_server_is_refused(path: Path, opening: Callable[[str, str, str], Store | Glance]):
    assert refusal(opening, url_of(path), "https://elsewhere.example") == (
        f"in {path}, the target default is {URL}, and not https://elsewhere.example",
        "Use another state (--state): what we own on one server isn't ours on another.",
    )
    assert refusal(opening, url_of(path), URL + "X")[0].endswith(f"{URL}X")
    asyncio.run(opening(url_of(path), "default", URL + "//").close())


def test_a_state_that_was_made_with_a_slash_is_the_same_without(tmp_path: Path):
    url = url_of(tmp_path / "state.db")
    asyncio.run(writing(url, "default", f"{URL}/").close())
    for opening in (writing, open_for_reading, glance_at):
        found = opening(url, "default", URL)
        assert found is not None
        asyncio.run(found.close())
    assert refusal(writing, url, "https://x.example")[0].endswith(f"is {URL}/, and not https://x.example")


FILE = "Use sqlite:///state.db."
EITHER = "Use sqlite:///state.db, or postgresql+psycopg://user@host/database."
ADDRESSES = {
    "sqlite://": ("the state's URL must name a file and nothing else", FILE),
    "sqlite:///:memory:": ("the state's URL must name a file and nothing else", FILE),
    "sqlite:///state.db?mode=memory": ("the state's URL must name a file and nothing else", FILE),
    "sqlite://host/state.db": ("the state's URL must name a file and nothing else", FILE),
    "sqlite:///a\0b": ("the state's path can't be resolved", None),
    "mysql://me:hunter2@db/state": ("a state can't be kept in mysql", EITHER),
    "state.db": ("the state's URL can't be read", EITHER),
}


@pytest.mark.parametrize("opening", [glance_at, open_for_reading, writing])
@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_that_names_no_state_is_refused(url: str, opening: Callable[[str, str, str], object]):
    assert refusal(opening, url) == ADDRESSES[url]


def test_an_address_is_shown_without_its_password():
    url = "postgresql+psycopg://me:hunter2@db.example:5433/state"
    assert shown(f"{url}?password=hunter2&sslmode=require") == (
        "postgresql+psycopg://me:***@db.example:5433/state?sslmode=require"
    )
    assert shown("sqlite:///state.db") == "sqlite:///state.db"
    assert (shared(url), shared(url.replace("postgresql+psycopg", "postgres")), shared("sqlite:///x")) == (
        True,
        True,
        False,
    )
    for asking in (shown, shared):
        with pytest.raises(StateUnusable, match="can't be kept in mysql"):
            asking("mysql://me:hunter2@db/state")


def test_the_package_has_nothing_else():
    with pytest.raises(AttributeError, match=r"^nonsense$"):
        _ = reconciler.store.nonsense


def test_a_place_is_said_and_what_it_lacks(path: Path):
    with pytest.raises(StateUnusable) as told:
        Store.open(url_of(path), "another", URL, writable=False)
    assert told.value.message == f"{path} holds no state of the target another"

    async def look(store: Store) -> None:
        assert store.where == str(path)

    with_store(path, look)


@pytest.mark.parametrize("opening", [glance_at, open_for_reading])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, opening: Callable[[str, str, str], object]):
    path = tmp_path / ("x" * 300)
    assert refusal(opening, url_of(path)) == (f"{path} can't be used: File name too long", None)


def test_what_cannot_be_made_is_refused(tmp_path: Path):
    path = tmp_path / ("x" * 300)
    lock = path.with_name(path.name + ".lock")
    assert refusal(writing, url_of(path)) == (f"{lock} can't be used: File name too long", None)
    path = tmp_path / "none" / "state.db"
    assert refusal(writing, url_of(path)) == (f"the directory {path.parent} doesn't exist", "Make it first.")
    (tmp_path / "a.db").mkdir()
    for opening in (writing, open_for_reading, glance_at):
        assert refusal(opening, url_of(tmp_path / "a.db")) == (f"{tmp_path / 'a.db'} is not a file", None)
    (tmp_path / "b.db.lock").mkdir()
    assert refusal(writing, url_of(tmp_path / "b.db"))[0] == f"{tmp_path}/b.db.lock can't be used: Is a directory"
    (tmp_path / "c.db.new").mkdir()
    assert refusal(writing, url_of(tmp_path / "c.db"))[0] == f"{tmp_path}/c.db can't be used: Is a directory"
    (tmp_path / "c.db.new").rmdir()
    asyncio.run(writing(url_of(tmp_path / "c.db"), "default", URL).close())  # the lock was given back


def test_what_may_not_be_read_or_written_is_said(path: Path, monkeypatch: pytest.MonkeyPatch):
    """The superuser may do everything, so the system's answer is given here."""

    def denying(what: Path, right: int) -> None:
        monkeypatch.setattr(os, "access", lambda file, mode: file != what or not mode & right)

    denying(path, os.R_OK)
    for opening in (glance_at, open_for_reading):
        assert refusal(opening, url_of(path)) == (f"{path} can't be read: permission denied", None)
    for right in (os.R_OK, os.W_OK):
        denying(path, right)
        assert refusal(writing, url_of(path)) == (f"{path} can't be written: permission denied", None)
    for right in (os.W_OK, os.X_OK):
        denying(path.parent, right)
        says = f"the directory {path.parent} can't be written: permission denied"
        assert refusal(writing, url_of(path)) == (says, None)


@pytest.mark.parametrize("opening", [glance_at, open_for_reading])
def test_in_a_folder_that_may_not_be_written_nothing_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch, opening: Callable[[str, str, str], Store | Glance]
):
    """SQLite makes side files even to read; without the right to, it reads a file that nobody writes as it is."""

    async def owned() -> set[object]:
        found = opening(url_of(path), "default", URL)
        try:
            return set((await found.look(NOW)).owned)
        finally:
            await found.close()

    async def beside(store: Store) -> None:
        await store.own(user("erin"))
        assert await owned() == {key_of("alice"), key_of("erin")}

    before = sorted(path.parent.iterdir())
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda file, mode: file != path.parent or not mode & os.W_OK)
    assert asyncio.run(owned()) == {key_of("alice")}
    assert sorted(path.parent.iterdir()) == before
    with monkeypatch.context() as again:
        again.setattr(os, "access", allowed)
        store = writing(url_of(path), "default", URL)

    async def story() -> None:
        await beside(store)
        await store.close()

    asyncio.run(story())


def test_a_glance_counts_anew_with_each_look(path: Path):
    async def story() -> None:
        found = glance_at(url_of(path), "default", URL)
        assert isinstance(found, Glance)
        assert found.damaged == 0
        sql(path, "UPDATE owned SET document = CAST(x'ff' AS TEXT)")
        for _ in range(2):
            assert (await found.look(NOW)).owned == {}
            assert found.damaged == 1
        sql(path, "DELETE FROM owned")
        assert (await found.look(NOW)).owned == {}
        assert found.damaged == 0
        await found.close()
        with pytest.raises(StateError) as told:
            await found.look(NOW)
        assert told.value.message == f"the state {path} failed: Cannot operate on a closed database."

    asyncio.run(story())


def test_the_keys_are_the_given_ones_and_those_of_the_file(path: Path):
    kept = bytes.fromhex(path.with_name("state.db.key").read_text())
    for opening in (glance_at, open_for_reading):
        found = opening(url_of(path), "default", URL, KEYRING)
        assert found is not None
        assert found.keyring == Keyring((*KEYRING.keys, kept))
        assert set(asyncio.run(found.look(NOW)).owned) == {key_of("alice")}
        asyncio.run(found.close())
        found = opening(url_of(path), "default", URL, Keyring((kept, *KEYRING.keys)))
        assert found is not None
        assert found.keyring == Keyring((kept, *KEYRING.keys))
        asyncio.run(found.close())


def test_a_relative_address_names_a_file_here(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(path.parent)
    found = glance_at("sqlite:///state.db", "default", URL)
    assert isinstance(found, Glance)
    monkeypatch.chdir("/")
    assert set(asyncio.run(found.look(NOW)).owned) == {key_of("alice")}
    asyncio.run(found.close())
    assert glance_at(url_of(path), "another", URL) is None
    assert glance_at("sqlite:///none.db", "default", URL) is None
