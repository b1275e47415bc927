"""docs/commands: a page for each command, from click and docs/_source/commands."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.main import BUILT_IN, brought_along, built_in, commands
from scripts.docs_text import agree, code, fragment, page, prose, section, table

ALWAYS = {1: "An error, such as bad input or a server that can't be reached."}


def command_pages() -> dict[str, str]:
    """Path → text for every command and for the list of them."""
    pages = {f"docs/commands/{name}.md": _page(name, command_of(name)) for name in commands()}
    return pages | {"docs/commands/index.md": _index()}


def command_of(name: str) -> click.Command:
    """The click command of a name."""
    found = built_in(name) if name in BUILT_IN else brought_along(name)
    assert found is not None, name
    return found


def subcommands(command: click.Command) -> dict[str, click.Command]:
    """A group's own commands; none of another command."""
    return dict(command.commands) if isinstance(command, click.Group) else {}


def _page(name: str, command: click.Command) -> str:
    head, text = fragment(f"commands/{name}.md")
    agree(f"docs/_source/commands/{name}.md", _arguments(command), head.get("arguments", {}))
    about, _, rest = text.partition("\n## ")
    below = [_part(f"{name} {sub}", one, head, 3) for sub, one in subcommands(command).items()]
    return page(
        f"reconciler {name}",
        f"its code and docs/_source/commands/{name}.md",
        prose(command.help),
        about,
        section("Usage", "\n\n".join(below)) if below else _part(name, command, head, 2),
        section("Exit codes", _exits(head)),
        f"## {rest}" if rest else "",
    )


def _part(name: str, command: click.Command, head: dict[str, Any], level: int) -> str:
    title = "Usage" if level == 2 else f"reconciler {name}"
    parts = [
        prose(command.help) if level > 2 else "",
        f"```text\n{_usage(name, command)}\n```",
        table(("argument", "meaning"), [(code(one), head["arguments"][one]) for one in _arguments(command)]),
        table(("option", "meaning"), _options(name, command)),
    ]
    return section(title, "\n\n".join(part for part in parts if part), level)


def _context(name: str, command: click.Command) -> click.Context:
    return click.Context(command, info_name=f"reconciler {name}", terminal_width=110)


def _usage(name: str, command: click.Command) -> str:
    return command.get_usage(_context(name, command)).removeprefix("Usage: ")


def _arguments(command: click.Command) -> list[str]:
    own = [str(one.name).upper() for one in command.params if isinstance(one, click.Argument)]
    below = [one for sub in subcommands(command).values() for one in _arguments(sub)]
    return list(dict.fromkeys(own + below))


def _options(name: str, command: click.Command) -> list[tuple[str, str]]:
    rows = []
    for option in command.params:
        record = option.get_help_record(_context(name, command))
        if isinstance(option, click.Option) and record is not None:
            variable = f" (`{option.envvar}`)" if option.envvar else ""
            rows.append((code(record[0]), " ".join(record[1].split()) + variable))
    return rows


def _exits(head: dict[str, Any]) -> str:
    return table(("code", "when"), [(str(number), text) for number, text in sorted((ALWAYS | head["exit"]).items())])


def _index() -> str:
    head, text = fragment("commands/index.md")
    rows = [(f"[{name}]({name}.md)", summary) for name, summary in commands().items()]
    return page(
        str(head["title"]),
        "the code and docs/_source/commands/index.md",
        text.partition("\n## ")[0],
        table(("command", "what it does"), rows),
        "## " + text.partition("\n## ")[2],
    )
