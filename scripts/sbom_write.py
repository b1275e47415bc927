"""Writes the bill of materials: what cyclonedx-py makes of the lock, completed by who needs whom and the licences.

Taken from the lock, it names each file that may be installed by its hash, whatever the platform. The lock alone doesn't
know licences and needs; those come from the installed packages.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import is_expression, is_supported_id
from cyclonedx.validation.json import JsonStrictValidator

from scripts.docs_text import ROOT, Gap
from scripts.locked import graph, installed, licence, pins

VERSION = SchemaVersion.V1_6
Json = dict[str, Any]


def bill() -> str:
    """The bill's text. Raises Gap where the lock, the environment and the tool don't fit together."""
    whole = _from_lock()
    whole["metadata"]["component"]["bom-ref"] = _root(whole)
    whole["components"] = [_completed(part) for part in whole["components"]]
    refs = {part["name"]: part["bom-ref"] for part in whole["components"]} | {"": _root(whole)}
    needs = graph()
    if unneeded := refs.keys() - needs.keys():
        raise Gap(f"nothing needs {', '.join(sorted(unneeded))}: run scripts/lock")
    whole["dependencies"] = [
        {"ref": refs[name], "dependsOn": sorted(refs[one] for one in others)} for name, others in needs.items()
    ]
    text = json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if error := JsonStrictValidator(VERSION).validate_str(text):
        raise Gap(f"the bill isn't CycloneDX {VERSION.to_version()}: {error}")
    return text


def _from_lock() -> Json:
    """What the tool makes of requirements/run.txt and pyproject.toml; what becomes of it is validated instead."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--pyproject", "pyproject.toml"]
    command += [
        "--spec-version",
        VERSION.to_version(),
        "--output-reproducible",
        "--output-format",
        "JSON",
        "--no-validate",
    ]
    done = subprocess.run([*command, "requirements/run.txt"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Gap(f"cyclonedx-py failed: {done.stderr.strip()}")
    return cast("Json", json.loads(done.stdout))


def _root(whole: Json) -> str:
    itself = whole["metadata"]["component"]
    return f"{itself['name']}@{itself['version']}"


def _completed(part: Json) -> Json:
    """A component with its licence, and named by what it is instead of by its line in the lock."""
    said = licence(installed(pins()[part["name"]]))
    return {key: value for key, value in part.items() if key != "description"} | {
        "bom-ref": part["purl"],
        "licenses": [_licence(said)],
    }


def _licence(said: str) -> Json:
    if is_supported_id(said):
        return {"license": {"id": said, "acknowledgement": "declared"}}
    if is_expression(said):
        return {"expression": said, "acknowledgement": "declared"}
    return {"license": {"name": said, "acknowledgement": "declared"}}


def main(arguments: list[str]) -> int:
    """Print or write. The exit code."""
    parser = argparse.ArgumentParser(prog="scripts/sbom", description="The bill of materials, in CycloneDX JSON.")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="where to, instead of standard output")
    out = parser.parse_args(arguments).out
    try:
        text = bill()
    except Gap as gap:
        print(f"no bill of materials: {gap}", file=sys.stderr)
        return 1
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
