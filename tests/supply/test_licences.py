"""The list of third-party licences is that of the lock, and its check finds what isn't."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution, PackageMetadata
from pathlib import Path
from typing import Any, cast

import pytest

from scripts import generated, licences_write
from scripts.docs_text import ROOT, Gap
from scripts.locked import Pin, installed, licence, pins


class Package:
    """A package that says of itself what a test wants."""

    name = "thing"

    def __init__(self, *headers: tuple[str, str]) -> None:
        message: Message = Message()
        for name, value in headers:
            message[name] = value
        self.metadata = cast("PackageMetadata", message)


def said(*headers: tuple[str, str]) -> str:
    return licence(cast("Distribution", cast("Any", Package(*headers))))


def test_the_list_is_fresh() -> None:
    assert licences_write.main(["--check"]) == 0, "run scripts/licences"


def test_each_locked_package_has_a_line() -> None:
    text = (ROOT / licences_write.PAGE).read_text()
    assert [pin for pin in pins("run").values() if f"| `{pin.name}` | {pin.version} | " not in text] == []


def test_a_stale_list_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / licences_write.PAGE
    page.write_text("old\n")
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    assert licences_write.main(["--check"]) == 1
    assert "stale; run scripts/licences" in capsys.readouterr().err
    assert page.read_text() == "old\n"
    assert licences_write.main([]) == 0
    assert page.read_text() == (ROOT / licences_write.PAGE).read_text()


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([("License-Expression", "MIT OR Apache-2.0"), ("License", "no")], "MIT OR Apache-2.0"),
        ([("License", "MPL-2.0"), ("Classifier", "License :: OSI Approved :: BSD License")], "MPL-2.0"),
        ([("License", "Copyright\n  all of it"), ("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License"), ("Classifier", "Typing :: Typed")], "BSD License"),
    ],
)
def test_what_a_package_says(headers: list[tuple[str, str]], words: str) -> None:
    assert said(*headers) == words


def test_a_package_that_says_nothing_is_refused() -> None:
    with pytest.raises(Gap, match="thing doesn't say what its licence is"):
        said(("Classifier", "Typing :: Typed"))


def test_another_version_than_the_locked_one_is_refused() -> None:
    with pytest.raises(Gap, match=r"0\.0\.1 is locked: run scripts/venv"):
        installed(Pin("click", "0.0.1", frozenset()))
    with pytest.raises(Gap, match="no-such-thing isn't installed"):
        installed(Pin("no-such-thing", "1", frozenset()))
