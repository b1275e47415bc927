"""What an export writes is read back as the very same values, by the strict loader and by other YAML readers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.export import secret_of, to_yaml
from reconciler.load import load
from reconciler.model import Document, SourceFile
from reconciler.secret import SecretRef
from tests.systems.kit import SYSTEM

ROLE = SYSTEM.kinds["Role"]

# What the loader takes: no control characters (but tab and line feed), no half characters.
texts = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1, max_size=40)
SURPRISES = [
    "", " ", "no", "NO", "on", "Yes", "y", "null", "~", "true", "0755", "22:22", "1e3", "1.0", ".inf", "0x10", "0o7",
    "2024-01-02", "=", "<<", "a: b", "a #b", "#a", "- a", "-", "?", "&a", "*a", "!a", "%a", "@a", "`a", "'", '"', "\\",
    "a\nb", "a\tb", " a", "a ", "a:", ":a", "{a}", "[a]", ",", "|", ">", "ü", "日本", "a\u00a0b", "é" * 150, "x " * 200,
    "---", "...", "--- a", "a b" * 60, "🙂", "\ufeffa", "1_000", "+1", "-1", "0b1", "N", "Off", "None", "nan",
]  # fmt: skip


def back(text: str) -> list[Document]:
    documents, problems = load([SourceFile("a.yaml", text.encode())])
    assert [str(one) for one in problems] == []
    return documents


@pytest.mark.parametrize("text", SURPRISES)
def test_a_text_stays_a_text(text: str) -> None:
    written, _ = to_yaml(SYSTEM, ROLE, [("r", {"display_name": text, "rights": {text or "x": [text, "b"]}})])
    assert back(written)[0].spec == {"display_name": text, "rights": {text or "x": [text, "b"]}}
    assert yaml.safe_load(written)["spec"]["display_name"] == text


@given(texts, texts, st.lists(texts, max_size=3))
@example("no", "0755", ["22:22"])
def test_any_text_is_read_back(name: str, key: str, values: list[str]) -> None:
    spec: dict[str, Any] = {
        "display_name": name,
        "rights": {key: values},
        "n": [1, -7, True, False, {"deep": [[name]]}],
    }
    written, secrets = to_yaml(SYSTEM, ROLE, [(name[:20], spec), ("other", {"display_name": key})])
    documents = back(written)
    assert secrets == []
    assert [one.name for one in documents] == [name[:20], "other"]
    assert documents[0].spec == spec
    assert yaml.safe_load_all(written) is not None


def test_plain_words_need_no_quotes() -> None:
    written, _ = to_yaml(
        SYSTEM, ROLE, [("soc-analyst", {"display_name": "SOC analyst", "rights": {"users": ["read"]}})]
    )
    assert written == (
        "apiVersion: metadefender/v1\nkind: Role\nmetadata:\n  name: soc-analyst\nspec:\n"
        "  display_name: SOC analyst\n  rights:\n    users:\n      - read\n"
    )


def test_secrets_come_out_as_names() -> None:
    spec = {"password": SecretRef("password"), "config": {"key": SecretRef("filestorage-storage")}, "t": (1, "a")}
    written, secrets = to_yaml(SYSTEM, SYSTEM.kinds["User"], [("Älice B.", spec)])
    assert secrets == ["lice-b-password", "lice-b-filestorage-storage"]
    assert back(written)[0].spec == {
        "password": {"secret": "lice-b-password"},
        "config": {"key": {"secret": "lice-b-filestorage-storage"}},
        "t": [1, "a"],
    }


@pytest.mark.parametrize(
    ("name", "field", "made"),
    [("alice", "password", "alice-password"), ("w:8893", "key", "w-8893-key"), ("日", "本", "secret"), ("-", "x", "x")],
)
def test_a_secrets_name_is_one_that_documents_may_use(name: str, field: str, made: str) -> None:
    assert secret_of(name, field) == made


def test_nothing_is_an_empty_file() -> None:
    assert to_yaml(SYSTEM, ROLE, []) == ("", [])
