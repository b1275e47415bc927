"""The flags that commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

import click

from reconciler.errors import InputError
from reconciler.model import Ref
from reconciler.policy import Policy
from reconciler.settings import Where

F = TypeVar("F", bound=Callable[..., Any])

PLAIN_ALLOWS = ("redeploy", "replace")
NUMBERED_ALLOWS = ("deletions", "recreate")


def together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one, the first one outermost."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


path_argument = click.argument("path", type=click.Path())

where_options = together(
    click.option("--config", type=click.Path(), help="A file with several targets (RECONCILER_CONFIG)."),
    click.option("--target", multiple=True, metavar="NAME", help="Only this target of the file; may be repeated."),
    click.option("--system", metavar="NAME", help="What the target is (RECONCILER_SYSTEM)."),
    click.option("--url", help="Where the API is (RECONCILER_URL)."),
    click.option("--state", metavar="URL", help="The database of what is remembered (RECONCILER_STATE)."),
    click.option("--secrets-dir", type=click.Path(), help="A folder with one file a secret (RECONCILER_SECRETS_DIR)."),
)
lock_option = click.option(
    "--lock-timeout", type=float, default=0.0, help="Seconds to wait for another writer of the state."
)


def takes_where(function: Callable[..., int]) -> Callable[..., int]:
    """The flags that say which targets are meant, as one ``where``."""

    @wraps(function)
    def packed(*, config: Any, target: Any, system: Any, url: Any, state: Any, secrets_dir: Any, **rest: Any) -> int:
        return function(where=Where(config, target, system, url, state, secrets_dir), **rest)

    return where_options(packed)


def takes_wishes(function: Callable[..., int]) -> Callable[..., int]:
    """The flags that say what may be done, as one ``wishes``."""

    @wraps(function)
    def packed(*, only: Any, prune: bool, allow: Any, resend: bool, **rest: Any) -> int:
        return function(wishes=policy(only, prune, allow, resend), **rest)

    return policy_options(packed)


policy_options = together(
    click.option("--only", metavar="KIND/NAME", multiple=True, help="Only this document, and what it waits for."),
    click.option("--prune", is_flag=True, help="Delete what is ours and has no document any more."),
    click.option(
        "--allow", metavar="RULE", multiple=True, help="redeploy, replace, deletions=N or recreate=N; may be repeated."
    ),
    click.option("--resend", is_flag=True, help="Send again what can't be read back and isn't known."),
)


def output_option(*formats: str) -> Callable[[F], F]:
    """``-o FORMAT``."""
    return click.option("-o", "--output", type=click.Choice(formats), default=formats[0], help="The output's format.")


out_option = click.option("--out", type=click.Path(dir_okay=False), help="Write the JSON to this file as well.")
colour_option = click.option("--no-color", is_flag=True, help="Without colours (NO_COLOR).")


def policy(only: Iterable[str], prune: bool, allow: Iterable[str], resend: bool) -> Policy:
    """The flags as a Policy. Raises InputError for one that can't be understood."""
    numbers: dict[str, int] = {}
    plain: set[str] = set()
    for one in allow:
        name, equals, number = one.partition("=")
        if name in PLAIN_ALLOWS and not equals:
            plain.add(name)
        elif name in NUMBERED_ALLOWS and number.isdecimal():
            numbers[name] = int(number)
        else:
            known = ", ".join([*PLAIN_ALLOWS, *(f"{name}=N" for name in NUMBERED_ALLOWS)])
            raise InputError(f"--allow {one} isn't known", remedy=f"it takes {known}")
    return Policy(prune=prune, allow=frozenset(plain), resend=resend, only=frozenset(map(ref, only)), **numbers)


def ref(text: str) -> Ref:
    """``Kind/name``. Raises InputError."""
    kind, slash, name = text.partition("/")
    if not slash or not kind or not name:
        raise InputError(f"{text!r} isn't KIND/NAME", remedy="for example: User/alice")
    return Ref(kind, name)
