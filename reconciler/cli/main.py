"""The entry: finds the command, runs it, and turns every failure into one clear sentence and an exit code."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from reconciler.systems.base import Importer

GROUPS = {
    "Plan and apply": {
        "validate": "Check a directory of desired state; sends nothing.",
        "plan": "Show what apply would do; changes nothing.",
        "apply": "Bring the target to the desired state.",
        "run": "Follow a directory or a repository, and keep every target so.",
    },
    "Pull requests": {
        "observe": "Record the live state for plans that are made elsewhere.",
        "comment": "Put a plan into a pull request, as one comment.",
    },
    "Ownership": {
        "export": "Write the live state as desired state.",
        "adopt": "Make an object that is there already ours.",
        "forget": "Give an object up without deleting it.",
        "state": "List, back up or restore what is remembered.",
    },
    "Orders": {
        "approve": "Agree to a plan that goes beyond the budget.",
        "suspend": "Write nothing to a target for a while.",
        "resume": "End a suspension.",
        "resolve": "Say how a write ended of which nobody can tell.",
    },
    "Looking": {
        "status": "Show what is owned, what is open, and how the target is.",
        "history": "Show the passes so far.",
        "doctor": "Tell how the server behaves where its reference is silent.",
        "schema": "Print the JSON Schema of the desired state.",
        "version": "Print the version.",
    },
    "Rehearsing": {
        "emulator": "Run a Control Center that exists only here.",
        "demo": "Show all of it on the embedded Control Center.",
    },
}
BUILT_IN = {name: summary for group in GROUPS.values() for name, summary in group.items()}


def commands() -> dict[str, str]:
    """Every command with its summary: those that are built in, and those that systems bring along."""
    return BUILT_IN | {importer.command: importer.summary for importer in importers().values()}


def importers() -> dict[str, Importer]:
    """The commands that systems bring along. Loads the systems, so it is asked last."""
    from reconciler.systems.registry import systems

    return {importer.command: importer for system in systems().values() for importer in system.importers}


def accept_debug(command: click.Command) -> None:
    """Let ``--debug`` stand behind the command as well; ``main`` looks for it wherever it is."""
    if not any(option.name == "debug" for option in command.params):
        command.params.append(
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Show where an error comes from.")
        )
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        accept_debug(inner)


def built_in(name: str) -> click.Command:
    """A command of our own, from the module of its name."""
    command: click.Command = importlib.import_module(f"reconciler.cli.{name.replace('-', '_')}").command
    return command


def brought_along(name: str) -> click.Command | None:
    """A system's own command, if one has it."""
    from reconciler.cli.importing import import_command

    importer = importers().get(name)
    return import_command(importer) if importer is not None else None


@contextmanager
def loading() -> Iterator[None]:
    """Modules are no garbage: nobody looks for some among them while they are loaded, nor ever after."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Commands(click.Group):
    """The commands in the groups above; each module is loaded when its command is."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        with loading():
            command = built_in(cmd_name) if cmd_name in BUILT_IN else brought_along(cmd_name)
        if command is not None:
            accept_debug(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from reconciler.load.suggest import suggest

            raise click.UsageError(error.message + (suggest(args[0], commands()) if args else ""), ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        brought = {name: summary for name, summary in commands().items() if name not in BUILT_IN}
        for title, group in {**GROUPS, "Of single systems": brought}.items():
            with formatter.section(title):
                formatter.write_dl(list(group.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Keep a Control Center in the state that a directory of YAML describes.

    \b
    reconciler validate PATH   check the files
    reconciler plan PATH       see what would change
    reconciler apply PATH      change it, in an order that the product accepts
    """
    ctx.obj = debug


def complain(error: click.ClickException) -> None:
    """A command line that can't be understood, told like every other failure."""
    from reconciler.cli.failures import tell
    from reconciler.errors import InputError

    context = getattr(error, "ctx", None)
    remedy = f"see {context.command_path} --help" if context is not None else None
    tell(InputError(error.format_message(), remedy=remedy), debug=False)


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    try:
        code = cli(prog_name="reconciler", standalone_mode=False)
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.Abort:
        code = 130
    except click.ClickException as error:
        complain(error)
        code = 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - the last resort: nobody shall meet a traceback
        from reconciler.cli.failures import tell

        code = tell(error, debug="--debug" in sys.argv[1:] or bool(os.environ.get("RECONCILER_DEBUG")))
    sys.exit(code if isinstance(code, int) else 0)
