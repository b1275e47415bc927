"""``reconciler apply PATH``: plan, ask, act, and say what became of each step."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

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
from reconciler.cli.show import note, text_options, write_out
from reconciler.cli.tree import load_tree
from reconciler.errors import InputError, PlanRefused
from reconciler.execute import Options, Scheduler
from reconciler.reconcile import Case, carry_out, settled
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
    target = environment_target(url, state, secrets_dir, policy(only, prune, allow, resend))
    loaded = load_tree(path, target.system, target.installers)
    expected = _digest(plan_file) if plan_file else None
    if not (yes or expected or sys.stdin.isatty()):
        raise InputError(
            "nobody is there to be asked", remedy="give --yes, or --plan FILE with a plan that was reviewed"
        )
    text = output == "text"
    stopped: list[int] = []
    progress = progress_for(text and not no_color)

    async def run() -> Report | None:
        hooks = Hooks(on_upload=progress.upload)
        async with opened(
            target, loaded, writes=True, lock_timeout=lock_timeout, parallelism=parallelism, hooks=hooks
        ) as case:
            return await _apply(
                case, Options(parallelism, timeout, poll), expected, progress, stopped, yes, no_color, text
            )

    report = asyncio.run(run())
    if report is None:
        return 1
    click.echo(render_report(report, output, **(text_options(no_color) if text else {})), nl=False)  # type: ignore[arg-type]
    if out:
        write_out(out, render_report(report, "json"))
    return 128 + stopped[0] if stopped else report_code(report)


async def _apply(
    case: Case,
    options: Options,
    expected: str | None,
    progress: Progress,
    stopped: list[int],
    yes: bool,
    no_color: bool,
    text: bool,
) -> Report | None:
    decision = await settled(case)
    plan = decision.plan
    if text:
        click.echo(render_plan(plan, "text", **text_options(no_color)), nl=False)
    if plan.steps and not yes and expected is None and not _agreed(plan):
        note("Nothing was done.")
        return None
    with progress.showing(plan):
        return await carry_out(
            case,
            decision,
            options,
            progress.tell,
            expected=expected,
            on_scheduler=lambda scheduler: _on_signals(scheduler, stopped),
        )


def _agreed(plan: Plan) -> bool:
    count = len(plan.steps)
    return click.confirm(f"\nDo {'this step' if count == 1 else f'these {count} steps'}?", default=False, err=True)


def _on_signals(scheduler: Scheduler, stopped: list[int]) -> None:
    """The first signal finishes the calls in flight, the second one ends at once."""
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopped:
            os._exit(128 + number)
        stopped.append(number)
        note("Stopping: what is under way is finished, nothing more is begun. Once more to end at once.")
        scheduler.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)


def _digest(path: str) -> str:
    """The digest of a saved plan. Raises InputError, PlanRefused."""
    try:
        with open(path, encoding="utf-8") as file:
            plan = load_plan(file.read())
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
        raise InputError(f"the plan {path} can't be read: {cause}") from None
    if not plan.get("lineage") or not plan.get("digest"):
        raise PlanRefused(
            f"the plan {path} was made without the state, so it can't be applied",
            remedy="make it where the state is (--state), and apply that one",
        )
    return str(plan["digest"])
