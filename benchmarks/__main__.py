"""The parts of `scripts/bench`."""

from __future__ import annotations

import click

from benchmarks.daemon import command as daemon
from benchmarks.everything import command as everything


@click.group()
def main() -> None:
    """Measure the reconciler: beside others, or the daemon by itself."""


main.add_command(everything)
main.add_command(daemon)

if __name__ == "__main__":
    main()
