"""How a failure is told: one sentence, its place, what to do; a traceback only when it is asked for, redacted."""

from __future__ import annotations

import sys
import traceback

import click

from reconciler.cli.show import colourful
from reconciler.errors import InvalidTree, ReconcilerError


def tell(error: Exception, *, debug: bool) -> int:
    """Print the failure on standard error; the exit code."""
    if isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        return tell(error.exceptions[0], debug=debug)
    if isinstance(error, InvalidTree):
        for problem in error.problems:
            click.echo(safe(str(problem)), err=True)
    if isinstance(error, ReconcilerError):
        label = click.style("error:", fg="red", bold=True) if colourful() else "error:"
        click.echo(f"{label} {safe(error.message)}", err=True)
        if error.remedy:
            click.echo(f"  {safe(error.remedy)}", err=True)
    else:
        click.echo(f"error: a defect of the reconciler: {type(error).__name__}; --debug shows where", err=True)
    if debug:
        click.echo(redacted(error), err=True)
    return error.exit_code if isinstance(error, ReconcilerError) else 1


def tell_of(target: str, error: ReconcilerError) -> int:
    """Print one target's failure where the others go on; the exit code."""
    click.echo(f"target {target}:", err=True)
    return tell(error, debug="--debug" in sys.argv)


def redacted(error: BaseException) -> str:
    """Where the error comes from: files, lines and types; of texts only our own, which never hold a secret."""
    lines: list[str] = []
    while error is not None:
        shown = f": {error.message}" if isinstance(error, ReconcilerError) else ""
        lines += [
            f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        lines.append(f"{type(error).__name__}{safe(shown)}")
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None:
            break
        error = following
        lines.append("caused by")
    return "\n".join(lines)


def safe(text: str) -> str:
    """A text of somebody else's on one line, without control characters."""
    return "".join(c if c.isprintable() else "\\n" if c == "\n" else "?" for c in text)
