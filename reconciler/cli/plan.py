"""``reconciler plan PATH``: what would be done, and what wouldn't, and why. Writes nothing to the target."""

from __future__ import annotations

import click

from reconciler.cli.case import opened
from reconciler.cli.codes import plan_code
from reconciler.cli.options import (
    colour_option,
    out_option,
    output_option,
    path_argument,
    policy,
    policy_options,
    target_options,
)
from reconciler.cli.run import finish
from reconciler.cli.show import require_place, text_options, write_out
from reconciler.cli.tree import load_tree
from reconciler.reconcile import decide
from reconciler.render import render_plan
from reconciler.settings import environment_target
from reconciler.steps import Plan


@click.command("plan")
@path_argument
@target_options
@policy_options
@output_option("text", "json", "markdown", "html")
@out_option
@colour_option
@click.option("--full", is_flag=True, help="Show every field, even of many like steps.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is something to do.")
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
    full: bool,
    detailed_exitcode: bool,
) -> int:
    """Compare the desired state under PATH with the target, and show what apply would do."""
    require_place(out)
    wishes = policy(only, prune, allow, resend)
    target = environment_target(url, state, secrets_dir, wishes)
    loaded = load_tree(path, target.system, target.installers)

    async def run() -> Plan:
        async with opened(target, loaded) as case:
            return (await decide(case)).plan

    plan = finish(run())
    options = {**text_options(no_color), "full": full} if output == "text" else {}
    click.echo(render_plan(plan, output, **options), nl=False)  # type: ignore[arg-type]
    if out:
        write_out(out, render_plan(plan, "json"))
    return plan_code(plan, detailed=detailed_exitcode)
