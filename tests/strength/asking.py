"""Asks the process of ``off`` which test notices that a safety is off; run as a program, it writes the answers down.

``noticed.json`` holds, for each safety, the test that noticed last time. That one is asked first, and the others only
if it doesn't notice any more: the file saves time and decides nothing. To write it anew, which takes minutes::

    .venv/bin/python -m tests.strength.asking
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.strength.off import ANSWERS, NOTICED, ORDERS
from tests.strength.safeties import WHERE, safeties

ROOT = Path(__file__).parent.parent.parent
Ask = Callable[[str], str | None]


@contextmanager
def asking(folder: Path) -> Iterator[Ask]:
    """Gives the test that notices that a safety is off (or nothing, for a name that no safety has); None: no test."""
    orders, answers = os.pipe(), os.pipe()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.strength.off", "-p", "tests.strength.quickly"]
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen(
            [*command, "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={folder / 'base'}", *_files()],
            cwd=ROOT,
            env={**os.environ, ORDERS: str(orders[0]), ANSWERS: str(answers[1])},
            pass_fds=(orders[0], answers[1]),
            stdout=said,
            stderr=subprocess.STDOUT,
        ),
    ):
        os.close(orders[0])
        os.close(answers[1])
        with os.fdopen(orders[1], "w") as to, os.fdopen(answers[0]) as back:

            def asked(name: str) -> str | None:
                to.write(f"{name}\n")
                to.flush()
                answer = back.readline()
                assert answer, (folder / "said").read_text()
                found: str | None = json.loads(answer)
                return found

            yield asked


def _files() -> list[str]:
    """Each file of tests once, by the beginnings of their names."""
    found: dict[Path, None] = {}
    for start in WHERE:
        place = ROOT / start
        found |= dict.fromkeys(place.rglob("test_*.py") if place.is_dir() else place.parent.glob(f"{place.name}*"))
    return sorted(str(one.relative_to(ROOT)) for one in found)


def main() -> None:
    """Ask for every safety; what was learnt is kept at once, so that it can be gone on with."""
    noticed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, asking(Path(folder)) as ask:
        for name in safeties():
            found = ask(name)
            if found is None:
                sys.stderr.write(f"nobody notices: {name}\n")
            else:
                noticed[name] = found
                before = json.loads(NOTICED.read_text()) if NOTICED.exists() else {}
                _keep({**before, **noticed})
    _keep(noticed)


def _keep(noticed: dict[str, str]) -> None:
    NOTICED.write_text(json.dumps(noticed, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
