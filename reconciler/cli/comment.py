"""``reconciler comment [FILE]``: a plan in its pull request, as one comment that is kept up to date."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from reconciler.cli.common import finish
from reconciler.cli.failures import safe
from reconciler.errors import InputError
from reconciler.settings import variable
from reconciler.steps import Plan

MAX_BYTES = 64 * 1024 * 1024
STDIN = "-"


@click.command("comment")
@click.argument("file", required=False)
@click.option("--failed", metavar="FILE", help="What a command said on standard error when it failed.")
@click.option("--context", metavar="NAME", default="default", show_default=True, help="One comment for each of these.")
@click.option("--forge", type=click.Choice(["github", "gitlab"]), help="Where; the CI's variables tell it otherwise.")
@click.option("--api", metavar="URL", help="The API's address (GITHUB_API_URL, CI_API_V4_URL).")
@click.option("--repository", metavar="NAME", help="OWNER/NAME, or a project (GITHUB_REPOSITORY, CI_PROJECT_ID).")
@click.option("--number", type=click.IntRange(min=1), help="The pull request's or merge request's number.")
@click.option("--author", metavar="NAME", help="Whose comments are our own; the token tells it otherwise.")
@click.option("--print", "show", is_flag=True, help="Print the comment's text, and send nothing.")
def command(
    file: str | None,
    failed: str | None,
    context: str,
    forge: str | None,
    api: str | None,
    repository: str | None,
    number: int | None,
    author: str | None,
    show: bool,
) -> int:
    """Put the plan of FILE (JSON of `--out`, or Markdown; - is standard input) into a pull request."""
    if file is None and failed is None:
        raise InputError("there is nothing to put into a comment", remedy="name a plan's file, or --failed FILE")
    given = {"forge": forge, "api": api, "repository": repository}
    return _run(file, failed, context, given, number, author, show)


def _run(
    file: str | None,
    failed: str | None,
    context: str,
    given: Mapping[str, str | None],
    number: int | None,
    author: str | None,
    show: bool,
) -> int:
    from reconciler.api import Tls
    from reconciler.comment import FORGES, body_of, place_from, put, token_from

    plans, markdown = _shown(file)
    failure = _read(failed) if failed is not None else None
    if show:
        limit = FORGES[given["forge"] or "github"].limit
        click.echo(body_of(context, limit, plans=plans, markdown=markdown, failure=failure)[1], nl=False)
        return 0
    place = place_from(os.environ, **given, number=number)
    marker, body = body_of(context, place.forge.limit, plans=plans, markdown=markdown, failure=failure)
    token = token_from(os.environ, place.forge.name)
    allow_http = (variable(os.environ, "ALLOW_HTTP") or "").lower() in ("1", "true", "yes")
    tls = Tls(ca=variable(os.environ, "COMMENT_CA"), allow_http=allow_http)
    done = finish(put(place, token, marker, body, author=author, tls=tls))
    where = safe(done.page) if done.page else f"{place.forge.thing} {place.number} of {place.repository}"
    click.echo({"created": "Commented", "updated": "Updated", "unchanged": "Nothing new"}[done.done] + f": {where}")
    return 0


def _shown(file: str | None) -> tuple[list[Plan], str]:
    """The plans of a plan file, else its text as it is."""
    from reconciler.render.saved import plan_of
    from reconciler.render.schema import load_plan

    if file is None:
        return [], ""
    text = _read(file)
    if not text.lstrip().startswith("{"):
        return [], text
    document = load_plan(text)
    items = document["items"] if document["kind"] == "PlanList" else [document]
    return [plan_of(one) for one in items], ""


def _read(path: str) -> str:
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}", remedy="name another file") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 1024**2} MiB", remedy="name another file")
    return data.decode("utf-8", "replace")
