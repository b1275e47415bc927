"""Starts one process and writes down what it took: `python -I -S launch.py REPORT COMMAND…`.

A process inherits the size of the one that started it as its own peak. This one is small, and stays so.
"""

from __future__ import annotations

import os
import sys
import time


def main(report: str, *command: str) -> None:
    """Run it; CPU seconds, wall seconds, the peak as the system counts it, the exit status."""
    started = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    wall = time.monotonic() - started
    with open(report, "w", encoding="utf-8") as file:
        file.write(f"{used.ru_utime + used.ru_stime} {wall} {used.ru_maxrss} {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
