"""``reconciler apply PATH``: plan, ask, act, and say what became of each step."""

from __future__ import annotations

import asyncio
import math
import sys
import time

import click
from msgspec import Struct
from msgspec.structs import replace

from reconciler.api import Hooks
from reconciler.cli.codes import report_code, worst
from reconciler.cli.common import finish
from reconciler.cli.failures import tell_of
from reconciler.cli.holds import suspension_json, suspension_text
from reconciler.cli.options import (
    colour_option,
    lock_option,
    out_option,
    output_option,
    path_argument,
    takes_where,
    takes_wishes,
)
from reconciler.cli.progress import Progress, progress_for
from reconciler.cli.saved import agreed_digest, saved_digests
from reconciler.cli.several import documents_of
from reconciler.cli.show import colourful, note, require_place, text_options, write_out
from reconciler.cli.stopping import Stopping
from reconciler.errors import InputError, ReconcilerError
from reconciler.execute import Options
from reconciler.opening import opened
from reconciler.policy import Policy
from reconciler.reconcile import Case, carry_out, decide, require_carriable
from reconciler.render import render_plan, render_report
from reconciler.render.json import report_json
from reconciler.settings import Target, Where, claims, targets
from reconciler.steps import Plan, Report
from reconciler.trees import Loaded, load_for


@click.command("apply")
@path_argument
@takes_where
@takes_wishes
@output_option("text", "json", "markdown", "html")
@out_option
@colour_option
@lock_option
@click.option("--plan", "plan_file", type=click.Path(), help="Apply only if the plan is still this one (plan --out).")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--ignore-suspension", is_flag=True, help="Write to a suspended target, too.")
@click.option(
    "--timeout", type=float, default=3600.0, show_default=True, help="Seconds to wait for what settles later."
)
@click.option("--parallelism", type=click.IntRange(1, 64), default=8, show_default=True, help="Calls at once.")
@click.option("--poll", type=float, default=2.0, show_default=True, help="Seconds between looks at what settles later.")
def command(
    path: str,
    where: Where,
    wishes: Policy,
    output: str,
    out: str | None,
    no_color: bool,
    lock_timeout: float,
    plan_file: str | None,
    yes: bool,
    ignore_suspension: bool,
    timeout: float,
    parallelism: int,
    poll: float,
) -> int:
    """Bring the target to the desired state under PATH."""
    require_place(out)
    chosen = targets(where, wishes)
    loaded = load_for(path, chosen, claims(where))
    expected = _agreed_digests(plan_file, chosen) if plan_file else {}
    if not (yes or plan_file or sys.stdin.isatty()):
        raise InputError(
            "nobody is there to be asked", remedy="give --yes, or --plan FILE with a plan that was reviewed"
        )
    wish = Wish(
        Options(parallelism, timeout, poll), None, yes or bool(plan_file), output == "text", no_color, ignore_suspension
    )
    codes: list[int] = []
    reports: list[Report] = []
    for number, (target, share) in enumerate(zip(chosen, loaded, strict=True)):
        click.echo("\n" if number and wish.text else "", nl=False)
        agreed = replace(wish, expected=expected.get(target.name))
        report, code = _one_of(len(chosen), target, share, agreed, lock_timeout)
        codes.append(code)
        if report is not None:
            reports.append(report)
            _show(report, output, no_color)
        if code > STOPPED:
            break
    _show_all(reports, len(chosen), output, out)
    return max(codes) if max(codes) > STOPPED else worst(codes)


STOPPED = 128
"""Above it, an exit code is that of a signal."""


def _agreed_digests(plan_file: str, chosen: list[Target]) -> dict[str, str]:
    """What was agreed to for each target, known before any of them is touched. Raises InputError, PlanRefused."""
    digests = saved_digests(plan_file)
    return {target.name: agreed_digest(digests, target.name, plan_file) for target in chosen}


def _one_of(count: int, target: Target, loaded: Loaded, wish: Wish, lock_timeout: float) -> tuple[Report | None, int]:
    """Of several targets, one that fails doesn't keep the others waiting."""
    try:
        return _one(target, loaded, wish, lock_timeout)
    except ReconcilerError as error:
        if count == 1:
            raise
        return None, tell_of(target.name, error)


def _one(target: Target, loaded: Loaded, wish: Wish, lock_timeout: float) -> tuple[Report | None, int]:
    """One target's report, if it came to one, and its exit code."""
    progress = progress_for(wish.text and colourful(wish.no_color))
    stopping = Stopping(progress.say)

    async def run() -> Report | None:
        hooks = Hooks(on_upload=progress.upload)
        parallelism = wish.options.parallelism
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
    return report, stopping.code or (report_code(report) if report is not None else 1)


def _show(report: Report, output: str, no_color: bool) -> None:
    if output != "json":
        options = text_options(no_color) if output == "text" else {}
        click.echo("\n" if options else "", nl=False)
        click.echo(render_report(report, output, **options), nl=False)  # type: ignore[arg-type]


def _show_all(reports: list[Report], count: int, output: str, out: str | None) -> None:
    """What is JSON is one document, and so comes when all targets are done."""
    if reports and output == "json":
        click.echo(documents_of([report_json(one) for one in reports], count), nl=False)
    if reports and out:
        write_out(out, documents_of([report_json(one) for one in reports], count))


class Wish(Struct, frozen=True):
    """How it is to be done. ``expected`` is the digest of the plan that was agreed to; ``agreed``: nobody is asked;
    ``suspended``: it is done although the target is suspended."""

    options: Options
    expected: str | None
    agreed: bool
    text: bool
    no_color: bool
    suspended: bool = False


async def _apply(case: Case, wish: Wish, progress: Progress, stopping: Stopping) -> Report | None:
    if not wish.suspended:
        _require_running(case)
    _tell_of_waiting(case)
    decision = await decide(replace(case, approved=_approved(case)), settle=True)
    plan = decision.plan
    if decision.approval is not None and wish.expected == decision.approval:
        # What was agreed to is still what would be done; with the approval it has a digest of its own.
        wish = replace(wish, expected=plan.digest)
    require_carriable(case, plan, wish.expected)
    asks = bool(plan.steps) and not wish.agreed
    if wish.text or asks:
        click.echo(render_plan(plan, "text", **text_options(wish.no_color)), nl=False, err=not wish.text)
    if asks and not _agreed(plan):
        note("Nothing was done.")
        return None
    if decision.approval is not None and case.store is not None:
        # Before anything is done: what was agreed to once is never done twice.
        await case.store.withdraw(decision.approval)
    with progress.showing(plan):
        return await carry_out(
            case, decision, wish.options, progress.tell, expected=wish.expected, on_scheduler=stopping.watch
        )


def _tell_of_waiting(case: Case) -> None:
    wait = case.store.settle_after - time.monotonic() if case.store is not None else 0.0
    if wait > 0:
        note(f"Waiting {math.ceil(wait)} s: a run was cut short, and what it has sent may still arrive.")


def _approved(case: Case) -> frozenset[str]:
    """The plans that somebody has agreed to (``reconciler approve``), by their digests."""
    found = case.store.approvals(time.time()) if case.store is not None else ()
    return frozenset(one.digest for one in found)


def _require_running(case: Case) -> None:
    """Refuse a suspended target, before anything is settled or written. Raises InputError."""
    suspension = case.store.suspension(time.time()) if case.store is not None else None
    if suspension is not None:
        raise InputError(
            f"the target {case.target} is suspended {suspension_text(suspension_json(suspension) or {})}",
            remedy="end that with `reconciler resume`, or give --ignore-suspension",
        )


def _agreed(plan: Plan) -> bool:
    count = len(plan.steps)
    return click.confirm(f"\nDo {'this step' if count == 1 else f'these {count} steps'}?", default=False, err=True)
