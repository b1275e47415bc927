"""scripts/mutate: mutmut over a copy of the tree, so that it minds neither our pytest options nor what we are editing.

Each part has its own tests, the quick ones that concern it: a mutant costs a second or two.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from mutmut.configuration import reset_config
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "build" / "mutate"
TESTS: Mapping[str, tuple[str, ...]] = {
    "plan": ("tests/plan", "tests/systems/test_oneway.py"),
    "guards": ("tests/plan",),
    "execute": ("tests/execute", "tests/machine", "tests/systems/test_contracts.py"),
    "store": ("tests/store",),
}
"""Part of the program → the tests that are asked."""
NOT_ASKED = (
    "tests/machine/test_schedules.py::test_the_invariants_hold",
    "tests/machine/test_alike.py::test_both_states_are_alike",
    "tests/machine/test_apart.py::test_secret_values_change_nothing_that_is_said",
)
"""Random ones that take several seconds whenever a mutant survives. They would kill more."""
APART = ("reconciler/store/postgres/*",)
"""Not mutated: each of their tests takes seconds, and starts processes and a server."""
WORDS = {0: "survived", 1: "killed", 3: "killed", 33: "no tests", -24: "timeout", 36: "timeout", 24: "timeout"}


def main() -> int:
    """Mutate what the command line names; 1 when less than 85 % of a part's mutants are noticed."""
    parser = argparse.ArgumentParser(prog="scripts/mutate")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, metavar="N", help="try so many mutants of each part")
    parser.add_argument("--seed", default="1", help="which ones (default: 1)")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(TESTS))
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}")
    shares = [_part(part, options.sample, options.seed) for part in options.parts or TESTS]
    return int(min(shares) < 0.85)


def _part(part: str, sample: int | None, seed: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        _copy(tree)
        (tree / "pyproject.toml").write_text((tree / "pyproject.toml").read_text() + _settings(part))
        with contextlib.chdir(tree):  # mutmut looks for its settings where it is
            reset_config()
            names = sorted(_names(part))
        chosen = sorted(random.Random(seed).sample(names, min(sample or len(names), len(names))))  # noqa: S311 - a sample
        mutmut = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1"]
        said = subprocess.run([*mutmut, *(chosen if sample else ())], cwd=tree, check=False, capture_output=True)
        ended = _ended(tree, part)
        if said.returncode or not ended:
            sys.stderr.buffer.write(said.stdout[-4000:] + said.stderr)
            raise SystemExit(f"scripts/mutate: mutmut ended with {said.returncode}")
        return _tell(part, len(names), ended, tree)


def _copy(to: Path) -> None:
    """The working tree, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def _settings(part: str) -> str:
    options = ["no:cacheprovider", "no:xdist", "no:schemathesis", "tests.strength.quickly"]
    arguments = [word for option in options for word in ("-p", option)] + [f"--deselect={one}" for one in NOT_ASKED]
    return "\n[tool.mutmut]\n" + "".join(
        f"{name} = {json.dumps(value)}\n"
        for name, value in {
            "source_paths": ["reconciler"],
            "only_mutate": [f"reconciler/{part}/*"],
            "do_not_mutate": APART,
            "also_copy": ["examples", "docs", "scripts"],
            "pytest_add_cli_args": arguments,
            "pytest_add_cli_args_test_selection": TESTS[part],
            "use_git_change_detection": False,
            "track_dependencies": False,
            "timeout_multiplier": 3.0,
            "timeout_constant": 1.0,
        }.items()
    )


def _names(part: str) -> Iterator[str]:
    for path in sorted(Path("reconciler", part).rglob("*.py")):
        if not any(path.match(one) for one in APART):
            for name in mutate_file_contents(str(path), path.read_text(), None, None).mutant_names:
                yield get_mutant_name(path, name).replace("__init__.", "")


def _ended(tree: Path, part: str) -> dict[str, str]:
    """Mutant → how it ended, of those that were tried."""
    found: dict[str, str] = {}
    for path in (tree / "mutants" / "reconciler" / part).rglob("*.meta"):
        codes = json.loads(path.read_text())["exit_code_by_key"]
        found |= {name: WORDS.get(code, f"exit {code}") for name, code in codes.items() if code is not None}
    return dict(sorted(found.items()))


def _tell(part: str, number: int, ended: dict[str, str], tree: Path) -> float:
    counts = Counter(ended.values())
    left = [name for name, word in ended.items() if word in ("survived", "no tests")]
    share = 1 - len(left) / len(ended)
    figures = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    print(f"{part}: {len(ended)} of {number} mutants: {figures}: {100 * share:.1f} % noticed", flush=True)
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    REPORTS.mkdir(parents=True, exist_ok=True)
    with (REPORTS / f"{part}.txt").open("w") as report:
        for name in left:
            shown = subprocess.run([mutmut, "show", name], cwd=tree, check=False, capture_output=True, text=True)
            report.write(f"{shown.stdout}\n")
    return share


if __name__ == "__main__":
    raise SystemExit(main())
