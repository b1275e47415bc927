"""Ten thousand records that don't change, from YAML to YAML with octoDNS, beside a no-op plan of as many objects."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks.objects import Mix
from benchmarks.results import Results, Row, seconds
from benchmarks.stage import staged
from benchmarks.timed import Job, in_turn, ratio

LEAST = 5.0
RECORD = """\
host-{number:06d}:
  ttl: 300
  type: A
  value: 10.{a}.{b}.{c}
"""


def write_zone(folder: Path, count: int) -> Path:
    """The configuration of a zone that is on both sides the same; gives its path."""
    text = "---\n" + "".join(
        RECORD.format(number=number, a=number >> 16, b=number >> 8 & 255, c=number & 255) for number in range(count)
    )
    for side in ("source", "target"):
        (folder / side).mkdir(parents=True)
        (folder / side / "example.com.yaml").write_text(text, encoding="utf-8")
    yaml_provider = {"class": "octodns.provider.yaml.YamlProvider", "default_ttl": 300}
    config = {
        "providers": {side: {**yaml_provider, "directory": str(folder / side)} for side in ("source", "target")},
        "zones": {"example.com.": {"sources": ["source"], "targets": ["target"]}},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")  # which is YAML
    return path


def measure(results: Results, folder: Path, peers: Path, count: int, rounds: int) -> None:
    """octoDNS's plan and ours, in turn."""
    click.echo(f"no-op plan of {count} objects beside octoDNS with {count} records", err=True)
    config = write_zone(folder / "zone", count)
    theirs = Job([str(peers / "bin" / "octodns-sync"), "--config-file", str(config)], folder)
    with staged(folder / "stage", Mix.of("half", count)) as stage:
        found = in_turn({"ours": stage.ours("plan", "tree"), "octodns": theirs}, rounds)
    assert f"{count} objects are as desired" in found["ours"].out
    assert "No changes were planned" in found["octodns"].runs[-1].err, found["octodns"].runs[-1].err
    value, peak = ratio(found, "octodns", "ours"), ratio(found, "ours", "octodns", "peak")
    results.add(
        Row(
            f"no-op plan, {count:,} objects, half users, half workers",
            seconds(found["ours"].cpu),
            f"octoDNS 1.22: {count:,} unchanged records, YAML to YAML, no network",
            seconds(found["octodns"].cpu),
            f"{value:.1f} × faster",
            f"≥ {LEAST:g} × faster",
            value >= LEAST,
        ),
        Row(
            "its memory",
            f"{found['ours'].peak:.0f} MiB",
            "octoDNS 1.22",
            f"{found['octodns'].peak:.0f} MiB",
            f"{peak:.2f} ×",
            "less",
            peak < 1,
        ),
    )
