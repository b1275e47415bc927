"""The alerts, tried by promtool on figures that rise and fall; and that rules and dashboard name figures that exist."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.telemetry import Metrics
from tests.helm.chart import CHART, GIT, POSTGRESQL, changed, only, render, tool

ALERTS = {
    "ReconcilerDown", "ReconcilerFailing", "ReconcilerDrift", "ReconcilerBlocked", "ReconcilerNoSuccess",
    "ReconcilerNeverSucceeded", "ReconcilerSourceNotSound", "ReconcilerLeaseLost", "ReconcilerSuspended",
    "ReconcilerNotificationsLost",
}  # fmt: skip
JOB = 'job="rel-reconciler",namespace="ns"'
NAME = re.compile(r"\b(?:reconciler|process)_[a-z_]+\b")


def promtool(*arguments: str, folder: Path) -> str:
    command = [tool("promtool", "Debian's package prometheus"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules(folder: Path, values: Path = GIT) -> list[dict[str, Any]]:
    """The rules, which also lie in ``rules.yaml`` then."""
    spec = only(render(values), "PrometheusRule")["spec"]
    (folder / "rules.yaml").write_text(yaml.safe_dump(spec))
    (group,) = spec["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inside = ",".join([JOB, *(f'{label}="{value}"' for label, value in labels.items())])
    return {"series": f"{name}{{{inside}}}", "values": values}


def firing(folder: Path, inputs: list[dict[str, str]], at: str, names: set[str]) -> None:
    """Hold that exactly these alerts of all fire at a time, whatever they say."""
    expressions = [
        {"expr": f'count by (alertname) (ALERTS{{alertstate="firing",alertname="{name}"}})', "eval_time": at}
        | {"exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name in names else []}
        for name in sorted(ALERTS | {"ReconcilerLeaseUnsteady"})
    ]
    case = {"interval": "1m", "input_series": inputs, "promql_expr_test": expressions}
    (folder / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [case]}))
    promtool("test", "rules", "test.yaml", folder=folder)


def well(**other: dict[str, str]) -> list[dict[str, str]]:
    """A daemon with one target that is as desired, for ten hours; ``other`` figures take the place of those."""
    figures = {
        "build": series("reconciler_build_info", "1x600", version="1"),
        "passes": series("reconciler_pass_duration_seconds_count", "0+1x600", target="a", outcome="converged"),
        "objects": series("reconciler_objects", "0x600", target="a", kind="Role", sync="pending"),
        "success": series("reconciler_last_success_timestamp_seconds", "0+60x600", target="a"),
        "lease": series("reconciler_lease_held", "1x600", target="a"),
        "suspended": series("reconciler_suspended", "0x600", target="a"),
        "sound": series("reconciler_source_sound", "1x600"),
        "lost": series("reconciler_notifications_lost_total", "0x600", channel="hook"),
    }
    return [one for one in (figures | other).values() if one]


def test_the_rules_are_sound(tmp_path: Path) -> None:
    found = rules(tmp_path)
    said = promtool("check", "rules", "rules.yaml", folder=tmp_path)
    assert f"{len(ALERTS)} rules found" in said
    assert {one["alert"] for one in found} == ALERTS
    assert all(one["labels"]["severity"] in ("critical", "warning", "info") for one in found)
    assert all(one["labels"]["team"] == "platform" for one in found)


def test_replicas_have_one_more_and_what_is_disabled_is_left_out(tmp_path: Path) -> None:
    found = rules(tmp_path, POSTGRESQL)
    promtool("check", "rules", "rules.yaml", folder=tmp_path)
    assert {one["alert"] for one in found} == ALERTS - {"ReconcilerSuspended"} | {"ReconcilerLeaseUnsteady"}
    assert next(one for one in found if one["alert"] == "ReconcilerDrift")["for"] == "2h"


FAILED = {"target": "a", "outcome": "failed"}
CASES: dict[str, tuple[dict[str, dict[str, str]], str, set[str]]] = {
    "all is well": ({}, "5h", set()),
    "nothing answers": (
        {name: {} for name in ("build", "passes", "objects", "success", "lease", "suspended", "sound", "lost")},
        "6m",
        {"ReconcilerDown"},
    ),
    "a restart is no outage": (
        {"build": series("reconciler_build_info", "1x60 _x4 1x100", version="1")},
        "1h5m",
        set(),
    ),
    "passes fail": (
        {"failed": series("reconciler_pass_duration_seconds_count", "0+1x600", **FAILED)},
        "10m",
        {"ReconcilerFailing"},
    ),
    "passes fail, ever more slowly": (
        {
            "passes": {},
            "failed": series(
                "reconciler_pass_duration_seconds_count", " ".join(f"{n}x14" for n in range(1, 30)), **FAILED
            ),
        },
        "4h",
        {"ReconcilerFailing"},
    ),
    "one failure among many": (
        {"failed": series("reconciler_pass_duration_seconds_count", "0x60 1x600", **FAILED)},
        "1h5m",
        set(),
    ),
    "drift": (
        {"objects": series("reconciler_objects", "2x600", target="a", kind="Role", sync="pending")},
        "31m",
        {"ReconcilerDrift"},
    ),
    "drift that was put right": (
        {"objects": series("reconciler_objects", "2x20 0x600", target="a", kind="Role", sync="pending")},
        "31m",
        set(),
    ),
    "blocked": (
        {"blocked": series("reconciler_blocked_objects", "1x600", target="a", kind="Worker", rule="budget")},
        "61m",
        {"ReconcilerBlocked"},
    ),
    "no success for a while": (
        {"success": series("reconciler_last_success_timestamp_seconds", "0x600", target="a")},
        "16m",
        {"ReconcilerNoSuccess"},
    ),
    "no success yet": ({"success": {}}, "16m", {"ReconcilerNeverSucceeded"}),
    "another replica has succeeded": (
        {"success": series("reconciler_last_success_timestamp_seconds", "0x600", target="a", pod="old")}
        | {"new": series("reconciler_last_success_timestamp_seconds", "0+60x600", target="a", pod="new")},
        "2h",
        set(),
    ),
    "the source isn't sound": (
        {"sound": series("reconciler_source_sound", "0x600")},
        "11m",
        {"ReconcilerSourceNotSound"},
    ),
    "nobody holds the lease": (
        {"lease": series("reconciler_lease_held", "1x10 0x600", target="a", pod="old")}
        | {"new": series("reconciler_lease_held", "0x600", target="a", pod="new")},
        "17m",
        {"ReconcilerLeaseLost"},
    ),
    "the lease has moved": (
        {"lease": series("reconciler_lease_held", "1x10 0x600", target="a", pod="old")}
        | {"new": series("reconciler_lease_held", "0x10 1x600", target="a", pod="new")},
        "17m",
        set(),
    ),
    "people aren't told": (
        {"lost": series("reconciler_notifications_lost_total", "0x10 3x600", channel="hook")},
        "15m",
        {"ReconcilerNotificationsLost"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_alert(case: str, tmp_path: Path) -> None:
    other, at, names = CASES[case]
    rules(tmp_path)
    firing(tmp_path, well(**other), at, names)


def test_suspended_and_forgotten(tmp_path: Path) -> None:
    rules(tmp_path)
    hours = {"interval": "1h", "input_series": [series("reconciler_suspended", "1x100", target="a")]}
    about = '{{alertname=~"ReconcilerSuspended",alertstate="firing"}}'.replace("{{", "{").replace("}}", "}")
    tests = [
        {
            "expr": f"count(ALERTS{about})",
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
        }
        for at, fires in (("71h", False), ("73h", True))
    ]
    case = {"rule_files": ["rules.yaml"], "evaluation_interval": "1h", "tests": [hours | {"promql_expr_test": tests}]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(case))
    promtool("test", "rules", "test.yaml", folder=tmp_path)


def test_leases_that_keep_moving(tmp_path: Path) -> None:
    rules(tmp_path, POSTGRESQL)
    lease = series("reconciler_lease_held", "1 0 " * 60, target="a", pod="x")
    other = series("reconciler_lease_held", "0 1 " * 60, target="a", pod="y")
    firing(tmp_path, well(lease=lease, other=other), "1h", {"ReconcilerLeaseUnsteady"})


def test_what_an_alert_says(tmp_path: Path) -> None:
    rules(tmp_path)
    alert = {
        "alertname": "ReconcilerDrift",
        "eval_time": "40m",
        "exp_alerts": [
            {
                "exp_labels": {"severity": "warning", "team": "platform", "target": "a"},
                "exp_annotations": {
                    "summary": "Drift of a isn't put right.",
                    "description": "2 objects have differed from the desired state for more than 30m. "
                    "The target's page lists them.",
                },
            }
        ],
    }
    inputs = well(objects=series("reconciler_objects", "2x600", target="a", kind="Role", sync="pending"))
    case = {"interval": "1m", "input_series": inputs, "alert_rule_test": [alert]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [case]}))
    promtool("test", "rules", "test.yaml", folder=tmp_path)


def test_the_figures_can_be_picked_otherwise(tmp_path: Path) -> None:
    done = changed(GIT, tmp_path, {"prometheusRule": {"selector": 'job="reconcilers",env=~"prod"'}})
    (rule,) = [one for one in yaml.safe_load_all(done.stdout) if one["kind"] == "PrometheusRule"]
    for one in rule["spec"]["groups"][0]["rules"]:
        assert one["expr"].count('job="reconcilers",env=~"prod"}') == len(NAME.findall(one["expr"]))


def known() -> dict[str, set[str]]:
    """The figures that the daemon tells, and their labels."""
    metrics = Metrics()
    metrics.pass_ended("a", "converged", 1.0)
    metrics.objects("a", {("Role", "synced"): 1})
    metrics.blocked("a", {("Role", "budget"): 1})
    metrics.called("a", "list-roles", 200, 0.1)
    metrics.succeeded("a", 1.0)
    metrics.lease("a", held=True)
    metrics.suspended("a", suspended=False)
    metrics.source("1", sound=True, at=1.0)
    metrics.notifications_lost("hook", 0)
    found: dict[str, set[str]] = {}
    for line in metrics.render()[0].decode().splitlines():
        if match := re.match(r"([a-z_]+)(?:\{(.*)\})? ", line):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return found


ADDED = {"job", "namespace", "pod", "instance"}
"""Labels that Prometheus adds."""


def expressions() -> Iterator[tuple[str, str]]:
    """Where a query stands, and the query."""
    for values in (GIT, POSTGRESQL):
        for rule in only(render(values), "PrometheusRule")["spec"]["groups"][0]["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in dashboard()["panels"]:
        for query in panel["targets"]:
            yield panel["title"], query["expr"]
    for one in dashboard()["templating"]["list"][1:]:
        yield one["name"], one["definition"]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHART / "dashboards" / "reconciler.json").read_text())
    return found


def test_queries_name_figures_and_labels_that_exist() -> None:
    figures = known()
    assert len(list(expressions())) > 30
    for place, query in expressions():
        names = NAME.findall(re.sub(r'"[^"]*"', '""', query))
        assert names, place
        assert set(names) <= set(figures), place
        told = ADDED | {"le"} | {label for name in names for label in figures[name]}
        used = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query))
        used |= {label.strip() for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in group.split(",")}
        assert used <= told, place


def test_panels_have_a_place_of_their_own() -> None:
    panels = dashboard()["panels"]
    taken = [
        (x, y)
        for grid in (panel["gridPos"] for panel in panels)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert all(panel["title"] and panel["description"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_queries_parse(tmp_path: Path) -> None:
    """promtool reads them as rules, with Grafana's variables filled in."""
    filled = [query.replace("$__rate_interval", "5m") for place, query in expressions() if "label_values" not in query]
    group = {"name": "dashboard", "rules": [{"record": f"r{n}", "expr": query} for n, query in enumerate(filled)]}
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    assert f"{len(filled)} rules found" in promtool("check", "rules", "queries.yaml", folder=tmp_path)
