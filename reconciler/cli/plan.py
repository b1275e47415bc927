"""``reconciler plan PATH``: what would be done, and what wouldn't, and why. Writes nothing to the target."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from reconciler.cli.annotating import annotated, annotations_option
from reconciler.cli.codes import document_code, plan_code, worst
from reconciler.cli.common import finish
from reconciler.cli.failures import tell_of
from reconciler.cli.options import (
    colour_option,
    out_option,
    output_option,
    path_argument,
    refuse_beside_server,
    takes_place,
    takes_wishes,
)
from reconciler.cli.several import documents_of, shown
from reconciler.cli.show import require_place, tame, text_options, uncontrolled, write_out
from reconciler.errors import InputError, InvalidTree, ReconcilerError
from reconciler.load import load
from reconciler.policy import Policy
from reconciler.render import render_plan
from reconciler.render.json import plan_json
from reconciler.settings import Claim, Target, Where, claims, targets, variable
from reconciler.steps import Plan
from reconciler.trees import Loaded, load_again, read_tree

if TYPE_CHECKING:
    from reconciler.model import SourceFile
    from reconciler.remote import Server


NARROWEST, WIDEST = 40, 400
"""Columns that a server draws for."""


class Planned(Struct, frozen=True):
    """What is to be shown: each plan's document, its text (none where that is JSON), its exit code."""

    documents: list[dict[str, Any]]
    texts: list[str]
    codes: list[int]
    count: int


@click.command("plan")
@path_argument
@takes_place
@takes_wishes
@output_option("text", "json", "markdown", "html")
@out_option
@colour_option
@click.option("--full", is_flag=True, help="Show every field, even of many like steps.")
@click.option(
    "--offline", metavar="FILE", help="Compare with a recording of `observe`; no credential and no network is used."
)
@annotations_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is something to do.")
def command(
    path: str,
    where: Where,
    server: Server | None,
    wishes: Policy,
    output: str,
    out: str | None,
    no_color: bool,
    full: bool,
    offline: str | None,
    annotations: str | None,
    detailed_exitcode: bool,
) -> int:
    """Compare the desired state under PATH with the target, and show what apply would do."""
    require_place(out)
    options = {**text_options(no_color), "full": full} if output == "text" else {}
    with annotated(path, annotations):
        if server is not None:
            _refuse_wishes(wishes, offline)
            planned = finish(_there(server, where.target, _files(path), output, options, detailed_exitcode))
        elif offline is not None:
            planned = _drawn(_offline(path, where, wishes, offline), [], output, options, detailed_exitcode)
        else:
            planned = _here(path, where, wishes, output, options, detailed_exitcode)
    document = documents_of(planned.documents, planned.count)
    click.echo(shown(planned.texts, document, output), nl=False)
    if out:
        write_out(out, document)
    return worst(planned.codes)


def _here(path: str, where: Where, wishes: Policy, output: str, options: Mapping[str, Any], detailed: bool) -> Planned:
    chosen = targets(where, wishes)
    loaded = load_again(path, chosen, claims(where))
    failures: list[int] = []
    plans = finish(_plans(list(zip(chosen, loaded, strict=True)), failures))
    return _drawn(plans, failures, output, options, detailed, len(chosen))


def _offline(path: str, where: Where, wishes: Policy, recording: str) -> list[Plan]:
    from reconciler.cli.offline import offline_plans

    if where.state is not None or where.secrets_dir is not None:
        flag = "--state" if where.state is not None else "--secrets-dir"
        raise InputError(f"{flag} is of no use with --offline", remedy="leave one of them out")
    return offline_plans(path, where, wishes, recording)


def _drawn(
    plans: list[Plan],
    failures: list[int],
    output: str,
    options: Mapping[str, Any],
    detailed: bool,
    count: int | None = None,
) -> Planned:
    texts = [] if output == "json" else [render_plan(one, output, **options) for one in plans]  # type: ignore[arg-type]
    codes = [*failures, *(plan_code(one, detailed=detailed) for one in plans)]
    return Planned([plan_json(one) for one in plans], texts, codes, len(plans) if count is None else count)


def _refuse_wishes(wishes: Policy, offline: str | None) -> None:
    """A server plans with its own policy, as its passes do."""
    others = {"--resend": wishes.resend, "--offline": offline}
    numbers = {"--allow": wishes.allow or wishes.deletions is not None or wishes.recreate is not None}
    refuse_beside_server(**{"--only": wishes.only, "--prune": wishes.prune, **numbers, **others})


def _files(path: str) -> tuple[SourceFile, ...]:
    """What is sent of a tree: all of it but the configuration. Raises InvalidTree for what isn't text."""
    configuration = variable(os.environ, "CONFIG")
    tree = read_tree(path, [Claim("", "", config=configuration)])
    for one in tree.files:
        try:
            one.data.decode()
        except UnicodeDecodeError:
            raise InvalidTree(load(tree.files)[1]) from None
    return tree.files


async def _there(
    server: Server,
    names: tuple[str, ...],
    files: tuple[SourceFile, ...],
    output: str,
    options: Mapping[str, Any],
    detailed: bool,
) -> Planned:
    from reconciler.remote import PLAN_SECONDS, Drawing, connected

    drawing = None if output == "json" else Drawing(output)
    if output == "text":
        width = min(max(options["width"], NARROWEST), WIDEST)
        drawing = Drawing(output, width, options["colour"], options["full"])
    async with connected(server, PLAN_SECONDS) as remote:
        documents, texts = await remote.plan(files, names, drawing)
    ascii_only = not options.get("unicode", True)
    tamed = [tame(one, ascii_only=ascii_only) if output == "text" else uncontrolled(one) for one in texts]
    codes = [document_code(one, detailed=detailed) for one in documents]
    return Planned(documents, tamed, codes, max(len(documents), len(names)))


async def _plans(shares: list[tuple[Target, Loaded]], failures: list[int]) -> list[Plan]:
    """One plan a target, in the configuration's order; of several, one that fails doesn't keep the others waiting."""
    from reconciler.opening import opened
    from reconciler.reconcile import decide

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
