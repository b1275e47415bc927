"""Every safety of the program, found in its code, and how to switch it off in a process that has no other use.

A rule, a guard, a precondition or a refusal that is written tomorrow is in this list by itself: nothing is named here
but the places where safeties live.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from reconciler import settle
from reconciler.api import retry
from reconciler.api.outgoing import Departure
from reconciler.execute import look, scheduler
from reconciler.execute.call import Call
from reconciler.execute.journaling import CallJournal
from reconciler.systems.base import Kind, Result
from reconciler.systems.draft import Draft
from reconciler.systems.registry import systems
from reconciler.systems.view import View
from scripts.docs_rules import HOOKS, every

PLAN = (
    "tests/plan/test_l", "tests/plan/test_a", "tests/plan/test_i", "tests/plan/test_t", "tests/plan/test_w",
    "tests/systems/test_f", "tests/systems/test_o", "tests/systems",
)  # fmt: skip
PASSES = ("tests/execute", "tests/machine")
EDGES = ("tests/api/test_api_fence.py", "tests/api/test_api_faults.py", "tests/api/test_api_requests.py")
STATE = ("tests/store",)
WHERE = (*PLAN, "tests/plan", *PASSES, "tests/validate", *EDGES, *STATE)
"""The quick tests that are asked, in the order in which they are."""


@dataclass(frozen=True)
class Safety:
    """``off`` can't be undone. ``tests``: the beginnings of the names of the tests that are asked, first ones first."""

    name: str
    off: Callable[[], None]
    tests: tuple[str, ...]


def safeties() -> dict[str, Safety]:
    """All of them, by name."""
    found = [*_rules(), *_hooks(), *_words_of_kinds(), *_decisions(), *_refusals(), *_of_several_parts()]
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


# --- what holds a step back, by the name that a plan gives


def _rules() -> Iterator[Safety]:
    for rule in every({}):
        if HOOKS["hold"] in rule.effects:
            yield Safety(f"rule {rule.name}", partial(_never_named, rule.name), (*PLAN, "tests/plan"))


def _never_named(name: str) -> None:
    def without(original: Callable[..., None]) -> Callable[..., None]:
        def method(draft: Draft, step: Any, rule: str, reason: str, remedy: str) -> None:
            if rule != name:
                original(draft, step, rule, reason, remedy)

        return method

    Draft.block = without(Draft.block)  # type: ignore[method-assign]
    Draft.hold = without(Draft.hold)  # type: ignore[method-assign]


# --- what a system's rules do, and what its kinds say


def _hooks() -> Iterator[Safety]:
    for rule in sorted({type(rule) for system in systems().values() for rule in system.rules}, key=str):
        for hook in HOOKS:
            if hook in vars(rule):
                yield Safety(f"{rule.__name__}.{hook}", partial(delattr, rule, hook), (*PLAN, "tests/plan"))


JUDGEMENTS = (
    "precondition", "under_way", "can_find", "happened", "repeatable", "needs", "refers_to", "item_refers_to", "same",
    "destructive", "disruptive", "settled", "check", "check_all", "check_live", "match", "natural_keys",
)  # fmt: skip
FLAGS = (
    "unread", "sealed", "needed", "in_use", "replace_rule", "deletable", "one_way", "second_tries", "daily_only",
    "singleton", "stable", "carried", "polls",
)  # fmt: skip

SAID_TWICE = {"RoleKind.natural_keys", "UserKind.natural_keys"}
"""What changes nothing by itself: two users or roles of one name are two documents of one name, which are refused."""


def _words_of_kinds() -> Iterator[Safety]:
    kinds = {base for system in systems().values() for kind in system.kinds.values() for base in type(kind).__mro__}
    for kind in sorted(kinds, key=str):
        if issubclass(kind, Kind) and kind is not Kind:
            for word in (*JUDGEMENTS, *FLAGS):
                if word in vars(kind) and f"{kind.__name__}.{word}" not in SAID_TWICE:
                    tests = ("tests/execute", *PLAN, "tests/plan", "tests/systems", "tests/validate", *PASSES)
                    yield Safety(f"{kind.__name__}.{word}", partial(delattr, kind, word), tests)


# --- what only changes a draft: each function of the plan and of the guards that gives nothing back


def _decisions() -> Iterator[Safety]:
    for module in (*_modules("reconciler.guards"), *_modules("reconciler.plan")):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and function.__annotations__.get("return") == "None":
                off = partial(_replace, function, _nothing)
                yield Safety(f"{module.__name__}.{name}", off, (*PLAN, "tests/plan", *PASSES))


def _modules(package: str) -> list[ModuleType]:
    top = importlib.import_module(package)
    return [top, *(importlib.import_module(f"{package}.{one.name}") for one in pkgutil.iter_modules(top.__path__))]


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _swap(owner: type, **methods: Callable[..., Any]) -> None:
    for name, method in methods.items():
        setattr(owner, name, method)


def _replace(function: Any, other: Callable[..., Any]) -> None:
    """Wherever it was imported to."""
    for module in list(sys.modules.values()):
        # Some entries of this table are no modules, or None.
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is function:
                setattr(module, name, other)


# --- what refuses: each ``raise`` of the modules that are there to refuse


REFUSING = {
    "reconciler.execute.checks": PASSES,
    "reconciler.execute.journaling": PASSES,
    "reconciler.plan.references": (*PLAN, "tests/plan"),
    "reconciler.reconcile": (*PASSES, *PLAN),
    "reconciler.settle": (*PASSES, *PLAN),
    "reconciler.api.exchange": EDGES,
    "reconciler.api.retry": EDGES,
    "reconciler.store.journal": STATE,
    "reconciler.store.targets": STATE,
    "reconciler.store.writes": STATE,
}


def _refusals() -> Iterator[Safety]:
    for name, tests in REFUSING.items():
        module = importlib.import_module(name)
        tree = ast.parse(Path(module.__file__ or "").read_text())
        for qualified, number, words in _raises(tree):
            yield Safety(f"{name}.{qualified}: {words}", partial(_allow, module, qualified, number), tests)


def _raises(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """(function, how manieth ``raise`` of it, what it raises)."""
    for qualified, function in _functions(tree):
        for number, one in enumerate(_own_raises(function)):
            # A test's name has one line; two refusals of one function begin alike often enough.
            yield qualified, number, f"{number + 1}, {ast.unparse(one.exc) if one.exc else 'again'}"[:70]


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for one in node.body:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{one.name}", one


def _own_raises(function: ast.AST) -> list[ast.Raise]:
    found = [node for node in ast.walk(function) if isinstance(node, ast.Raise) and node.exc is not None]
    return sorted(found, key=lambda node: node.lineno)


class _Without(ast.NodeTransformer):
    """The same code, with ``pass`` in one place."""

    def __init__(self, place: ast.Raise) -> None:
        self._place = place

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if node is self._place else node


def _allow(module: ModuleType, qualified: str, number: int) -> None:
    tree = ast.parse(Path(module.__file__ or "").read_text())
    place = _own_raises(dict(_functions(tree))[qualified])[number]
    code = compile(_Without(place).visit(tree), module.__file__ or "", "exec", dont_inherit=True)
    target: Any = module
    for part in qualified.split("."):
        code = next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == part)
        target = inspect.getattr_static(target, part)
    inspect.unwrap(getattr(target, "__func__", target)).__code__ = code


# --- what holds because several parts do their share


def _of_several_parts() -> Iterator[Safety]:
    for name, (off, tests) in SEVERAL.items():
        yield Safety(name, off, tests)


def _seen_once() -> None:
    """Absence is believed at the first look."""
    _replace(settle.vanished, lambda view: [])


def _unjournalled() -> None:
    async def before(journal: CallJournal, request: Any) -> int:
        journal.writes += 1
        journal._open = (0, request)
        return 0

    _swap(CallJournal, before=before)


def _never_read_back() -> None:
    async def find_out(call: Call, works: list[Any], journal: CallJournal, why: str) -> list[Any]:
        await journal.close_unclear(works, [], why)
        call._take(works, {work.move: Result.done() for work in works}, [])
        return []

    _swap(Call, _find_out=find_out)


def _one_look_for_all() -> None:
    original = look.Looker.look

    async def looked(looker: look.Looker, names: Any, not_before: float) -> View:
        return await original(looker, names, min(not_before, time.monotonic() - 3600))

    look.MAX_AGE = float("inf")
    _swap(look.Looker, look=looked)


SEVERAL: dict[str, tuple[Callable[[], None], tuple[str, ...]]] = {
    "ownership": (lambda: _swap(View, owns=lambda *_: True), (*PLAN, "tests/plan")),
    "looks of what has no id yet": (lambda: _swap(View, looks_as_sent=lambda *_: True), PASSES),
    "bad reads": (lambda: _swap(View, _unread=_nothing), (*PLAN, "tests/plan", *PASSES)),
    "a second look at what is gone": (_seen_once, PASSES),
    "a look before each write": (_one_look_for_all, PASSES),
    "a look of its own before harm": (lambda: _replace(scheduler._harms, lambda _: False), PASSES),
    "journal": (_unjournalled, PASSES),
    "read-back": (_never_read_back, PASSES),
    "fence": (lambda: _swap(Departure, check=_nothing), (*PASSES, *EDGES)),
    "writes sent once": (
        lambda: _replace(retry.worth_another_try, lambda *_, **__: True),
        (*EDGES, *PASSES),
    ),
}
