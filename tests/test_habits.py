"""What a reader may count on in every file, and what no file may hold."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 50
# path under the repository, or path:function: the reason why it may be longer.
LONGER: dict[str, str] = {}

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
A_MACHINE = re.compile(r"(?<![\w.~}-])/(?:root|work|home/\w+)/")
# path under the repository: the reason why it may hold one of these.
MAY_HOLD: dict[str, str] = {
    "tests/test_habits.py": "it shows what it looks for",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def long_functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Functions over the limit, from ``def`` to the last line, with their lengths."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield node.name, length


def unexplained(tree: ast.Module) -> list[str]:
    """The module's public functions and classes without a docstring.

    Methods are left to their author: many do what their name, or the Protocol that they fulfil, says. So is a class
    that fulfils a contract of ``systems.base``: its module's docstring speaks for it.
    """
    return [
        node.name
        for node in tree.body
        if isinstance(node, Function | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not speaks_for_itself(node)
    ]


def speaks_for_itself(node: Function | ast.ClassDef) -> bool:
    """Whether it fulfils a contract, or only declares one of a function's types."""
    if isinstance(node, ast.ClassDef):
        return any(re.search(r"(Kind|System)\b(?!\])", ast.unparse(base)) for base in node.bases)
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)


def slow_values(tree: ast.AST) -> list[str]:
    """Frozen dataclasses that hide nothing: a ``msgspec.Struct`` is defined, and made, in a fraction of the time.

    Dataclasses are for whatever does something, and for values of which a part must stay out of ``repr``.
    """
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(re.match(r"dataclass\(.*frozen=True", ast.unparse(decorator)) for decorator in node.decorator_list)
        and "repr=False" not in ast.unparse(node)
    ]


def of_dataclasses(tree: ast.AST) -> set[str]:
    """What a module takes of ``dataclasses``; the module itself counts as all of it."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"]
    whole = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    return {one.name for node in imports for one in node.names} | whole & {"dataclasses"}


def kept_files() -> list[Path]:
    """The files that git keeps, or would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def found_in_kept_files(pattern: re.Pattern[str]) -> list[str]:
    """``path:line: text`` for every match, of files that are text and aren't excepted."""
    found = []
    for path in kept_files():
        data = path.read_bytes()
        if b"\0" in data or short(path) in MAY_HOLD:
            continue
        for number, line in enumerate(data.decode(errors="replace").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{short(path)}:{number}: {line.strip()}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_module(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module's docstring says why it exists"
    assert lines(path) <= LONGEST_FILE or short(path) in LONGER
    assert [name for name, _ in long_functions(tree) if f"{short(path)}:{name}" not in LONGER] == []
    assert unexplained(tree) == [], "public functions and classes have docstrings"
    if "emulator" not in path.parts:  # which isn't loaded by any command that people wait for
        assert slow_values(tree) == [], "values are msgspec.Structs"
        assert of_dataclasses(tree) <= {"dataclass", "field"}, "mypy doesn't notice where a Struct is given"


def test_folders_are_packages() -> None:
    """A folder without an ``__init__.py`` would be left out of the wheel, and of the coverage."""
    assert [short(path.parent) for path in MODULES if not (path.parent / "__init__.py").is_file()] == []


def test_exceptions_are_still_needed() -> None:
    long_files = {short(path) for path in MODULES if lines(path) > LONGEST_FILE}
    functions = {f"{short(path)}:{name}" for path in MODULES for name, _ in long_functions(ast.parse(path.read_text()))}
    assert set(LONGER) <= long_files | functions
    assert all((ROOT / name).is_file() for name in MAY_HOLD)


def test_nothing_is_left_unfinished() -> None:
    assert found_in_kept_files(UNFINISHED) == []


def test_no_file_names_a_machine() -> None:
    assert found_in_kept_files(A_MACHINE) == []


SCRIPTS = sorted(path for folder in ("scripts", ".ci") for path in (ROOT / folder).iterdir() if path.is_file())


@pytest.mark.parametrize("path", [path for path in SCRIPTS if not path.suffix], ids=short)
def test_script_can_be_run(path: Path) -> None:
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith(("#!/usr/bin/env bash\n", "#!/usr/bin/env python3\n"))


@pytest.mark.parametrize(("lock", "extras"), [("run", []), ("dev", ["dev"])])
def test_lock_fits_pyproject(lock: str, extras: list[str]) -> None:
    """Without asking an index, as ``scripts/lock --check`` does: each requirement has a pin that it accepts."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    wanted = project["dependencies"] + [text for extra in extras for text in project["optional-dependencies"][extra]]
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}
    wanted += pyproject["build-system"]["requires"] if "dev" in extras else []
    unfit = [
        str(wish)
        for wish in map(Requirement, wanted)
        if not wish.specifier.contains(pins.get(canonicalize_name(wish.name), "0"), prereleases=True)
    ]
    assert unfit == [], "run scripts/lock"
    assert re.findall(r"^ *-(?!-hash=sha256:).*|.*://.*", text, re.MULTILINE) == [], "no option but hashes, no address"


@pytest.mark.parametrize("text", ["# TODO: later", "raise X  # FIXME", "XXX"])
def test_unfinished_is_seen(text: str) -> None:
    assert UNFINISHED.search(text)


@pytest.mark.parametrize("text", ["mktemp name.XXXXXX", "todos", "PREFIXMETHOD"])
def test_finished_passes(text: str) -> None:
    assert not UNFINISHED.search(text)


@pytest.mark.parametrize("text", ["/root/x", "cd /work/main", "file:///home/me/x"])
def test_machine_is_seen(text: str) -> None:
    assert A_MACHINE.search(text)


@pytest.mark.parametrize("text", ["https://a.example/work/1", "$HOME/work/x", "src/root/x", "/home", "../work/x"])
def test_no_machine_passes(text: str) -> None:
    assert not A_MACHINE.search(text)


def test_length_and_silence_are_seen() -> None:
    tree = ast.parse("def f():\n" + "    pass\n" * 50 + "class C: ...\ndef _g(): ...\nasync def h():\n    'Says.'\n")
    assert list(long_functions(tree)) == [("f", 51)]
    assert unexplained(tree) == ["f", "C"]


def test_what_is_taken_of_dataclasses_is_seen() -> None:
    found = of_dataclasses(ast.parse("import dataclasses\nfrom dataclasses import dataclass, replace\nimport json\n"))
    assert found == {"dataclasses", "dataclass", "replace"}


def test_slow_values_are_seen() -> None:
    hiding = "@dataclass(frozen=True)\nclass Hiding:\n    key: str = field(repr=False)\n"
    doing = "@dataclass\nclass Doing:\n    key: str\n"
    assert slow_values(ast.parse(hiding + doing + "@dataclass(frozen=True)\nclass Value:\n    key: str\n")) == ["Value"]
