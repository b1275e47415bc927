"""Nothing crashes the loader, and plain data means what PyYAML says it means (``tests/fuzz`` goes further)."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.load import load, place
from reconciler.model import SourceFile

SEED = """\
---
apiVersion: metadefender/v1
kind: User
metadata:
  name: alice
  annotations: {reconciler/prune: disabled}
spec:
  email: "alice@example.com"   # a comment
  roles: [soc-analyst, 'x y', 12, 1.5, true]
  text: |
    many
    lines
  nested: {a: {b: [1, {c: d}]}}
---
apiVersion: v/1
kind: Role
metadata: {name: r}
spec: {}
"""
PARTS = [
    "\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ": ",
    ":",
    "- ",
    "? ",
    "&a ",
    "*a ",
    "!!int ",
    "! ",
    "<<: ",
    "\t",
    "  ",
    "~",
    "null",
    ".inf",
    "9" * 30,
    "|",
    ">",
    "#",
    "\0",
    "\x85",
    "\u2028",
    "\ufeff",
    ",",
    "@",
    "\\",
    "é",
    "1: ",
    "\r",
]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DATA = st.recursive(
    st.booleans() | st.integers(-(10**17), 10**17) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


class _Quoting(yaml.SafeDumper):
    """Dumps strings in double quotes, and shared values without aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def check(data: bytes) -> None:
    """Load the bytes, and find the place of all that was loaded."""
    documents, problems = load([SourceFile("f.yaml", data)])
    assert problems == sorted(problems)
    for document in documents:
        for field in document.spec:
            assert place(document, ("spec", field), key=True).line >= document.line
    assert all(problem.location.line > 0 and problem.location.column > 0 and problem.message for problem in problems)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXTS, DATA, max_size=5), st.booleans())
def test_plain_data_equals_what_pyyaml_loads(spec: dict[str, Any], flow: bool) -> None:
    wanted = {"apiVersion": "v", "kind": "k", "metadata": {"name": "n"}, "spec": spec}
    text = yaml.dump(wanted, Dumper=_Quoting, allow_unicode=flow, default_flow_style=flow)
    documents, problems = load([SourceFile("f.yaml", text.encode())])
    assert problems == []
    assert documents[0].spec == spec == yaml.safe_load(text)["spec"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_never_raise(data: bytes) -> None:
    check(data)
    check(SEED.encode() + data)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SEED)), st.integers(0, 6), st.sampled_from(PARTS)), max_size=5))
def test_mutations_never_raise(edits: list[tuple[int, int, str]]) -> None:
    text = SEED
    for position, length, part in edits:
        text = text[:position] + part + text[position + length :]
    check(text.encode())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_indicators_never_raise(parts: list[str]) -> None:
    check("".join(parts).encode())


def test_what_is_refused_is_told() -> None:
    """No document may vanish without a problem: with pruning, that would be a deletion."""
    for position in range(0, len(SEED), 5):
        for part in set(PARTS) - {"\0", "\ufeff", "%YAML 1.1\n"}:
            text = SEED[:position] + part + SEED[position + 1 :]
            documents, problems = load([SourceFile("f.yaml", text.encode())])
            if not problems:
                everything = [document for document in yaml.load_all(text, yaml.CBaseLoader) if document]
                assert [document.name for document in documents] == [each["metadata"]["name"] for each in everything]
