"""Figures for Prometheus: how passes end, what differs, what was called, and who holds which lease."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.process_collector import ProcessCollector

from reconciler import __version__
from reconciler.telemetry.figures import Counter, Family, Gauge, Histogram, Table

PASS_SECONDS = (0.1, 0.5, 2.0, 10.0, 60.0, 300.0)
CALL_SECONDS = (0.05, 0.2, 1.0, 5.0, 30.0)


class Metrics:
    """All figures of one daemon. Each call is cheap and may come from any thread; nothing is ever raised.

    A target's figures take about 5 KiB (``called`` grows with the operations and codes that it has had). Names and
    help texts are what ``render`` shows; a ``target`` label is a name of the configuration.
    """

    def __init__(self) -> None:
        self._passes = Histogram(
            "reconciler_pass_duration_seconds",
            "How long passes took, by how they ended.",
            ("target", "outcome"),
            PASS_SECONDS,
        )
        self._objects = Table(
            "reconciler_objects", "Objects by how their live side compares with git.", ("target", "kind", "sync")
        )
        self._blocked = Table(
            "reconciler_blocked_objects", "Objects that a rule holds back.", ("target", "kind", "rule")
        )
        self._calls = Counter(
            "reconciler_api_calls",
            "Requests to a target; code is the status, or what went wrong when there was none.",
            ("target", "operation", "code"),
        )
        # Without the target: a thousand targets have the same operations, and this is about how slow each one is.
        self._call_seconds = Histogram(
            "reconciler_api_call_duration_seconds", "How long requests took.", ("operation",), CALL_SECONDS
        )
        self._succeeded = Gauge(
            "reconciler_last_success_timestamp_seconds", "When a pass over a target last went well.", ("target",)
        )
        self._lease = Gauge("reconciler_lease_held", "Whether this replica looks after the target.", ("target",))
        self._suspended = Gauge("reconciler_suspended", "Whether somebody has suspended the target.", ("target",))
        self._revision = Gauge("reconciler_source_info", "The revision in force.", ("revision",))
        self._sound = Gauge("reconciler_source_sound", "Whether the newest revision could be read and is in force.")
        self._read = Gauge("reconciler_source_read_timestamp_seconds", "When the source was last looked at.")
        self._dropped = Counter(
            "reconciler_notifications_lost", "Notifications that could not be delivered.", ("channel",)
        )
        self._build = Gauge("reconciler_build_info", "The version that runs.", ("version",))
        self._build.set(1, __version__)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The figures and their content type: OpenMetrics 1.0 if the Accept header names it, else Prometheus's text.

        Takes about a second with 1,000 targets: call it in a thread.
        """
        if "application/openmetrics-text" in accept.lower():
            return generate_openmetrics(self._registry), OPENMETRICS  # type: ignore[no-untyped-call]
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def pass_ended(self, target: str, outcome: str, seconds: float) -> None:
        """A pass is over; ``outcome`` is the verdict's word, one of a few."""
        self._passes.observe(seconds, target, outcome)

    def objects(self, target: str, counts: Mapping[tuple[str, str], int]) -> None:
        """How many objects there are now by (kind, sync); what isn't named is gone."""
        self._objects.replace(target, counts)

    def blocked(self, target: str, counts: Mapping[tuple[str, str], int]) -> None:
        """How many objects are blocked now by (kind, rule); what isn't named is gone."""
        self._blocked.replace(target, counts)

    def called(self, target: str, operation: str, code: str | int, seconds: float | None = None) -> None:
        """A request was answered with a status, or failed; then ``code`` is a word, such as the error's name."""
        self._calls.add(target, operation, str(code))
        if seconds is not None:
            self._call_seconds.observe(seconds, operation)

    def succeeded(self, target: str, at: float) -> None:
        """A pass over the target went well, at this Unix time."""
        self._succeeded.set(at, target)

    def lease(self, target: str, held: bool) -> None:
        """Whether this replica holds the target's lease."""
        self._lease.set(held, target)

    def suspended(self, target: str, suspended: bool) -> None:
        """Whether the target is suspended."""
        self._suspended.set(suspended, target)

    def source(self, revision: str | None, sound: bool, at: float) -> None:
        """The revision in force, whether it is the newest there is, and when that was looked up (Unix time)."""
        self._revision.only(1, revision or "")
        self._sound.set(sound)
        self._read.set(at)

    def notifications_lost(self, channel: str, total: int) -> None:
        """How many notifications a channel has lost so far."""
        self._dropped.set(total, channel)

    def forget(self, target: str) -> None:
        """The target is no longer configured: none of its figures is told any more."""
        for family in self._families():
            if "target" in family.labels:
                family.forget(target)

    def collect(self) -> Iterable[Metric]:
        """What the registry asks for."""
        return (family.collect() for family in self._families())

    def _families(self) -> list[Family]:
        return [value for value in vars(self).values() if isinstance(value, Family)]
