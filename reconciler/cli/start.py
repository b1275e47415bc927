"""The start of every command: decides what is loaded, which is most of what a short command takes."""

from __future__ import annotations

import sys

from reconciler import __version__


def main() -> None:
    """Run the command line and end the process with its exit code."""
    if sys.argv[1:] == ["version"] and _told_version():
        return
    # httpx would load its own command line, and with it rich and pygments, wherever it is imported. It does without.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from reconciler.cli.main import main as run

    run()


def _told_version() -> bool:
    """What probes and scripts ask often is told at once; if that fails, the ordinary way tells why."""
    try:
        sys.stdout.write(f"reconciler {__version__}\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True
