"""Floors are tested, not promised: a module imports only from floors below its own, and floors 1 to 3 are pure.

::

    6  the process            cli, commands, daemon, web, settings, doctor, demo, export, emulator
    5  one pass               observe, execute, settle, reconcile
    4  edges                  sources, api, store, secrets, telemetry, notify
    3  decisions (pure)       load, validate, diff, plan, guards, render, schema
    2  what can be managed    systems (pure)
    1  words (pure)           errors, model, secret, wire, memory, steps

Which module lives where stands in pyproject.toml (tool.floors). Imports inside functions and under ``TYPE_CHECKING``
count like any other: whoever needs a name from above is on the wrong floor.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS: dict[int, list[str]] = {
    int(floor): names for floor, names in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["floors"].items()
}
PURE = (1, 2, 3)

# Floors whose modules may import one another, as long as that makes no circle.
OPEN_FLOORS = {
    1: "words are explained with words",
    6: "the process is where all is put together",
}
# Packages that may see less than their floor does: up to which floor.
CEILINGS = {
    "emulator": 1,  # it plays the other side; a misunderstanding that it shared with us would go unnoticed
}
Exceptions = dict[tuple[str, str], str]
# (module, what it imports): the reason. COMPUTED stands for a name that is only known when the import happens.
COMPUTED = "(computed)"
EXCEPTIONS: Exceptions = {
    ("plan", "diff"): "a plan is made of differences",
    ("plan", "guards"): "no plan leaves without having passed them",
    ("plan", "load.place"): "a reference that leads nowhere is named with its exact place",
    ("validate", "load.place"): "a problem is named with its exact place",
    ("validate", "load.suggest"): "load and validate find the word that was meant in the same way",
    ("reconcile", "observe"): "the pass is made of these three",
    ("reconcile", "execute"): "the pass is made of these three",
    ("reconcile", "settle"): "the pass is made of these three",
    ("settle", "execute"): "what an earlier run left behind is settled as execute would have done it",
    ("notify", "api"): "all edges share one hardened HTTP client",
    ("cli.main", COMPUTED): "each command is loaded when it is called",
}

# What reaches the world (network, clock, environment, files, processes, chance), and what waits or logs.
IMPURE = frozenset(
    """
    aiohttp anyio asyncio concurrent fcntl ftplib getpass glob h11 http.client http.cookiejar http.server httpcore httpx
    importlib.import_module io.open logging multiprocessing os pathlib.Path platform pwd random requests sched secrets
    select selectors shutil signal smtplib socket socketserver sqlalchemy sqlite3 ssl starlette structlog subprocess
    sys.argv sys.stderr sys.stdin sys.stdout tempfile threading time trio urllib.request urllib3 uuid.uuid1 uuid.uuid4
    uvicorn
    """.split()
)
PURE_PARTS = ("os.path",)
IMPURE_FUNCTIONS = frozenset({"input", "open", "print"})
IMPURE_METHODS = frozenset({"now", "today", "utcnow"})  # of date and datetime, which are pure otherwise
# (module, what it uses): the reason.
IMPURE_EXCEPTIONS: Exceptions = {}

Names = Iterator[tuple[int, str]]


def place(name: str) -> tuple[int, str]:
    """The floor of a module of reconciler, and the package (or family of modules) that it belongs to there."""
    top = name.partition(".")[0]
    for floor, patterns in FLOORS.items():
        for pattern in patterns:
            if fnmatchcase(top, pattern):
                return floor, pattern
    raise LookupError(f"reconciler.{name} has no floor: add {top!r} to tool.floors in pyproject.toml")


def imports(tree: ast.AST, package: str) -> Names:
    """Every name that is imported anywhere in the tree, with its line: ``reconciler.model.Ref``, ``time``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, package)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(("import_module", "__import__")):
            match node.args:
                case [ast.Constant(value=str(name)), *_]:
                    yield node.lineno, name
                case _:
                    yield node.lineno, f"reconciler.{COMPUTED}"


def absolute(node: ast.ImportFrom, package: str) -> str:
    """What an import takes its names from; ``package`` is where a relative one starts."""
    parents = package.split(".")
    start = parents[: len(parents) - node.level + 1] if node.level else []
    return ".".join([*start, *([node.module] if node.module else [])])


def dotted(node: ast.expr) -> str:
    """The dotted name that an expression is; for others, text that is none."""
    return ast.unparse(node)


def ours(tree: ast.AST, package: str) -> Names:
    """What is imported of reconciler, without that first word."""
    for line, name in imports(tree, package):
        first, _, rest = name.partition(".")
        if first == "reconciler":
            yield line, "__init__" if rest in ("", "__version__") else rest


def within(name: str, outer: str) -> bool:
    """Whether a dotted name is another one, or lies in it."""
    return f"{name}.".startswith(f"{outer}.")


def excepted(name: str, what: str, exceptions: Exceptions) -> bool:
    """Whether an exception names the two, or modules that they lie in."""
    return any(within(name, module) and within(what, other) for module, other in exceptions)


def allowed(name: str, target: str) -> bool:
    """Whether a module may import a name of another."""
    if excepted(name, target, EXCEPTIONS):
        return True
    if target == COMPUTED:
        return False
    floor, family = place(name)
    below, other = place(target)
    if other == family:
        return True
    if family in CEILINGS:
        return below <= CEILINGS[family]
    return below < floor or (below == floor and floor in OPEN_FLOORS)


def upward(name: str, source: str, package: str = "reconciler") -> list[str]:
    """What a module imports although its floor forbids it."""
    return [
        f"line {line}: {name} imports {target}"
        for line, target in ours(ast.parse(source), package)
        if not allowed(name, target)
    ]


def uses(tree: ast.AST, package: str) -> Names:
    """What a module uses that reaches the world."""
    for line, name in imports(tree, package):
        if any(within(name, module) for module in IMPURE) and not any(within(name, part) for part in PURE_PARTS):
            yield line, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and "." in (name := dotted(node)) and name in IMPURE:
            yield node.lineno, name
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in IMPURE_FUNCTIONS or name.rpartition(".")[2] in IMPURE_METHODS:
                yield node.lineno, name


def impure(name: str, source: str, package: str = "reconciler") -> list[str]:
    """What a module uses although floors 1 to 3 are pure."""
    if place(name)[0] not in PURE:
        return []
    found = sorted(set(uses(ast.parse(source), package)))
    return [f"line {line}: {name} uses {what}" for line, what in found if not excepted(name, what, IMPURE_EXCEPTIONS)]


def modules() -> dict[str, Path]:
    """Every module of reconciler by its name without that first word; the package itself is ``__init__``."""
    found = {}
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        parts = path.relative_to(ROOT / "reconciler").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and parts[:-1] else parts)] = path
    return found


MODULES = modules()


def package_of(name: str) -> str:
    """Where a module's relative imports start."""
    path = MODULES[name].parent.relative_to(ROOT)
    return ".".join(path.parts)


@pytest.mark.parametrize("name", MODULES)
def test_module_looks_only_down(name: str) -> None:
    assert upward(name, MODULES[name].read_text(), package_of(name)) == []


@pytest.mark.parametrize("name", MODULES)
def test_lower_floors_are_pure(name: str) -> None:
    assert impure(name, MODULES[name].read_text(), package_of(name)) == []


class Running(ast.NodeTransformer):
    """Leaves of a module what runs."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Drop what is there for types only."""
        return None if dotted(node.test).endswith("TYPE_CHECKING") else self.generic_visit(node)


def graph(sources: dict[str, tuple[str, str]]) -> dict[str, set[str]]:
    """Which module imports which, while running. ``sources`` holds each one's source and package."""

    def module(target: str) -> str | None:
        return next((name for name in sorted(sources, key=len, reverse=True) if within(target, name)), None)

    return {
        name: {
            other
            for _, target in ours(Running().visit(ast.parse(source)), package)
            if (other := module(target)) not in (None, name)
        }
        for name, (source, package) in sources.items()
    }


def test_imports_make_no_circle() -> None:
    TopologicalSorter(graph({name: (path.read_text(), package_of(name)) for name, path in MODULES.items()})).prepare()


# The rest shows that the checks above can fail, and that they leave alone what is fine.


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("model", "import reconciler.api"),
        ("model", "from reconciler import systems"),
        ("plan", "def f():\n    from reconciler.api import Client"),
        ("plan", "if TYPE_CHECKING:\n    from reconciler.store import Store"),
        ("diff", "from reconciler.plan import Plan"),
        ("plan.order", "from ..store import Store"),
        ("systems.metadefender.role", "from reconciler.validate import check"),
        ("sources.git", "from reconciler.secrets import Secrets"),
        ("observe", "from reconciler.execute import Outcome"),
        ("observe", "from importlib import import_module\nimport_module('reconciler.cli')"),
        ("cli", "import importlib\nimportlib.import_module('reconciler.' + name)"),
        ("emulator.web", "from reconciler.systems.auth import Token"),
        ("emulator", "from reconciler.cli import main"),
    ],
)
def test_a_look_upward_is_seen(name: str, source: str) -> None:
    assert len(upward(name, source, "reconciler.plan" if name == "plan.order" else "reconciler")) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("secret", "from reconciler.model import Identity"),
        ("validate_names", "from reconciler.validate import check"),
        ("systems.metadefender.role", "from reconciler.systems.base import Kind"),
        ("plan.order", "from .rules import Rule"),
        ("reconcile", "from reconciler.execute import execute"),
        ("cli", "from reconciler import __version__, settings"),
        ("emulator.web", "from reconciler.wire import Request\nfrom reconciler.emulator.data import Data"),
        ("api", "import httpx"),
    ],
)
def test_what_is_fine_passes(name: str, source: str) -> None:
    assert upward(name, source, "reconciler.plan" if name == "plan.order" else "reconciler") == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import httpx", "httpx"),
        ("from urllib import request", "urllib.request"),
        ("def f():\n    import time", "time"),
        ("from os import environ", "os.environ"),
        ("import logging.config as c", "logging.config"),
        ("from sqlalchemy.orm import Session", "sqlalchemy.orm.Session"),
        ("at = datetime.now(UTC)", "datetime.now"),
        ("at = datetime.date.today()", "datetime.date.today"),
        ("import sys\nsys.stdout.write('')", "sys.stdout"),
        ("import uuid\nuuid.uuid4()", "uuid.uuid4"),
        ("text = open(path).read()", "open"),
        ("from pathlib import Path", "pathlib.Path"),
    ],
)
def test_reaching_the_world_is_seen(source: str, what: str) -> None:
    assert [found.split(" uses ")[1] for found in impure("plan", source)] == [what]
    assert impure("execute", source) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import timedelta",
        "from http import HTTPStatus",
        "from os.path import normpath",
        "from pathlib import PurePosixPath",
        "from reconciler.secrets import Secrets",
        "from urllib.parse import quote",
        "from uuid import uuid5",
        "console.print(text)",
    ],
)
def test_what_is_pure_passes(source: str) -> None:
    assert impure("plan", source) == []


def test_a_module_without_a_floor_is_named() -> None:
    with pytest.raises(LookupError, match=r"reconciler\.cellar\.wine has no floor: add 'cellar' to tool\.floors"):
        upward("cellar.wine", "import reconciler.model")
    with pytest.raises(LookupError, match="'cellar'"):
        upward("cli", "from reconciler.cellar import wine")


def test_a_circle_is_seen() -> None:
    sources = {"a": "from reconciler import b", "b": "def f():\n    from reconciler.a import x"}
    with pytest.raises(CycleError):
        TopologicalSorter(graph({name: (source, "reconciler") for name, source in sources.items()})).prepare()


def test_a_circle_of_types_is_none() -> None:
    sources = {"a": "from reconciler import b", "b": "if TYPE_CHECKING:\n    from reconciler.a import x"}
    assert graph({name: (source, "reconciler") for name, source in sources.items()}) == {"a": {"b"}, "b": set()}
