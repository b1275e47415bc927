"""The parts of `scripts/bench`."""

from __future__ import annotations

import click

from benchmarks.daemon import command as daemon


@click.group()
def main() -> None:
    """Measure a part of the reconciler."""


main.add_command(daemon)

if __name__ == "__main__":
    main()
