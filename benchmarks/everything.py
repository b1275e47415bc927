"""All parts of the comparison, one after the other, and the page that tells of them."""

from __future__ import annotations

import os
import tempfile
from compileall import compile_dir
from pathlib import Path

import click

from benchmarks import applies, changes, plans, playbooks, starts, zones
from benchmarks.processes import ROOT
from benchmarks.results import FOLDER, Results, machine, write

NOTES = (
    "The plans read a state that knows each object, and a fingerprint of its secret; the floor has no such thing.",
    "Commands keep the parsed files of large trees for the next one: but where a row says so, that is switched off.",
    "A pass after a small change still reads all lists, and compares each object; a full pass is a process's first.",
    "A process starts with what its parent held as its peak; so each is started by one that holds next to nothing.",
)
PARTS = ("starts", "plans", "zones", "applies", "playbooks", "changes")
PARTIAL = ROOT / "build" / "bench"
"""Where a page of less than everything goes: the committed one has all rows from one run, or it says nothing."""


@click.command("all")
@click.option("--quick", is_flag=True, help="Small sizes and few rounds: a few minutes.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of each measurement (default: 5, quick: 2).")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Only this part; may be repeated.")
@click.option("--no-peers", is_flag=True, help="Without octoDNS, Ansible and the plots.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the page goes (default: benchmarks/ after a whole run, build/bench after a part).",
)
def command(quick: bool, rounds: int | None, only: tuple[str, ...], no_peers: bool, to: Path | None) -> None:
    """We, the peers and the floors, in turn; writes RESULTS.md, results.json and plots."""
    asked = ["all"] + ["--quick"] * quick + ["--no-peers"] * no_peers + [f"--only {part}" for part in only]
    to = to or (FOLDER if len(asked) == 1 else PARTIAL)
    peers = None if no_peers else ROOT / "build" / "peers"
    times = rounds or (2 if quick else 5)
    longer = rounds or (1 if quick else 3)  # what takes a minute each time
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000)
    chosen = only or PARTS
    results, before = Results(" ".join(asked)), machine()
    compile_dir(ROOT / "reconciler", quiet=1)  # as pip does, for us as for the peers
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        if "starts" in chosen:
            starts.measure(results, peers, 3 * times)
        if "plans" in chosen:
            plans.measure(results, folder / "plans", sizes, times)
        if "zones" in chosen and peers is not None:
            zones.measure(results, folder / "zones", peers, 10_000, 2 * times)
        if "applies" in chosen:
            applies.measure(results, folder / "applies", 1_000, times, many=None if quick else 10_000)
        if "playbooks" in chosen and peers is not None:
            playbooks.measure(results, folder / "playbooks", peers, 50, longer)
        if "changes" in chosen:
            changes.measure(results, folder / "changes", 1_000, times)
    results.notes += NOTES
    write(results, before, peers, to)
    click.echo((to / "RESULTS.md").read_text(encoding="utf-8"))
    click.echo(f"Written to {os.path.relpath(to)}", err=True)
