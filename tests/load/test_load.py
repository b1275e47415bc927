"""Strict loading: what every trap says, word by word, and what documents become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.load import load
from reconciler.load.reader import Allowance
from reconciler.load.suggest import suggest
from reconciler.model import SourceFile

HEAD = "apiVersion: v/1\nkind: K\nmetadata: {name: n}\nspec:\n"
"""A document up to its spec; the fields follow from line 5 on, indented by two."""

NULL = 'no value here (null): leave the field out, or write [] or "" for an empty one'
LONG = "a number can't have more than 18 digits: put it in quotes if it is a text"
FINITE = "a number must be finite: .inf, .nan and numbers that are too large are not supported"
TAG = "tags (!) are not supported: leave the tag out, or put the text in quotes"
ANCHOR = "anchors (&) are not supported: write the value out where it is needed, or put the text in quotes"
ALIAS = "aliases (*) are not supported: write the value out, or put the text in quotes"
KEY = "this key is not a string: put it in quotes"
COMPLEX = "a key can't be a list or a map: if this is text (such as a template's '{{ }}'), put it in quotes"
TAB = "a tab is used for indentation: use spaces"
INDENT = "wrong indentation, or a text that should be in quotes"
START = "an unquoted text can't begin with this character: put it in quotes"
QUOTE = "this quote is never closed"
DIRECTIVE = "directives (lines that begin with %) are not supported: remove the line, or indent it if it is text"
CONTROL = "a control character stands here: remove it, or write it as an escape in double quotes"
AFTER = "text follows a closing quote: a ' inside single quotes is written '', a \" inside double quotes \\\""
ESCAPE = "this is no escape in double quotes: write \\\\ for a backslash, or use single quotes"
BLOCK = "after | or > only +, -, a digit from 1 to 9 and a comment may stand: begin the text in the next line"
NAME = "metadata.name must have 1 to 256 characters, and no control character or line break"
DEEP = "nested more than 100 levels deep"
MISSING = [
    "f.yaml:1:1: apiVersion is missing",
    "f.yaml:1:1: kind is missing",
    "f.yaml:1:1: metadata is missing",
    "f.yaml:1:1: spec is missing: write spec: {} for an empty one",
]


def problems(data: str | bytes) -> list[str]:
    source = SourceFile("f.yaml", data if isinstance(data, bytes) else data.encode())
    return [str(problem) for problem in load([source])[1]]


def spec(fields: str) -> Mapping[str, Any]:
    documents, found = load([SourceFile("f.yaml", (HEAD + fields).encode())])
    assert found == []
    assert len(documents) == 1
    return documents[0].spec


VALUES = {
    "no": "no", "on": "on", "yes": "yes", "0755": 755, "22:22": "22:22", "2024-01-01": "2024-01-01",
    "2024-13-45": "2024-13-45", "0o17": 15, "0xfF": 255, "-5": -5, "+7": 7, "0": 0, "-0": 0, "1e3": 1000.0,
    ".5": 0.5, "1.": 1.0, "1_000": "1_000", "-0x1": "-0x1", "0b1": "0b1", "true": True, "True": True, "TRUE": True,
    "tRue": "tRue", "false": False, "False": False, "FALSE": False, "nULL": "nULL", "'1'": "1", '"no"': "no",
    "'~'": "~", '""': "", "a-b": "a-b", "=": "=", "<<": "<<", "nan": "nan", "٣": "٣", "²": "²",
    "123456789012345678": 123456789012345678, "Hello! a & b * c": "Hello! a & b * c", "'!x'": "!x", '"&a"': "&a",
    "http://x:80/": "http://x:80/", "é😀": "é😀", '"\\0"': "\0", "|-\n   !a\n   &b\n   *c\n": "!a\n&b\n*c",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_values_mean_what_they_look_like(text: str, value: object) -> None:
    alone, listed = spec(f"  a: {text}"), spec(f"  a:\n  - {text}")
    assert alone == {"a": value}
    assert listed == {"a": [value]}
    assert type(alone["a"]) is type(listed["a"][0]) is type(value)


FIELDS: dict[str, tuple[str, list[str]]] = {
    "duplicate key": ("  a: 1\n  b: 2\n  a: 3", ["7:3: duplicate key 'a': line 5, column 3 has it too"]),
    "duplicate quoted": ("  a: 1\n  'a': 3", ["6:3: duplicate key 'a': line 5, column 3 has it too"]),
    "anchor": ("  a: &x 1", [f"5:6: {ANCHOR}"]),
    "alias": ("  a: &x 1\n  b: *x", [f"5:6: {ANCHOR}", f"6:6: {ALIAS}"]),
    "alias as a key": ("  a: &x 1\n  *x : b", [f"5:6: {ANCHOR}", f"6:3: {ALIAS}"]),
    "anchored key": ("  &x a: 1", [f"5:3: {ANCHOR}"]),
    "glob": ("  a: *", [f"5:6: {ALIAS}"]),
    "merge": ("  <<: {a: 1}", ["5:3: merge keys (<<) are not supported: write the fields out"]),
    "empty int": ('  a: !!int ""', [f"5:6: {TAG}"]),
    "odd bool": ("  a: !!bool abc", [f"5:6: {TAG}"]),
    "odd time": ("  a: !!timestamp abc", [f"5:6: {TAG}"]),
    "bare tag": ("  a: ! 12", [f"5:6: {TAG}"]),
    "bare tag, quoted": ("  a: ! '12'", [f"5:6: {TAG}"]),
    "tag in a flow": ("  a: [1,!x 2]", [f"5:9: {TAG}"]),
    "tag of a list": ("  a: !x [1]", [f"5:6: {TAG}"]),
    "undeclared tag": ("  a: !x!y z", [f"5:6: {TAG}"]),
    "python tag": ("  a: !!python/object/apply:os.system [x]", [f"5:6: {TAG}"]),
    "undecodable tag": ("  a: !a%ED%A0%80 x", [f"1:1: {TAG}"]),
    "number as a key": ("  1: a", [f"5:3: {KEY}"]),
    "bool as a key": ("  true: a", [f"5:3: {KEY}"]),
    "null as a key": ("  null: a", [f"5:3: {KEY}"]),
    "float as a key": ("  1.5: a", [f"5:3: {KEY}"]),
    "no key": ("  a: {? : b}", ["5:9: a key is missing before the ':'"]),
    "list as a key": ("  [a]: b", [f"5:3: {COMPLEX}"]),
    "template": ("  a: {{ x }}", [f"5:7: {COMPLEX}"]),
    "null": ("  a:\n  b: ~\n  c: [null]", [f"5:5: {NULL}", f"6:6: {NULL}", f"7:7: {NULL}"]),
    "infinity": ("  a: .inf\n  b: -.INF", [f"5:6: {FINITE}", f"6:6: {FINITE}"]),
    "not a number": ("  a: .NaN", [f"5:6: {FINITE}"]),
    "overflow": ("  a: 1e999", [f"5:6: {FINITE}"]),
    "19 digits": ("  a: 1234567890123456789", [f"5:6: {LONG}"]),
    "large hexadecimal": ("  a: 0xffffffffffffffff", [f"5:6: {LONG}"]),
    "19 digits, most of them 0": ("  a: 0000000000000000001", [f"5:6: {LONG}"]),
    "5000 digits": ("  a: " + "9" * 5000, [f"5:6: {LONG}"]),
    "long float": ("  a: 1." + "9" * 5000, [f"5:6: {LONG}"]),
    "tab": ("\ta: 1", [f"5:1: {TAB}"]),
    "tab after a value": ("  a: 1\n\tb: 2", [f"6:1: {TAB}"]),
    "tab after spaces": ("  a:\n  \tb: 2", [f"6:3: {TAB}"]),
    "unclosed '": ("  a: 'x\n  b: 1", [f"5:6: {QUOTE}"]),
    'unclosed "': ('  a: "x\n  b: 1', [f"5:6: {QUOTE}"]),
    "unclosed [": ("  a: [1\n  b: 2", ["5:6: this '[' is not closed, or a ',' is missing, before line 6, column 4"]),
    "unclosed {": ("  a: {b: 1\n  c: 2", ["5:6: this '{' is not closed, or a ',' is missing, before line 6, column 4"]),
    "unclosed [ at the end": ("  a: [\n", ["6:1: a value is missing here: is a '[' or '{' above not closed?"]),
    "closing nothing": ("  a: ]", [f"5:6: {START}"]),
    "two colons": ("  a: b: c", ["5:7: a second ': ' in one line: put the value in quotes, or begin a new line"]),
    "no space": ("  a:b\n  c: d", ["5:4: a space is missing after this ':'"]),
    "no space, last": ("  c: d\n  a:b\n", ["6:4: a space is missing after this ':'"]),
    "no colon": ("  c: d\n  a\n", ["6:3: 'key: value' is expected here: is the ':', or the space after it, missing?"]),
    "indented": ("  a: 1\n   b: 2", [f"6:5: {INDENT}"]),
    "outdented": ("  a: 1\n b: 2", [f"6:2: {INDENT}"]),
    "list after a map": ("  a: 1\n  - b", [f"6:3: {INDENT}"]),
    "at sign": ("  a: @x", [f"5:6: {START}"]),
    "per cent": ("  a: %x", [f"5:6: {START}"]),
    "quote in quotes": ("  a: 'it's'", [f"5:10: {AFTER}"]),
    "escape": (r'  a: "\q"', [f"5:7: {ESCAPE}"]),
    "block": ("  a: |x", [f"5:7: {BLOCK}"]),
    "control character": ("  a: x\x07", [f"5:7: {CONTROL}"]),
    "NUL": ("  a: \0", [f"5:6: {CONTROL}"]),
    "byte order mark": ("  a: x\ufeff", [f"5:7: {CONTROL}"]),
    "DEL": ("  a: \x7f", [f"5:6: {CONTROL}"]),
    "depth": ("  a: " + "[" * 100, [f"5:104: {DEEP}"]),
    "depth behind an oddity": ("  b: &x 1\n  a: " + "[" * 100 + "]" * 100, [f"6:104: {DEEP}"]),
    "text that begins a line with %": ('  a: "\n%b"', [f"6:1: {DIRECTIVE}"]),
    "all at once": (
        "  a: ~\n  a: &x 1\n  2: .inf",
        [
            f"5:6: {NULL}",
            "6:3: duplicate key 'a': line 5, column 3 has it too",
            f"6:6: {ANCHOR}",
            f"7:3: {KEY}",
            f"7:6: {FINITE}",
        ],
    ),
}


@pytest.mark.parametrize(("fields", "expected"), FIELDS.values(), ids=FIELDS)
def test_a_wrong_spec_is_told_with_its_place(fields: str, expected: list[str]) -> None:
    assert problems(HEAD + fields) == [f"f.yaml:{line}" for line in expected]


@pytest.mark.parametrize(("fields", "expected"), FIELDS.values(), ids=FIELDS)
def test_documents_around_a_wrong_one_count(fields: str, expected: list[str]) -> None:
    text = f"---\n{HEAD}  a: 1\n---\n{HEAD}{fields}\n---\n{HEAD}  a: 2\n"
    documents, found = load([SourceFile("f.yaml", text.encode())])
    assert [document.spec for document in documents] == [{"a": 1}, {"a": 2}]
    assert len(found) == len(expected)
    assert all(7 <= problem.location.line <= 16 for problem in found)


def metadata(text: str) -> str:
    return f"apiVersion: v/1\nkind: K\nmetadata: {text}\nspec: {{}}\n"


DOCUMENTS = {
    "scalar": ("abc", ["1:1: a document must be a map with apiVersion, kind, metadata and spec"]),
    "list": ("[]", ["1:1: a document must be a map with apiVersion, kind, metadata and spec"]),
    "null": ("---\n~", [f"2:1: {NULL}"]),
    "empty map": ("{}", [line.removeprefix("f.yaml:") for line in MISSING]),
    "no spec": (
        metadata("{name: n}").replace("spec: {}\n", ""),
        ["1:1: spec is missing: write spec: {} for an empty one"],
    ),
    "null spec": (metadata("{name: n}").replace("spec: {}", "spec:"), [f"4:6: {NULL}"]),
    "list as spec": (metadata("{name: n}").replace("spec: {}", "spec: []"), ["4:7: spec must be a map of fields"]),
    "number as apiVersion": (
        metadata("{name: n}").replace("v/1", "1"),
        ["1:13: apiVersion must be a string: put it in quotes"],
    ),
    "empty kind": (metadata("{name: n}").replace("K", '""'), ["2:7: kind must not be empty"]),
    "unknown field": (
        metadata("{name: n}") + "spce: {}\n",
        ["5:1: unknown top-level field 'spce'. Did you mean 'spec'?"],
    ),
    "very unknown field": (metadata("{name: n}") + "status: {}\n", ["5:1: unknown top-level field 'status'"]),
    "metadata as text": (
        metadata("name:n"),
        ["3:11: metadata must be a map, such as 'name: example' in a line of its own"],
    ),
    "no name": (metadata("{}"), ["3:11: metadata.name is missing"]),
    "null name": (metadata("{name: }"), [f"3:18: {NULL}"]),
    "number as name": (metadata("{name: 1}"), ["3:18: metadata.name must be a string: put it in quotes"]),
    "empty name": (metadata("{name: ''}"), [f"3:18: {NAME}"]),
    "line break in the name": (metadata('{name: "a\\nb"}'), [f"3:18: {NAME}"]),
    "long name": (metadata("{name: " + "n" * 257 + "}"), [f"3:18: {NAME}"]),
    "unknown metadata": (metadata("{name: n, labels: {}}"), ["3:21: unknown field of metadata 'labels'"]),
    "misspelt metadata": (
        metadata("{name: n, anotations: {}}"),
        ["3:21: unknown field of metadata 'anotations'. Did you mean 'annotations'?"],
    ),
    "list of annotations": (
        metadata("{name: n, annotations: []}"),
        ["3:34: metadata.annotations must be a map of strings"],
    ),
    "annotation not a string": (
        metadata("{name: n, annotations: {a: yes, b: 1}}"),
        ["3:46: the annotation 'b' must be a string: put its value in quotes"],
    ),
    "own annotation misspelt": (
        metadata("{name: n, annotations: {reconciler/prun: disabled}}"),
        ["3:35: unknown annotation 'reconciler/prun'. Did you mean 'reconciler/prune'?"],
    ),
    "own annotation's value": (
        metadata("{name: n, annotations: {reconciler/adopt: yes}}"),
        ["3:53: the annotation 'reconciler/adopt' can only be 'enabled'"],
    ),
    "directive": ("%YAML 1.1\n---\n" + metadata("{name: n}"), [f"1:1: {DIRECTIVE}"]),
    "directive later": (metadata("{name: n}") + "...\n# c\n%TAG ! x\n---\n", [f"7:1: {DIRECTIVE}"]),
    "not UTF-8": (
        b"a: 1\n--- # \xe9",
        [
            *(line.removeprefix("f.yaml:") for line in MISSING),
            "1:1: unknown top-level field 'a'",
            "2:7: this isn't UTF-8 text: save the file as UTF-8",
        ],
    ),
    "UTF-16": ("\ufeffa: 1".encode("utf-16-le"), ["1:1: this is UTF-16 text: save the file as UTF-8"]),
    "huge file": (b"#" * (16 * 1024**2 + 1), ["1:1: the file is larger than 16 MiB: split it"]),
    "tagged nothing": ("--- !x\n", [f"1:5: {TAG}"]),
    "anchored nothing": ("--- &x\n", [f"1:5: {ANCHOR}"]),
    "carriage returns": (
        "a: 1\r\nb: [\r\n---\r\n- @\r\n",
        ["3:1: a value is missing here: is a '[' or '{' above not closed?", f"4:3: {START}"],
    ),
}


@pytest.mark.parametrize(("data", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_wrong_document_is_told_with_its_place(data: str | bytes, expected: list[str]) -> None:
    assert problems(data) == [f"f.yaml:{line}" for line in expected]


@pytest.mark.parametrize("text", ["", "# c\n", "---\n", "---\n---\n# c\n...\n---\n", "\ufeff", "\n\n", "--- # c"])
def test_nothing_is_no_problem(text: str) -> None:
    assert load([SourceFile("f.yaml", text.encode())]) == ([], [])


def test_documents_know_their_source_place_and_annotations() -> None:
    own = '{name: \'a/b "c" é\', annotations: {x: "1", reconciler/prune: disabled}}'
    inline = "--- {apiVersion: x, kind: y, metadata: {name: z}, spec: {}}"
    text = f"\ufeff# first\n\n{HEAD}  a: 1\n---\n---\n# c\n{metadata(own)}{inline}"
    source = SourceFile("d/f.yaml", text.encode())
    documents, found = load([source, SourceFile("g.yml", HEAD.encode() + b"  {}")])
    assert found == []
    assert [(d.index, str(d.location)) for d in documents] == [
        (0, "d/f.yaml:3:1"), (2, "d/f.yaml:11:1"), (3, "d/f.yaml:15:5"), (0, "g.yml:1:1"),
    ]  # fmt: skip
    second = documents[1]
    assert (second.api_version, second.kind, second.name) == ("v/1", "K", 'a/b "c" é')
    assert second.annotations == {"x": "1", "reconciler/prune": "disabled"}
    assert second.source is source


def test_problems_of_all_files_are_sorted() -> None:
    files = [SourceFile("b.yaml", b"a: [\n---\n- 'x"), SourceFile("a.yaml", b"[]")]
    assert [str(problem.location) for problem in load(files)[1]] == ["a.yaml:1:1", "b.yaml:2:1", "b.yaml:3:3"]


def test_no_value_is_repeated() -> None:
    texts = [HEAD + fields.replace("x", "HUNTER2").replace("9999", "HUNTER2") for fields, _ in FIELDS.values()]
    texts += [
        HEAD + f"  password: {bad}"
        for bad in ("'HUNTER2", "[HUNTER2", "@HUNTER2", "&HUNTER2 x", "!HUNTER2 x", "a: HUNTER2")
    ]
    assert not [line for text in texts for line in problems(text) if "HUNTER2" in line]


def test_a_file_full_of_errors_is_given_up() -> None:
    broken = problems("---\n'\n" * 1000)
    assert len(broken) == 21
    assert broken[-1] == (
        "f.yaml:41:1: the file was not read any further, because too much of it is wrong: correct what was found first"
    )
    assert len(problems("---\n[~, ~]\n" * 1000)) == 1001


def test_all_files_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"---\n{HEAD}  a: 1\n".encode()
    monkeypatch.setattr("reconciler.load.Allowance", lambda: Allowance(documents=3, values=10**6))
    documents, found = load(
        [SourceFile("a.yaml", text * 2), SourceFile("b.yaml", text * 2), SourceFile("c.yaml", b"[")]
    )
    assert len(documents) == 3
    message = "all files together can't have more than 200,000 documents and 5,000,000 values"
    assert [str(problem) for problem in found] == [f"b.yaml:1:1: {message}"]
    monkeypatch.setattr("reconciler.load.Allowance", lambda: Allowance(documents=9, values=20))
    documents, found = load([SourceFile("a.yaml", text * 2)])
    assert len(documents) == 1
    assert [str(problem) for problem in found] == [f"a.yaml:1:1: {message}"]


def test_a_document_is_bounded() -> None:
    assert problems(HEAD + "  a: [" + "1," * 60_000 + "]\n---\n[]") == [
        "f.yaml:1:1: a document can't have more than 50,000 values",
        "f.yaml:7:1: a document must be a map with apiVersion, kind, metadata and spec",
    ]


def test_keys_are_shared() -> None:
    documents, _ = load([SourceFile("f.yaml", f"---\n{HEAD}  some_key: 1\n---\n{HEAD}  'some_key': 1\n".encode())])
    first, second = (next(iter(document.spec)) for document in documents)
    assert first is second


def test_suggestions() -> None:
    known = ["display_name", "email", "LOCAL"]
    assert suggest("dispaly_name", known) == " Did you mean 'display_name'?"
    assert suggest("local", known) == " Did you mean 'LOCAL'?"
    assert suggest("zzz", known) == ""
    assert suggest("email" * 20_000, known) == ""
