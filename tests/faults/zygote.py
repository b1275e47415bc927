"""A process that has the command line loaded and forks one for each order: the same processes, without their start.

An order is a line of JSON on standard input: {"args", "env", "cwd", "out", "err", "kill": [point, number] or null,
"deadline": seconds for a request in place of the usual ones, or null}.
The answer is a line with the exit status, negative for a signal.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import Any, NoReturn

from reconciler.cli.start import main, slim_httpx

LOADED = (
    *("reconciler.cli.main", "reconciler.cli.apply", "reconciler.cli.plan", "reconciler.cli.progress"),
    *("reconciler.store.facade", "reconciler.store.sqlite.backend", "reconciler.execute"),
)


def serve() -> None:
    """Carry out orders until standard input ends."""
    slim_httpx()
    for name in LOADED:
        __import__(name)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(order)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(order: dict[str, Any]) -> NoReturn:
    """The command line, with everything of its own that a process has."""
    code: Any = 1
    try:
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        for number, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
        sys.argv = ["reconciler", *order["args"]]
        if order["kill"]:
            from tests.faults.killer import arm

            arm(*order["kill"])
        _without_waiting()
        if order["deadline"]:
            _hasten(order["deadline"])
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _without_waiting() -> None:
    """What a killed process has sent has arrived, as the server works at once. That a run waits for it, half a minute,
    has a test of its own (``tests/e2e/test_interrupted.py``)."""
    from reconciler.store import facade

    setattr(facade, "seconds_on_its_way", lambda *_: 0.0)  # noqa: B010 - facade keeps it to itself


def _hasten(deadline: float) -> None:
    """Another figure for the deadline, and for the pauses between tries; all that keeps them is as ever."""
    from reconciler import opening
    from reconciler.api import Limits

    setattr(opening, "Limits", partial(Limits, request=deadline, backoff=0.05))  # noqa: B010 - opening keeps it to itself


if __name__ == "__main__":
    serve()
