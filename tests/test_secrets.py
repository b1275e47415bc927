"""Where secrets come from, and the traps on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.errors import InputError, MissingSecret
from reconciler.secrets import MAX_BYTES, Snapshot, read_setting, variable_of

CANARY = "hunter2-canary"


def revealed(snapshot: Snapshot, *names: str) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in snapshot.values(names).items()}


def refusal(snapshot: Snapshot, name: str) -> str:
    """Why a secret isn't given, after checking that all four ways agree."""
    assert snapshot.find(name) is None
    assert snapshot.values([name]) == {}
    assert snapshot.missing([name, name]) == [name]
    with pytest.raises(MissingSecret) as error:
        snapshot.get(name)
    assert CANARY not in f"{error.value.message} {error.value.remedy}"
    return error.value.message


def test_files_and_variables(tmp_path: Path):
    (tmp_path / "one").write_text("from the file\n")
    (tmp_path / "both").write_text("file")
    environ = {"RECONCILER_SECRET_TWO_WORDS": "from the variable", "RECONCILER_SECRET_BOTH": "variable"}
    snapshot = Snapshot.take(tmp_path, environ)
    names = ("one", "two-words", "both")
    assert revealed(snapshot, *names) == {"one": "from the file", "two-words": "from the variable", "both": "file"}
    assert snapshot.missing([*names, "three", "a"]) == ["a", "three"]
    assert revealed(Snapshot.take(None, environ), *names) == {"two-words": "from the variable", "both": "variable"}


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("x\n", "x"),
        ("x\r\n", "x"),
        ("x\n\n", "x\n"),
        ("x\r", "x\r"),
        (" x \t", " x \t"),
        ("\nx", "\nx"),
        ("ключ", "ключ"),
        ("x\r\r\n", "x\r"),
    ],
)
def test_one_newline_at_the_end_is_dropped(tmp_path: Path, content: str, value: str):
    (tmp_path / "name").write_bytes(content.encode())
    assert Snapshot.take(tmp_path, {}).get("name").reveal() == value
    assert Snapshot.take(None, {"RECONCILER_SECRET_NAME": content}).get("name").reveal() == value


def test_a_missing_secret_says_where_it_was_looked_for(tmp_path: Path):
    said = refusal(Snapshot.take(tmp_path, {}), "alice-password")
    assert "alice-password" in said
    assert str(tmp_path / "alice-password") in said
    assert "RECONCILER_SECRET_ALICE_PASSWORD" in said
    said = refusal(Snapshot.take(None, {}), "alice-password")
    assert "RECONCILER_SECRET_ALICE_PASSWORD" in said
    assert "file" not in said


def test_a_missing_directory_is_like_an_empty_one(tmp_path: Path):
    snapshot = Snapshot.take(tmp_path / "none", {"RECONCILER_SECRET_A": "x"})
    assert revealed(snapshot, "a") == {"a": "x"}
    assert "none" in refusal(snapshot, "b")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
def test_an_empty_value_is_an_error_when_it_is_asked_for(tmp_path: Path, content: bytes):
    (tmp_path / "name").write_bytes(content)
    environ = {"RECONCILER_SECRET_NAME": "not looked at"}
    assert "empty" in refusal(Snapshot.take(tmp_path, environ), "name")
    assert "empty" in refusal(Snapshot.take(None, {"RECONCILER_SECRET_NAME": content.decode()}), "name")


def test_files_that_cannot_be_used(tmp_path: Path):
    directory, outside = tmp_path / "secrets", tmp_path / "outside"
    directory.mkdir()
    outside.write_text(CANARY)
    (directory / "big").write_bytes(b"x" * (MAX_BYTES + 1))
    (directory / "fits").write_bytes(b"x" * MAX_BYTES)
    (directory / "latin").write_bytes(CANARY.encode() + b"\xe9")
    (directory / "folder").mkdir()
    os.mkfifo(directory / "pipe")
    (directory / "away").symlink_to(outside)
    (directory / "up").symlink_to("../outside")
    (directory / "zero").symlink_to("/dev/zero")
    (directory / "broken").symlink_to("nowhere")
    (directory / "circle").symlink_to("circle")
    (directory / "near").symlink_to("fits")
    snapshot = Snapshot.take(directory, {})
    assert len(snapshot.get("fits").reveal()) == MAX_BYTES
    assert snapshot.get("near") == snapshot.get("fits")
    for name, why in {
        "big": "larger than 1 MiB",
        "latin": "isn't UTF-8",
        "folder": "regular file",
        "pipe": "regular file",
        "away": "out of the directory",
        "up": "out of the directory",
        "zero": "out of the directory",
        "broken": "can't be read",
        "circle": "can't be read",
    }.items():
        assert why in refusal(snapshot, name)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "..data", ".hidden", "A", "a_b", "", "a\n", "-a", "é"])
def test_names_that_are_no_names(tmp_path: Path, name: str):
    (tmp_path / "outside").write_text(CANARY)
    for entry in (".hidden", "A", "a_b", "-a", "é"):
        (tmp_path / entry).write_text(CANARY)
    snapshot = Snapshot.take(tmp_path, {"RECONCILER_SECRET_": CANARY, "RECONCILER_SECRET_a": CANARY})
    assert "can't be a secret's name" in refusal(snapshot, name)


def test_every_name_has_one_variable():
    assert variable_of("a-1") == "RECONCILER_SECRET_A_1"
    environ = {"RECONCILER_SECRET_a": "no", "RECONCILER_SECRET_A-B": "no", "SECRET_A": "no", "A": "no"}
    assert Snapshot.take(None, environ).missing(["a", "a-b"]) == ["a", "a-b"]


def test_a_variable_that_is_not_utf8():
    environ = {"RECONCILER_SECRET_A": os.fsdecode(CANARY.encode() + b"\xff")}
    assert "isn't UTF-8" in refusal(Snapshot.take(None, environ), "a")


def mount(directory: Path, version: str, **values: str) -> None:
    """What the kubelet does: a folder a version, and a link that is replaced at once."""
    (directory / version).mkdir()
    for name, value in values.items():
        (directory / version / name).write_text(value)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    (directory / "..new").symlink_to(version)
    (directory / "..new").rename(directory / "..data")


def test_a_mounted_secret_is_read_from_one_version(tmp_path: Path):
    mount(tmp_path, "..2024_01", one="a1", two="b1")
    snapshot = Snapshot.take(tmp_path, {})
    mount(tmp_path, "..2024_02", one="a2", two="b2")
    (tmp_path / "..2024_01" / "one").unlink()
    assert revealed(snapshot, "one", "two") == {"one": "a1", "two": "b1"}
    assert revealed(Snapshot.take(tmp_path, {}), "one", "two") == {"one": "a2", "two": "b2"}


def test_a_mount_that_turns_over_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mount(tmp_path, "..v1", one="a1", two="b1")
    listing = os.listdir

    def turning(folder: Path) -> list[str]:
        names = listing(folder)
        if folder.name == "..v1":
            mount(tmp_path, "..v2", one="a2", two="b2")
            (tmp_path / "..v1" / "two").unlink()
        return names

    monkeypatch.setattr("reconciler.secrets.os.listdir", turning)
    assert revealed(Snapshot.take(tmp_path, {}), "one", "two") == {"one": "a2", "two": "b2"}


def test_a_snapshot_does_not_change(tmp_path: Path):
    (tmp_path / "one").write_text("before")
    environ = {"RECONCILER_SECRET_TWO": "before"}
    snapshot = Snapshot.take(tmp_path, environ)
    (tmp_path / "one").write_text("after")
    (tmp_path / "three").write_text("after")
    environ["RECONCILER_SECRET_TWO"] = "after"
    assert revealed(snapshot, "one", "two", "three") == {"one": "before", "two": "before"}


def test_the_configurations_names_are_not_the_documents(tmp_path: Path):
    (tmp_path / "git-token").write_text(CANARY)
    environ = {"RECONCILER_SECRET_FINGERPRINT_KEY": CANARY}
    snapshot = Snapshot.take(tmp_path, environ, reserved=frozenset({"git-token"}))
    assert "configuration's own" in refusal(snapshot, "git-token")
    assert snapshot.configured("git-token").reveal() == CANARY
    default = Snapshot.take(tmp_path, environ)
    assert "configuration's own" in refusal(default, "fingerprint-key")
    assert default.configured("fingerprint-key").reveal() == CANARY
    with pytest.raises(MissingSecret):
        default.configured("none")


def test_nothing_shows_a_value(tmp_path: Path):
    (tmp_path / "one").write_text(CANARY)
    snapshot = Snapshot.take(tmp_path, {"RECONCILER_SECRET_TWO": CANARY})
    assert CANARY not in repr(snapshot)
    assert CANARY not in repr(vars(snapshot))


def test_settings(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("from the file\n")
    assert read_setting({}, "PASSWORD") is None
    assert read_setting({"RECONCILER_PASSWORD": "", "RECONCILER_PASSWORD_FILE": ""}, "PASSWORD") is None
    given = read_setting({"RECONCILER_PASSWORD": "direct\n", "RECONCILER_PASSWORD_FILE": ""}, "PASSWORD")
    assert given is not None
    assert given.reveal() == "direct"
    named = read_setting({"RECONCILER_PASSWORD": "", "RECONCILER_PASSWORD_FILE": str(file)}, "PASSWORD")
    assert named is not None
    assert named.reveal() == "from the file"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"RECONCILER_PASSWORD": CANARY, "RECONCILER_PASSWORD_FILE": "good"}, "both set"),
        ({"RECONCILER_PASSWORD_FILE": "none"}, "can't be read"),
        ({"RECONCILER_PASSWORD_FILE": "."}, "regular file"),
        ({"RECONCILER_PASSWORD_FILE": "empty"}, "empty"),
        ({"RECONCILER_PASSWORD_FILE": "a\0b"}, "can't be read"),
        ({"RECONCILER_PASSWORD": "\n"}, "empty"),
    ],
)
def test_settings_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ, says: str):
    monkeypatch.chdir(tmp_path)
    Path("good").write_text(CANARY)
    Path("empty").write_text("\n")
    with pytest.raises(InputError, match=says) as error:
        read_setting(environ, "PASSWORD")
    assert "RECONCILER_PASSWORD" in error.value.message
    assert CANARY not in error.value.message
