"""The bill of materials: valid CycloneDX, all of the lock with its hashes, who needs whom; the same text each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler import __version__
from scripts.docs_text import ROOT
from scripts.locked import Pin, pins

pytestmark = pytest.mark.ci


def sbom(*arguments: str, **environ: str) -> str:
    """What the script prints; it has checked that against CycloneDX's schema."""
    command = [sys.executable, "-m", "scripts.sbom_write", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def hashes(component: dict[str, Any]) -> frozenset[str]:
    every = [one for reference in component["externalReferences"] for one in reference["hashes"]]
    assert {one["alg"] for one in every} == {"SHA-256"}
    return frozenset(f"sha256:{one['content']}" for one in every)


def test_the_bill_is_that_of_the_lock(tmp_path: Path) -> None:
    text = sbom(PYTHONHASHSEED="1")
    bill = json.loads(text)
    assert bill["bomFormat"] == "CycloneDX"
    itself = bill["metadata"]["component"]
    assert (itself["name"], itself["version"], itself["type"]) == ("reconciler", __version__, "application")
    assert {one["name"]: Pin(one["name"], one["version"], hashes(one)) for one in bill["components"]} == pins("run")
    assert all(one["licenses"] and one["purl"] == one["bom-ref"] for one in bill["components"])

    refs = {one["bom-ref"] for one in bill["components"]} | {itself["bom-ref"]}
    needs = {one["ref"]: set(one["dependsOn"]) for one in bill["dependencies"]}
    assert needs.keys() == refs
    assert set().union(*needs.values()) == refs - {itself["bom-ref"]}, "each but ourselves is needed by somebody"
    (binary,) = (ref for ref in refs if ref.startswith("pkg:pypi/psycopg-binary@"))
    assert [ref for ref in needs if binary in needs[ref]] == [binary.replace("-binary", "")]

    dated = tmp_path / "dated.json"
    assert sbom("--out", str(dated), PYTHONHASHSEED="2", TZ="Asia/Tokyo", SOURCE_DATE_EPOCH="1700000000") == ""
    lines = dated.read_text().splitlines()
    (date,) = (line for line in lines if '"timestamp"' in line)
    assert "2023-11-14T22:13:20+00:00" in date
    assert "\n".join(line for line in lines if line != date) + "\n" == text
