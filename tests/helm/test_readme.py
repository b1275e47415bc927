"""The chart's README says what there is: the table is current, and its commands and values work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.version import Version

from reconciler import __version__
from scripts import chart_write, generated
from scripts.chart_write import OURS, main, readme, values, wanted
from scripts.docs_text import Gap
from tests.helm.chart import CASES, CHART, DOCUMENTS, ROOT, changed, template

README = CHART / "README.md"
SCHEMA = CHART / "values.schema.json"
DOCUMENTED = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "examples" / "reconciler.yaml"


def test_everything_generated_is_current() -> None:
    assert generated.stale(wanted()) == [], "run scripts/chart"
    assert main(["--check"]) == 0
    assert main(["--chek"]) == 2


def test_every_value_is_documented_and_each_once() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|", README.read_text(), re.MULTILINE)
    assert len(rows) == len(set(rows)) > 90
    assert rows == [path for path, *_ in values(json.loads(SCHEMA.read_text()))]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("# How many daemons share", "\n# How many daemons share", None),
        ("fixedIds: true", "# x\nfixdIds: true", "fixdIds: it stands in values.yaml, and not in values.schema.json"),
        ("    # The branch.\n    branch: main\n", "", "source.git.branch: it stands in values.schema.json, and not"),
        ("    # The branch.\n", "", "source.git.branch: values.yaml has no comment above it"),
    ],
)
def test_gaps_are_found(
    before: str, after: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (CHART / "values.yaml").read_text()
    assert before in text
    (tmp_path / "values.yaml").write_text(text.replace(before, after))
    monkeypatch.setattr(chart_write, "CHART", tmp_path)
    schema = json.loads(SCHEMA.read_text())
    if said is None:
        assert list(values(schema))
        return
    with pytest.raises(Gap, match=re.escape(said)):
        list(values(schema))


def test_the_table_needs_its_place() -> None:
    with pytest.raises(Gap, match="between which lines"):
        readme("# reconciler\n", {})


def test_the_schema_is_one() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load((CHART / "values.yaml").read_text()))
    for path in CASES:
        jsonschema.Draft7Validator(schema | {"required": []}).validate(yaml.safe_load(path.read_text()))


def test_every_configuration_of_the_documentation_fits(tmp_path: Path) -> None:
    """But for what the chart sets itself, and files that its values would hold."""
    shown = [text for text in blocks("yaml", DOCUMENTED) if text.startswith("apiVersion: reconciler/v1\n")]
    found = [yaml.safe_load(text) for text in [*shown, EXAMPLE.read_text()]]
    assert len(found) >= 3
    for config in found:
        daemon = {key: one for key, one in config.get("daemon", {}).items() if key not in OURS["DaemonConfig"]}
        targets = [{key: one for key, one in target.items() if key != "tls"} for target in config["targets"]]
        change = {"config": {"targets": targets, "daemon": daemon}, "secrets": [{"name": "everything"}]}
        done = changed(DOCUMENTS, tmp_path, change)
        assert done.returncode == 0, done.stderr


def test_defaults_fit_the_schema() -> None:
    """What helm says of the values without any, but for the source, which everyone has to name."""
    done = template(DOCUMENTS, "--set", "source.documents=null")
    assert "source: nobody said where the desired state is" in done.stderr


def blocks(language: str, page: Path = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_values_that_it_shows_are_taken(tmp_path: Path) -> None:
    found = [text for text in blocks("yaml") if "apiVersion" not in text.split("\n", 1)[0]]
    assert len(found) >= 4
    for text in found:
        shown: dict[str, Any] = yaml.safe_load(text)
        sources = {"documents", "configMap", "git"} & set(shown.get("source", {}))
        (tmp_path / "values.yaml").write_text(text)
        base = CHART / "values.yaml" if sources else DOCUMENTS
        done = template(base, "--values", str(tmp_path / "values.yaml"))
        assert done.returncode == 0, f"{text}\n{done.stderr}"


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README.read_text()):
        assert (CHART / link).exists(), link


def test_the_versions_are_the_projects() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert Version(chart["appVersion"]) == Version(__version__)
