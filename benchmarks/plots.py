"""Draws how cost grows; in the peers' environment: `python plots.py results.json FOLDER`; prints the files' names."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "the same picture from the same figures"
from matplotlib import pyplot as plt  # noqa: E402 - the back end comes first


def draw(title: str, lines: list[dict[str, Any]], folder: Path) -> str:
    """One picture; both axes are logarithmic, so that linear growth is a straight line."""
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for line in lines:
        xs, ys = zip(*line["points"], strict=True)
        dashed = "--" if line["name"].startswith("floor") else "-"
        axes.plot(xs, ys, marker="o", linestyle=dashed, label=line["name"])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("objects")
    axes.set_ylabel(lines[0]["unit"])
    axes.set_title(title)
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize="small")
    figure.tight_layout()
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") + ".svg"
    figure.savefig(folder / name, metadata={"Date": None})
    plt.close(figure)
    return name


def main() -> None:
    """Every plot of the results."""
    lines = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["lines"]
    for title in dict.fromkeys(line["plot"] for line in lines):
        name = draw(title, [line for line in lines if line["plot"] == title], Path(sys.argv[2]))
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
