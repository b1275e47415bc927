"""SECURITY.md points at what is there, and the audit that it shows is the one that the example runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from scripts.docs_text import ROOT
from tests.test_docs import broken

PAGE = ROOT / "SECURITY.md"
AUDIT = ROOT / "examples/ci/audit.yml"
PATHS = re.compile(r"`((?:tests|scripts|requirements|docs|examples)/[\w./-]+)`")


def test_links_lead_somewhere() -> None:
    assert broken(PAGE) == []


def test_each_file_that_is_named_is_there() -> None:
    named = PATHS.findall(PAGE.read_text())
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).is_file()] == []


@pytest.mark.ci
def test_the_audit_is_a_workflow() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(AUDIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_audit_gates_nothing_and_passes_nothing_over() -> None:
    workflow = yaml.safe_load(AUDIT.read_text())
    assert workflow.keys() == {"name", True, "permissions", "jobs"}  # YAML 1.1 reads "on" as true
    assert workflow[True].keys() == {"schedule", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read"}
    (command,) = re.findall(r"^pip-audit (.*)$", PAGE.read_text(), re.MULTILINE)
    assert "--strict" in command.split()
    assert workflow["jobs"]["audit"]["steps"][-1]["run"].endswith(f'pip-audit" {command}\n')
