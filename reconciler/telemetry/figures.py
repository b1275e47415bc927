"""What is counted, kept small: a thousand targets have a thousand times the same few numbers.

The library's own metric objects take about 1 KiB and a lock for each number; these are plain dictionaries that become
samples only while somebody asks.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]


class Family:
    """One metric: numbers by the values of its labels. For any thread."""

    def __init__(self, name: str, words: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.words = words
        self.labels = tuple(labels)
        self._lock = threading.Lock()

    def collect(self) -> Metric:
        """The numbers as the library writes them down."""
        raise NotImplementedError

    def forget(self, target: str) -> None:
        """Drop what is about a target: the first label, where a metric has it."""
        raise NotImplementedError


class Gauge(Family):
    """Numbers that go up and down."""

    def __init__(self, name: str, words: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, words, labels)
        self._values: dict[Labels, float] = {}

    def set(self, value: float, *labels: str) -> None:
        """This number now."""
        with self._lock:
            self._values[labels] = value

    def only(self, value: float, *labels: str) -> None:
        """This number, and none with other labels."""
        with self._lock:
            self._values = {labels: value}

    def collect(self) -> Metric:
        family = GaugeMetricFamily(self.name, self.words, labels=self.labels)
        with self._lock:
            values = list(self._values.items())
        for labels, value in values:
            family.add_metric(labels, value)
        return family

    def forget(self, target: str) -> None:
        with self._lock:
            self._values.pop((target,), None)


class Table(Family):
    """Counts of what there is of each target now, replaced whole: what is no longer there is no longer told."""

    def __init__(self, name: str, words: str, labels: Sequence[str]) -> None:
        super().__init__(name, words, labels)
        self._rows: dict[str, dict[tuple[str, str], int]] = {}

    def replace(self, target: str, counts: Mapping[tuple[str, str], int]) -> None:
        """These, and no others."""
        with self._lock:
            self._rows[target] = dict(counts)

    def collect(self) -> Metric:
        family = GaugeMetricFamily(self.name, self.words, labels=self.labels)
        with self._lock:
            rows = list(self._rows.items())
        for target, counts in rows:
            for labels, count in counts.items():
                family.add_metric((target, *labels), count)
        return family

    def forget(self, target: str) -> None:
        with self._lock:
            self._rows.pop(target, None)


class Counter(Family):
    """Numbers that only grow. The first label is the target, the others are kept under it."""

    def __init__(self, name: str, words: str, labels: Sequence[str]) -> None:
        super().__init__(name, words, labels)
        self._counts: dict[str, dict[Labels, int]] = {}

    def add(self, target: str, *labels: str) -> None:
        """One more."""
        with self._lock:
            counts = self._counts.setdefault(target, {})
            counts[labels] = counts.get(labels, 0) + 1

    def set(self, value: int, first: str) -> None:
        """The number as somebody else counts it."""
        with self._lock:
            self._counts[first] = {(): value}

    def collect(self) -> Metric:
        family = CounterMetricFamily(self.name, self.words, labels=self.labels)
        with self._lock:
            rows = [(first, labels, n) for first, counts in self._counts.items() for labels, n in counts.items()]
        for first, labels, count in rows:
            family.add_metric((first, *labels), count)
        return family

    def forget(self, target: str) -> None:
        with self._lock:
            self._counts.pop(target, None)


class Histogram(Family):
    """How long things took, in seconds, in a few steps."""

    def __init__(self, name: str, words: str, labels: Sequence[str], bounds: Iterable[float]) -> None:
        super().__init__(name, words, labels)
        self._bounds = tuple(map(float, bounds))
        self._names = [*(repr(bound) for bound in self._bounds), "+Inf"]
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """One more; a clock that was set back makes no negative one."""
        seconds = max(0.0, seconds)
        with self._lock:
            counts = self._counts.setdefault(labels, [0] * len(self._names))
            counts[bisect_left(self._bounds, seconds)] += 1
            self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def collect(self) -> Metric:
        family = HistogramMetricFamily(self.name, self.words, labels=self.labels)
        for labels, buckets, total in self._copies():
            family.add_metric(labels, buckets, total)
        return family

    def _copies(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        with self._lock:
            copies = [(labels, counts.copy(), self._sums[labels]) for labels, counts in self._counts.items()]
        for labels, counts, total in copies:
            yield labels, list(zip(self._names, map(float, accumulate(counts)), strict=True)), total

    def forget(self, target: str) -> None:
        with self._lock:
            for labels in [labels for labels in self._counts if labels[0] == target]:
                del self._counts[labels], self._sums[labels]
