"""The figures as Prometheus reads them."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from reconciler import __version__
from reconciler.telemetry import Metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(metrics: Metrics) -> Samples:
    body, _ = metrics.render()
    families: Iterable[Any] = prometheus(body.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"reconciler_{name}", frozenset(labels.items())))


def filled() -> Metrics:
    metrics = Metrics()
    for target in ("a", 'b"\\\n'):
        metrics.pass_ended(target, "converged", 0.3)
        metrics.pass_ended(target, "converged", 70)
        metrics.pass_ended(target, "failed", -1)
        metrics.objects(target, {("User", "synced"): 3, ("Role", "blocked"): 1})
        metrics.blocked(target, {("Role", "budget"): 1})
        metrics.called(target, "GET /users", 200, 0.1)
        metrics.called(target, "GET /users", 200, 6)
        metrics.called(target, "GET /users", "unreachable")
        metrics.succeeded(target, 1767323045.0)
        metrics.lease(target, True)
        metrics.suspended(target, False)
    metrics.source("3f2a", True, 5.0)
    metrics.source("4b5c", False, 6.0)
    metrics.notifications_lost("slack-hook", 3)
    return metrics


def test_figures():
    metrics = filled()
    passes = {"target": "a", "outcome": "converged"}
    assert value(metrics, "pass_duration_seconds_bucket", le="0.1", **passes) == 0
    assert value(metrics, "pass_duration_seconds_bucket", le="0.5", **passes) == 1
    assert value(metrics, "pass_duration_seconds_bucket", le="300.0", **passes) == 2
    assert value(metrics, "pass_duration_seconds_bucket", le="+Inf", **passes) == 2
    assert value(metrics, "pass_duration_seconds_count", **passes) == 2
    assert value(metrics, "pass_duration_seconds_sum", **passes) == pytest.approx(70.3)
    assert value(metrics, "pass_duration_seconds_sum", target="a", outcome="failed") == 0
    assert value(metrics, "objects", target="a", kind="User", sync="synced") == 3
    assert value(metrics, "blocked_objects", target="a", kind="Role", rule="budget") == 1
    assert value(metrics, "api_calls_total", target="a", operation="GET /users", code="200") == 2
    assert value(metrics, "api_calls_total", target="a", operation="GET /users", code="unreachable") == 1
    assert value(metrics, "api_call_duration_seconds_bucket", operation="GET /users", le="0.2") == 2
    assert value(metrics, "api_call_duration_seconds_count", operation="GET /users") == 4
    assert value(metrics, "last_success_timestamp_seconds", target="a") == 1767323045.0
    assert value(metrics, "lease_held", target="a") == 1
    assert value(metrics, "suspended", target="a") == 0
    assert value(metrics, "source_info", revision="3f2a") is None
    assert value(metrics, "source_info", revision="4b5c") == 1
    assert value(metrics, "source_sound") == 0
    assert value(metrics, "source_read_timestamp_seconds") == 6
    assert value(metrics, "notifications_lost_total", channel="slack-hook") == 3
    assert value(metrics, "build_info", version=__version__) == 1
    found = {name for name, _ in samples(metrics)}
    assert {"process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"} <= found


def test_the_edge_of_a_bucket_belongs_to_it():
    metrics = Metrics()
    metrics.pass_ended("a", "converged", 0.5)
    assert value(metrics, "pass_duration_seconds_bucket", target="a", outcome="converged", le="0.5") == 1


def test_what_is_gone_is_no_longer_told():
    metrics = filled()
    metrics.objects("a", {("User", "synced"): 4})
    metrics.blocked("a", {})
    assert value(metrics, "objects", target="a", kind="Role", sync="blocked") is None
    assert value(metrics, "objects", target="a", kind="User", sync="synced") == 4
    assert value(metrics, "blocked_objects", target="a", kind="Role", rule="budget") is None


def test_a_target_is_forgotten_without_a_trace():
    metrics = filled()
    metrics.forget('b"\\\n')
    metrics.forget("never known")
    targets = {dict(labels).get("target") for _, labels in samples(metrics)}
    assert targets == {None, "a"}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=garbage", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text; version=x\r\ny: z",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ],
)
def test_the_format_is_what_is_asked_for(accept: str, content_type: str):
    body, found = filled().render(accept)
    assert found == content_type
    parse: Callable[[str], Iterable[Any]] = openmetrics if "openmetrics" in found else prometheus
    families = list(parse(body.decode()))
    assert {"a", 'b"\\\n'} <= {sample.labels.get("target") for family in families for sample in family.samples}
    assert all(family.documentation for family in families)


def test_it_may_be_read_while_it_is_written():
    metrics = Metrics()
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            target = f"t{(number := number + 1) % 50}"
            metrics.called(target, f"op{number % 7}", 200, 0.1)
            metrics.objects(target, {("User", f"s{number % 5}"): 1})
            metrics.pass_ended(target, f"o{number % 3}", 0.1)
            if number % 10 == 0:
                metrics.forget(target)
                time.sleep(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(10):
            assert samples(metrics)
    finally:
        over.set()
        thread.join()


@pytest.mark.ci
def test_promtool_finds_nothing_to_complain_of():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool isn't installed: it is in Debian's package prometheus")
    body, _ = filled().render()
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
