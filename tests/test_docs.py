"""The pages say what the code does: generated ones are fresh, links lead somewhere, examples are valid."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from reconciler.cli.main import cli, commands
from reconciler.config import read_config
from reconciler.emulator.metadefender.options import Options
from reconciler.load import load
from reconciler.model import SourceFile
from reconciler.systems.metadefender.assumptions import ASSUMPTIONS
from reconciler.systems.registry import default_system, system_of, systems
from reconciler.telemetry.figures import Counter, Gauge, Table
from reconciler.telemetry.metrics import Metrics
from reconciler.validate import validate
from reconciler.web.table import OPERATIONS
from scripts import docs_kinds, docs_outputs, docs_text, docs_write
from scripts.docs_commands import command_of, subcommands

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [path for path in DOCS.rglob("*.md") if "_source" not in path.parts]
    + [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if path.is_file()]
)
FENCE = re.compile(r"^(?P<mark>```+|~~~+)(?P<language>\w*).*\n(?P<text>(?:.*\n)*?)(?P=mark)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
OPERATORS = frozenset({"|", "||", "&&", ";", ">", ">>", "<", "2>", "&"})
WITHOUT_A_KIND = frozenset({"readyz", "login", "logout"})


class Block(NamedTuple):
    """A fenced block: its page, the line of its first line, its language, its text."""

    page: Path
    line: int
    language: str
    text: str


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    content = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(content):
        yield Block(page, content.count("\n", 0, match.start()) + 2, match["language"], match["text"])


def prose_of(content: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", content)


def links(content: str) -> list[str]:
    """Where the links of a page lead, those to other hosts left out."""
    plain = re.sub(r"`[^`\n]*`(?!\])", "", prose_of(content))
    return [link for link in LINK.findall(plain) if not re.match(r"[a-z]+:", link)]


def anchors(content: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose_of(content)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        if count:
            found[f"{slug}-{count}"] = 1
    return set(found)


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    content = page.read_text(encoding="utf-8")
    wrong = []
    for link in links(content):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if (
            not target.exists()
            or not target.is_relative_to(ROOT)
            or (anchor and (target.suffix != ".md" or anchor not in anchors(target.read_text(encoding="utf-8"))))
        ):
            wrong.append(link)
    return wrong


def calls(text: str) -> Iterator[list[str]]:
    """The words behind ``reconciler`` of each line that a prompt begins, up to the shell's next operator."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.startswith("$ "):
            continue
        words = shlex.split(line[2:], comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and words[0].rsplit("/", 1)[-1] == "reconciler":
            end = next((place for place, word in enumerate(words) if word in OPERATORS), len(words))
            yield words[1:end]


def wrong_with(words: list[str]) -> str | None:
    """What a command line names that doesn't exist."""
    while words and words[0] in options(cli):
        words = words[1:]
    if not words:
        return None
    name, *rest = words
    if name not in commands():
        return f"no command {name}"
    command = command_of(name)
    if subcommands(command):
        if not rest or rest[0] not in subcommands(command):
            return f"{name} has no such command: {rest[:1]}"
        command = subcommands(command)[rest.pop(0)]
    known = options(command)
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"{name} has no {', '.join(unknown)}" if unknown else None


def options(command: click.Command) -> set[str]:
    return {"-h", "--help"} | {one for param in command.params for one in (*param.opts, *param.secondary_opts)}


def test_generated_files_are_fresh() -> None:
    assert docs_write.stale(docs_write.wanted()) == [], "run scripts/docs"


def test_each_command_and_each_kind_has_a_page() -> None:
    assert {path.stem for path in (DOCS / "commands").glob("*.md")} == {"index", *commands()}
    assert {path.stem for path in (DOCS / "kinds").glob("*.md")} == {
        "index",
        *(kind.lower() for system in systems().values() for kind in system.kinds),
    }


def test_each_operation_stands_on_a_kind_s_page() -> None:
    for system in systems().values():
        shown = {id for ids in docs_kinds.operations_of(system).values() for id in ids}
        without = WITHOUT_A_KIND if system is default_system() else frozenset()
        assert set(docs_kinds.known_operations(system)) - shown == without


def test_assumptions_are_the_emulator_s_switches() -> None:
    ids = [one.id for one in ASSUMPTIONS]
    assert sorted(ids) == sorted(field.name for field in dataclasses.fields(Options))
    text = (DOCS / "assumptions.md").read_text(encoding="utf-8")
    assert [id for id in ids if f"| `{id}` |" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_every_page_can_be_reached() -> None:
    """From docs/index.md, by links alone."""
    seen: set[Path] = set()
    queue = [DOCS / "index.md"]
    while queue:
        page = queue.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page.read_text(encoding="utf-8"))]
        queue += [target for target in targets if target.suffix == ".md" and target.is_relative_to(DOCS)]
    assert [short(page) for page in PAGES if page.is_relative_to(DOCS) and page not in seen] == []


WITH_VERSION = [
    block for page in PAGES for block in blocks(page) if block.language == "yaml" and "apiVersion:" in block.text
]
CONFIGS = [block for block in WITH_VERSION if "kind: Config" in block.text]
DOCUMENTS = [block for block in WITH_VERSION if block not in CONFIGS]


@pytest.mark.parametrize("block", DOCUMENTS, ids=lambda block: f"{short(block.page)}:{block.line}")
def test_documents_are_valid(block: Block) -> None:
    documents, problems = load((SourceFile(short(block.page), block.text.encode()),))
    system = system_of(documents[0].api_version)
    assert system is not None
    desired, more = validate(documents, system)
    assert [str(problem) for problem in (*problems, *more)] == []
    assert desired.resources


@pytest.mark.parametrize("block", CONFIGS, ids=lambda block: f"{short(block.page)}:{block.line}")
def test_configurations_are_valid(block: Block, tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(block.text, encoding="utf-8")
    assert read_config(str(tmp_path / "reconciler.yaml")).targets


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_commands_exist(page: Path) -> None:
    wrong = [
        f"line {block.line}: {trouble}"
        for block in blocks(page)
        if block.language in ("sh", "console")
        for words in calls(block.text)
        if (trouble := wrong_with(words)) is not None
    ]
    assert wrong == []


def test_the_daemon_s_page_has_each_figure_with_its_labels() -> None:
    text = (DOCS / "daemon.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(reconciler_\w+)` \| (\w+) \|([^|]*)\|", text, re.MULTILINE)
    shown = {name: (type, re.findall(r"`(\w+)`", labels)) for name, type, labels in rows}
    figures = Metrics()._families()
    counted = {one.name: f"{one.name}_total" for one in figures if isinstance(one, Counter)}
    types = {one.name: "gauge" if isinstance(one, Gauge | Table) else type(one).__name__.lower() for one in figures}
    assert shown == {counted.get(one.name, one.name): (types[one.name], list(one.labels)) for one in figures}


def test_the_daemon_s_page_has_each_operation_with_its_role() -> None:
    text = (DOCS / "daemon.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`(?:GET|POST) /[^|]*) \| (\w*) ?\|", text, re.MULTILINE)
    shown = {(method, path.replace("NAME", "{name}")): role for cell, role in rows for method, path in
             re.findall(r"`(GET|POST) ([^?`]+)", cell)}  # fmt: skip
    assert shown == {(one.method, one.path): str(one.role or "") for one in OPERATIONS}


@pytest.mark.ci
def test_outputs_are_real() -> None:
    recorded = docs_outputs.record()
    wrong = [
        f"{short(page)}: {line}"
        for page in docs_outputs.pages()
        for line, _, _ in docs_outputs.outdated(page.read_text(encoding="utf-8"), recorded)
    ]
    assert wrong == [], "run scripts/docs --outputs, and look at the difference"


def test_an_outdated_output_is_renewed() -> None:
    page = "```console\n$ curl x\n{}\n$ reconciler history\n#1  old  1.0 s\n```\n"
    recorded = {"reconciler history": ["No pass yet.\n", "#1  new  2.5 s\n"]}
    assert docs_outputs.renewed(page, recorded) == page.replace("old  1.0 s", "new  2.5 s")
    assert docs_outputs.renewed(page, {"reconciler history": ["#1  old  7.5 s\n"]}) == page


def test_a_stale_page_is_seen(tmp_path: Path) -> None:
    (tmp_path / "docs/kinds").mkdir(parents=True)
    (tmp_path / "docs/kinds/gone.md").write_text("old")
    (tmp_path / "docs/rules.md").write_text("old")
    files = {"docs/rules.md": "new", "docs/kinds/user.md": "new"}
    assert docs_write.stale(files, tmp_path) == [
        "docs/kinds/gone.md: nothing writes it any more",
        "docs/kinds/user.md: missing",
        "docs/rules.md: stale",
    ]
    docs_write.write(files, tmp_path)
    assert docs_write.stale(files, tmp_path) == []


def test_a_gap_is_seen() -> None:
    with pytest.raises(docs_text.Gap, match="fields: not described: b; described, and not there: c"):
        docs_text.agree("fields", ["a", "b"], ["a", "c"])


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ("$ reconciler plan x --detailed-exitcode | less -R", None),
        ("$ RECONCILER_URL=x reconciler --debug state list -o json", None),
        ("$ reconciler obey x", "no command obey"),
        ("$ reconciler plan x --blindly y", "plan has no --blindly"),
        ("$ reconciler state lsit", "state has no such command: ['lsit']"),
    ],
)
def test_a_wrong_command_is_seen(line: str, trouble: str | None) -> None:
    assert [wrong_with(words) for words in calls(line + "\n")] == [trouble]


def test_a_broken_link_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_docs.ROOT", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("# One `two`\n[x](#one-two) [y](#three) [z](b.md) `[c](c.md)` [w](https://example.com)\n")
    assert broken(page) == ["#three", "b.md"]
