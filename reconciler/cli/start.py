"""The start of every command: decides what is loaded, which is most of what a short command takes."""

from __future__ import annotations

import gc
import sys

from reconciler import __version__


def main() -> None:
    """Run the command line and end the process with its exit code."""
    if sys.argv[1:] in (["version"], ["--version"]) and _told_version():
        return
    slim_httpx()
    # Nearly all that a command makes stays until its end. To look for garbage among it as often as Python does by
    # itself takes a fifth of a plan of 10,000 objects. (The daemon, which goes on, looks as often as usual.)
    gc.set_threshold(100_000, 50, 100)
    from reconciler.cli.main import main as run

    try:
        run()
    finally:
        gc.freeze()  # nor is garbage looked for at the end of all


def slim_httpx() -> None:
    """httpx would load its own command line, and with it rich and pygments, wherever it is imported. Spare us that."""
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def _told_version() -> bool:
    """What probes and scripts ask often is told at once; if that fails, the ordinary way tells why."""
    try:
        sys.stdout.write(f"reconciler {__version__}\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True
