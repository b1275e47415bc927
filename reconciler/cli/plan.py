"""``reconciler plan PATH``: what would be done, and what wouldn't, and why. Writes nothing to the target."""

from __future__ import annotations

import click

from reconciler.cli.codes import plan_code, worst
from reconciler.cli.failures import tell_of
from reconciler.cli.options import (
    colour_option,
    out_option,
    output_option,
    path_argument,
    takes_where,
    takes_wishes,
)
from reconciler.cli.run import finish
from reconciler.cli.several import documents_of, shown
from reconciler.cli.show import require_place, text_options, write_out
from reconciler.errors import ReconcilerError
from reconciler.opening import opened
from reconciler.policy import Policy
from reconciler.reconcile import decide
from reconciler.render import render_plan
from reconciler.render.json import plan_json
from reconciler.settings import Target, Where, claims, targets
from reconciler.steps import Plan
from reconciler.trees import Loaded, load_for


@click.command("plan")
@path_argument
@takes_where
@takes_wishes
@output_option("text", "json", "markdown", "html")
@out_option
@colour_option
@click.option("--full", is_flag=True, help="Show every field, even of many like steps.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is something to do.")
def command(
    path: str,
    where: Where,
    wishes: Policy,
    output: str,
    out: str | None,
    no_color: bool,
    full: bool,
    detailed_exitcode: bool,
) -> int:
    """Compare the desired state under PATH with the target, and show what apply would do."""
    require_place(out)
    chosen = targets(where, wishes)
    loaded = load_for(path, chosen, claims(where))
    failures: list[int] = []
    plans = finish(_plans(list(zip(chosen, loaded, strict=True)), failures))
    options = {**text_options(no_color), "full": full} if output == "text" else {}
    several = len(chosen) > 1
    texts = [] if several and output == "json" else [render_plan(one, output, **options) for one in plans]  # type: ignore[arg-type]
    click.echo(shown(texts, documents_of([plan_json(one) for one in plans], len(chosen)), output), nl=False)
    if out:
        write_out(out, documents_of([plan_json(one) for one in plans], len(chosen)))
    return worst([*failures, *(plan_code(one, detailed=detailed_exitcode) for one in plans)])


async def _plans(shares: list[tuple[Target, Loaded]], failures: list[int]) -> list[Plan]:
    """One plan a target, in the configuration's order; of several, one that fails doesn't keep the others waiting."""
    found = []
    for target, loaded in shares:
        try:
            async with opened(target, loaded) as case:
                found.append((await decide(case)).plan)
        except ReconcilerError as error:
            if len(shares) == 1:
                raise
            failures.append(tell_of(target.name, error))
    return found
