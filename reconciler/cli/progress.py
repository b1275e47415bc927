"""What is going on, while it goes on: bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.cli.failures import safe
from reconciler.cli.show import note
from reconciler.execute import Event, Happening
from reconciler.steps import Plan, Status
from reconciler.wire import Request

MARKS = {Status.DONE: "[green]✓[/]", Status.FAILED: "[red]✗[/]", Status.UNKNOWN: "[red]?[/]"}


class Progress:
    """Where nobody looks: says nothing."""

    def tell(self, event: Event) -> None:
        """Something has happened."""

    def upload(self, request: Request, sent: int, total: int) -> None:
        """Bytes of an upload have gone out."""

    def say(self, text: str) -> None:
        """A line for people, beside what is shown."""
        note(text)

    @contextmanager
    def showing(self, plan: Plan) -> Iterator[None]:
        """Around the whole apply."""
        yield


class Bars(Progress):
    """One line for each step that is under way, and one for the whole."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Live

        self._live = Live(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=True),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._names: dict[str, str] = {}
        self._tasks: dict[str, Any] = {}
        self._whole: Any = None
        self._uploading: list[str] = []

    @contextmanager
    def showing(self, plan: Plan) -> Iterator[None]:
        if not plan.steps:
            yield
            return
        self._names = names_of(plan)
        with self._live:
            self._whole = self._live.add_task("[bold]steps[/]", total=len(plan.moves))
            yield

    def say(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False)

    def tell(self, event: Event) -> None:
        from rich.markup import escape

        name = escape(safe(self._names.get(event.move, event.move)))
        if event.happening is Happening.STARTED:
            self._tasks[event.move] = self._live.add_task(name, total=None)
            if "/Installer/" in event.move:
                self._uploading.append(event.move)
        elif event.happening is Happening.WAITING and event.move in self._tasks:
            self._live.update(self._tasks[event.move], description=f"{name} [dim]{escape(safe(event.text))}[/]")
        elif event.happening is Happening.ENDED:
            self._end(event, name)

    def upload(self, request: Request, sent: int, total: int) -> None:
        for move in self._uploading:
            if move in self._tasks:
                self._live.update(self._tasks[move], completed=sent, total=total)

    def _end(self, event: Event, name: str) -> None:
        if event.move in self._uploading:
            self._uploading.remove(event.move)
        if event.move in self._tasks:
            self._live.remove_task(self._tasks.pop(event.move))
        self._live.advance(self._whole)
        if event.outcome is not None and event.outcome.status is not Status.SKIPPED:
            mark = MARKS.get(event.outcome.status, "·")
            self._live.console.print(f"{mark} {name} [dim]{event.outcome.seconds:.1f} s[/]", highlight=False)


def names_of(plan: Plan) -> dict[str, str]:
    """What each move of a plan is called: its step, and which half of it where it has two."""
    titles = {step.id: f"{step.action.value} {step.kind}/{step.name}" for step in plan.steps}
    halves = Counter(move.step for move in plan.moves)
    return {
        move.id: titles[move.step] + (f" ({1 if move.down else 2} of 2)" if halves[move.step] > 1 else "")
        for move in plan.moves
    }


def progress_for(wanted: bool) -> Progress:
    """Bars where they are wanted and standard error is a terminal."""
    return Bars() if wanted and sys.stderr.isatty() else Progress()
