"""The operator's metrics for Prometheus."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from paretonas.engine.engine import Snapshot

_LABELS = ("namespace", "experiment")
_PASS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SUGGESTION_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)

STATES = ("pending", "running", "succeeded", "failed", "early_stopped", "infeasible")


class Telemetry:
    """Counts, sizes and durations; never the value of a parameter."""

    def __init__(self, search_running: Callable[[], bool]) -> None:
        """Set up the metrics.

        Args:
            search_running: whether the search process runs; called for each exposition.
        """
        self._registry = registry = CollectorRegistry()
        self._passes = Histogram(
            "paretonas_pass_seconds",
            "Duration of a pass over one experiment.",
            buckets=_PASS_BUCKETS,
            registry=registry,
        )
        self._errors = Counter("paretonas_pass_errors", "Passes that ended with an error.", registry=registry)
        self._suggestions = Histogram(
            "paretonas_suggestion_seconds",
            "Duration of a request to the search for candidates.",
            buckets=_SUGGESTION_BUCKETS,
            registry=registry,
        )
        Gauge(
            "paretonas_search_process_running",
            "1 while the search process runs, 0 while nothing needs it.",
            registry=registry,
        ).set_function(search_running)
        self._trials = Gauge("paretonas_trials", "Trials by state.", (*_LABELS, "state"), registry=registry)
        self._hypervolume = Gauge("paretonas_hypervolume", "Hypervolume of the Pareto set.", _LABELS, registry=registry)
        self._pareto = Gauge("paretonas_pareto_set_size", "Trials in the Pareto set.", _LABELS, registry=registry)
        self._progress = Gauge(
            "paretonas_last_progress_timestamp_seconds",
            "When a trial of an unfinished experiment last changed its state (Unix time).",
            _LABELS,
            registry=registry,
        )
        self._counts: dict[tuple[str, str], object] = {}

    @contextmanager
    def time_pass(self) -> Iterator[None]:
        """Time a pass, and count it as an error if it raises."""
        with self._passes.time(), self._errors.count_exceptions():
            yield

    @contextmanager
    def time_suggestion(self) -> Iterator[None]:
        """Time a request to the search."""
        with self._suggestions.time():
            yield

    def record_snapshot(self, key: tuple[str, str], after: Snapshot) -> None:
        """Set the gauges of an experiment after a pass."""
        counts = after.status.trials
        for state in STATES:
            self._trials.labels(*key, state).set(getattr(counts, state))
        if after.status.hypervolume is not None:
            self._hypervolume.labels(*key).set(after.status.hypervolume)
        self._pareto.labels(*key).set(len(after.status.pareto_set))
        if self._counts.get(key) != counts:
            self._counts[key] = counts
            self._progress.labels(*key).set(time.time())
        if after.status.finished and key in self._counts:
            self._progress.remove(*key)

    def forget(self, key: tuple[str, str]) -> None:
        """Remove the gauges of a deleted experiment."""
        if self._counts.pop(key, None) is None:
            return
        for state in STATES:
            self._trials.remove(*key, state)
        for gauge in (self._hypervolume, self._pareto, self._progress):
            gauge.remove(*key)

    def exposition(self) -> bytes:
        """The metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
