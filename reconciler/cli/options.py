"""The flags that commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.errors import InputError
from reconciler.model import Ref
from reconciler.policy import Policy
from reconciler.settings import Where, config_of, variable

if TYPE_CHECKING:
    from reconciler.remote import Server

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


server_option = click.option(
    "--server", metavar="URL", help="Ask this daemon (RECONCILER_SERVER), with RECONCILER_SERVER_TOKEN."
)


def takes_place(function: Callable[..., int]) -> Callable[..., int]:
    """``takes_where``, and ``server`` where a daemon is to be asked, which has a configuration of its own."""

    def packed(*, where: Where, server: str | None, **rest: Any) -> int:
        found = _server(server)
        if found is not None:
            flags = {"--config": where.config, "--system": where.system, "--url": where.url}
            refuse_beside_server(**flags, **{"--state": where.state, "--secrets-dir": where.secrets_dir})
        return function(where=where, server=found, **rest)

    return server_option(takes_where(wraps(function)(packed)))


def _server(flag: str | None) -> Server | None:
    if flag is None and variable(os.environ, "SERVER") is None:
        return None
    from reconciler.remote import server_from

    server = server_from(flag, os.environ)
    if server is not None and server.token is not None and (config := config_of(Where())) is not None:
        config.secrets.require("server-token", server.url)
    return server


def refuse_beside_server(**flags: object) -> None:
    """Refuse flags that a daemon, which has its own configuration, would not heed. Raises InputError."""
    given = [flag for flag, value in flags.items() if value]
    if given:
        raise InputError(
            f"a server was named, which doesn't heed {' and '.join(given)}",
            remedy="leave one of them out (--server '' overrules RECONCILER_SERVER)",
        )


def for_option(says: str) -> Callable[[F], F]:
    """``--for TIME``, as seconds; None when it isn't given."""
    return click.option("--for", "seconds", metavar="TIME", callback=_duration, help=says)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _duration(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,8})([smhdw])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= 366 * 86_400:
        raise click.BadParameter(f"{text!r} isn't a time such as 30m, 2h or 7d, of at most a year", context, option)
    return float(seconds)


by_option = click.option("--by", metavar="NAME", help="Who does it, as others are told; the user's name otherwise.")


def whoever(by: str | None) -> str:
    """Who does it: as given, else the name of the user whose process this is."""
    if by:
        return by
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


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
