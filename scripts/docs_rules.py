"""docs/rules.md: every name that a plan can give for holding a step back, from the code and docs/_source/rules.yaml."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.systems.base import System
from reconciler.systems.draft import Rule
from reconciler.systems.registry import systems
from scripts.docs_text import ROOT, Gap, agree, code, file_of, page, prose, section, source

WHERE = ("reconciler/guards", "reconciler/plan")
HOOKS = {"hold": "holds steps back", "order": "orders steps", "expand": "adds, merges or warns of steps"}


@dataclass(frozen=True)
class Named:
    """A rule or guard: what it says, where that comes from, and what it does to a plan."""

    name: str
    says: str
    source: str
    effects: tuple[str, ...]


def rules_pages() -> dict[str, str]:
    """Path → text of the one page."""
    written = source("rules.yaml")
    named = {one.name: one for one in every(written["rules"])}
    agree("docs/_source/rules.yaml", named, written["rules"])
    groups = [_group(group, named, written["rules"]) for group in written["groups"]]
    left = set(named) - {name for group in written["groups"] for name in group["rules"]}
    if left:
        raise Gap(f"docs/_source/rules.yaml: in no group: {', '.join(sorted(left))}")
    return {
        "docs/rules.md": page("Rules and guards", "the code and docs/_source/rules.yaml", written["intro"], *groups)
    }


def every(written: Mapping[str, Any]) -> Iterator[Named]:
    """All of them: the systems' rules, what kinds name, what the guards and the plan hold back."""
    found: dict[str, list[Named]] = {}
    for one in (*(one for system in systems().values() for one in _of_system(system)), *_of_code()):
        found.setdefault(one.name, []).append(one)
    for name, places in found.items():
        more = written.get(name, {})
        effects = dict.fromkeys(effect for one in places for effect in one.effects)
        yield Named(name, more.get("says", places[0].says), more.get("source", places[0].source), tuple(effects))


def rules_of(kind: str) -> list[str]:
    """The names of the rules that concern a kind."""
    written = source("rules.yaml")["rules"]
    return [name for name, one in written.items() if kind in one.get("kinds", ())]


def anchor(name: str) -> str:
    """A link to a rule from a page one folder below docs/."""
    return f"[`{name}`](../rules.md#{name})"


def _of_system(system: System) -> Iterator[Named]:
    for rule in system.rules:
        yield Named(rule.name, prose(type(rule).__doc__), rule.source, _effects(type(rule)))
    for kind in system.kinds.values():
        for name in (kind.replace_rule, kind.in_use):
            if name is not None:
                yield Named(name, "", "caution", (HOOKS["hold"],))


def _effects(rule: type[Rule]) -> tuple[str, ...]:
    return tuple(text for hook, text in HOOKS.items() if hook in vars(rule))


def _of_code() -> Iterator[Named]:
    for folder in WHERE:
        for path in sorted((ROOT / folder).glob("*.py")):
            yield from _held_in(path)


def _held_in(path: Path) -> Iterator[Named]:
    """The names that a module's functions give to ``block`` and ``hold``."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and len(call.args) == 4:
                    name = call.args[1]
                    if call.func.attr in ("block", "hold") and isinstance(name, ast.Constant):
                        says = prose(ast.get_docstring(function))
                        yield Named(str(name.value), says, "caution", (HOOKS["hold"],))


def _group(group: Mapping[str, Any], named: Mapping[str, Named], written: Mapping[str, Any]) -> str:
    parts = [_rule(named[name], written[name]) for name in group["rules"] if name in named]
    return section(group["title"], "\n\n".join([group.get("about", ""), *parts]))


def _rule(one: Named, written: Mapping[str, Any]) -> str:
    if not one.says:
        raise Gap(f"docs/_source/rules.yaml: {one.name} needs says: its code has no docstring")
    kinds = ", ".join(f"[{kind}](kinds/{file_of(kind)})" for kind in written.get("kinds", ())) or "every kind"
    lines = [
        one.says,
        f"- Concerns: {kinds}",
        f"- What it does: {', '.join(one.effects)}",
        f"- Where it comes from: {one.source}",
        f"- How to get past it: {' '.join(written['past'].split())}",
    ]
    return section(code(one.name), lines[0] + "\n\n" + "\n".join(lines[1:]), 3)
