"""A Python that has loaded the command line and forks at each request: to load it anew takes far longer than most
commands do. The forked process becomes the command: with its own arguments, folder, variables and files, and up to the
interpreter's own end."""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import warnings
from contextlib import suppress

from reconciler.cli.main import BUILT_IN, built_in
from reconciler.cli.start import main
from reconciler.store import facade
from reconciler.systems.registry import systems
from tests.e2e.processes import HURRIED

WHEN_USED = """
anyio h11 httpcore reconciler.daemon.running reconciler.store.sqlite.backend sqlalchemy.dialects.sqlite.pysqlite
""".split()
"""What is loaded only when it is needed, which nearly always is so."""


def serve(control: socket.socket) -> tuple[socket.socket, list[int]] | None:
    """Fork at each request; returns in the forked process with the request, and here when nobody is left to ask."""
    with control, selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.data is not None:
                    ready.unregister(key.fd)
                    _ended(key.fd, *key.data)
                    continue
                asked, files, *_ = socket.recv_fds(control, 1, 4)
                if not asked:
                    return None
                wire = socket.socket(fileno=files[0])
                alive, until_its_end = os.pipe()
                pid = os.fork()
                if not pid:
                    return wire, files[1:]
                for file in (until_its_end, *files[1:]):
                    os.close(file)
                with suppress(OSError):  # who asked may be gone
                    wire.sendall(struct.pack("!i", pid))
                ready.register(alive, selectors.EVENT_READ, (pid, wire))


def _ended(alive: int, pid: int, wire: socket.socket) -> None:
    os.close(alive)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError), wire:
        wire.sendall(struct.pack("!i", code))


def become(wire: socket.socket, files: list[int]) -> None:
    """Run the command that was asked for, as if this process had been started for it."""
    with wire, wire.makefile("rb") as request:
        asked = json.load(request)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[1:] = asked["args"]
    if HURRIED in os.environ:
        setattr(facade, "seconds_on_its_way", lambda *_: 0.0)  # noqa: B010 - facade keeps it to itself
    main()


def load() -> None:
    """Load what commands load. A warning is an error here, as no command would be seen to give it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in BUILT_IN:
            built_in(name)
        systems()
        for name in WHEN_USED:
            importlib.import_module(name)
    gc.freeze()


if __name__ == "__main__":
    load()
    with suppress(KeyboardInterrupt):
        request = serve(socket.socket(fileno=int(sys.argv[1])))
        if request is None:
            sys.exit()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        become(*request)
