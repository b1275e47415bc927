"""``reconciler apply PATH``: plan, ask, act, and say what became of each step."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import click

from reconciler.api import Hooks
from reconciler.cli.case import opened
from reconciler.cli.codes import report_code
from reconciler.cli.options import (
    colour_option,
    out_option,
    output_option,
    path_argument,
    policy,
    policy_options,
    target_options,
)
from reconciler.cli.progress import Progress, progress_for
from reconciler.cli.run import finish
from reconciler.cli.show import colourful, note, require_place, text_options, write_out
from reconciler.cli.stopping import Stopping
from reconciler.cli.tree import load_tree
from reconciler.errors import InputError, PlanRefused
from reconciler.execute import Options
from reconciler.reconcile import Case, carry_out, decide, require_carriable
from reconciler.render import render_plan, render_report
from reconciler.render.schema import load_plan
from reconciler.settings import environment_target
from reconciler.steps import Plan, Report


@click.command("apply")
@path_argument
@target_options
@policy_options
@output_option("text", "json", "markdown", "html")
@out_option
@colour_option
@click.option("--plan", "plan_file", type=click.Path(), help="Apply only if the plan is still this one (plan --out).")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--parallelism", type=click.IntRange(1, 64), default=8, show_default=True, help="Calls at once.")
@click.option("--poll", type=float, default=2.0, show_default=True, help="Seconds between looks at what settles later.")
def command(
    path: str,
    url: str | None,
    state: str | None,
    secrets_dir: str | None,
    timeout: float,
    lock_timeout: float,
    only: tuple[str, ...],
    prune: bool,
    allow: tuple[str, ...],
    resend: bool,
    output: str,
    out: str | None,
    no_color: bool,
    plan_file: str | None,
    yes: bool,
    parallelism: int,
    poll: float,
) -> int:
    """Bring the target to the desired state under PATH."""
    require_place(out)
    target = environment_target(url, state, secrets_dir, policy(only, prune, allow, resend))
    loaded = load_tree(path, target.system, target.installers)
    expected = _digest(plan_file) if plan_file else None
    if not (yes or expected or sys.stdin.isatty()):
        raise InputError(
            "nobody is there to be asked", remedy="give --yes, or --plan FILE with a plan that was reviewed"
        )
    text = output == "text"
    progress = progress_for(text and colourful(no_color))
    wish = Wish(Options(parallelism, timeout, poll), expected, yes or expected is not None, text, no_color)
    stopping = Stopping(progress.say)

    async def run() -> Report | None:
        hooks = Hooks(on_upload=progress.upload)
        try:
            async with opened(
                target, loaded, writes=True, lock_timeout=lock_timeout, parallelism=parallelism, hooks=hooks
            ) as case:
                return await _apply(case, wish, progress, stopping)
        except asyncio.CancelledError:
            if not stopping.code:
                raise
            return None  # given up after the grace: the journal's entries stay open, and the next run settles them

    report = finish(run())
    if report is not None:
        _show(report, output, no_color, out)
    return stopping.code or (report_code(report) if report is not None else 1)


def _show(report: Report, output: str, no_color: bool, out: str | None) -> None:
    options = text_options(no_color) if output == "text" else {}
    click.echo("\n" if options else "", nl=False)
    click.echo(render_report(report, output, **options), nl=False)  # type: ignore[arg-type]
    if out:
        write_out(out, render_report(report, "json"))


@dataclass(frozen=True)
class Wish:
    """How it is to be done. ``expected`` is the digest of the plan that was agreed to; ``agreed``: nobody is asked."""

    options: Options
    expected: str | None
    agreed: bool
    text: bool
    no_color: bool


async def _apply(case: Case, wish: Wish, progress: Progress, stopping: Stopping) -> Report | None:
    decision = await decide(case, settle=True)
    plan = decision.plan
    require_carriable(case, plan, wish.expected)
    asks = bool(plan.steps) and not wish.agreed
    if wish.text or asks:
        click.echo(render_plan(plan, "text", **text_options(wish.no_color)), nl=False, err=not wish.text)
    if asks and not _agreed(plan):
        note("Nothing was done.")
        return None
    with progress.showing(plan):
        return await carry_out(
            case, decision, wish.options, progress.tell, expected=wish.expected, on_scheduler=stopping.watch
        )


def _agreed(plan: Plan) -> bool:
    count = len(plan.steps)
    return click.confirm(f"\nDo {'this step' if count == 1 else f'these {count} steps'}?", default=False, err=True)


def _digest(path: str) -> str:
    """The digest of a saved plan. Raises InputError, PlanRefused."""
    try:
        with open(path, encoding="utf-8") as file:
            plan = load_plan(file.read())
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
        raise InputError(f"the plan {path} can't be read: {cause}", remedy="write one with plan --out FILE") from None
    except InputError as error:
        raise InputError(f"{path}: {error.message}", remedy=error.remedy or "write one with plan --out FILE") from None
    if not plan.get("lineage") or not plan.get("digest"):
        raise PlanRefused(
            f"the plan {path} was made without the state, so it can't be applied",
            remedy="make it where the state is (--state), and apply that one",
        )
    return str(plan["digest"])
