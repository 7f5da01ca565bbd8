"""Prometheus metrics: of the runs that this process makes, and of what Redis knows.

Runs that end write a file for node_exporter's textfile collector; a process that stays can be
asked over HTTP. Names follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rxindex.errors import ConfigurationError, MissingExtra, RxindexError
from rxindex.index.catalogue import Catalogue
from rxindex.sync.events import BatchWritten, ChangesApplied, Event, RunEnded
from rxindex.sync.history import LOADING, History, RunRecord, read_follow
from rxindex.sync.quarantine import quarantine_size

try:
    from prometheus_client import (
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        start_http_server,
        write_to_textfile,
    )
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:
    raise MissingExtra("metrics need prometheus-client: pip install 'rxindex[metrics]'") from error

__all__ = ["PrometheusObserver"]

_ACTIONS = ("added", "updated", "metadata_only", "unchanged", "deleted", "failed")
_BATCH_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Following aims at 1 s for the median and 3 s for 95 of 100.
_LATENCY_SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300)
_RUN = ("catalogue", "command")


class PrometheusObserver:
    """Turns events into metrics.

    Args:
        registry: where the metrics go; else one of their own, which holds nothing of the process
            (a textfile must not).
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._runs = self._counter("runs", "Runs that ended.", *_RUN, "outcome")
        self._drugs = self._counter("drugs", "Drugs of runs that ended.", *_RUN, "action")
        self._packages = self._counter("packages", "Rows (NDCs) read by runs that ended.", *_RUN)
        self._calls = self._counter("embedding_calls", "Texts sent to the embedder.", *_RUN)
        self._carried = self._counter(
            "vectors_carried", "Vectors taken over from the generation before.", *_RUN
        )
        self._duration = self._gauge("run_duration_seconds", "How long the last run took.")
        self._ended = self._gauge("last_run_timestamp_seconds", "When the last run ended.")
        self._success = self._gauge("last_run_success", "Whether the last run completed.")
        self._batches = self._histogram(
            "batch_duration_seconds", "From one confirmed batch to the next.", _BATCH_SECONDS
        )
        self._latency = self._histogram(
            "follow_latency_seconds", "From commit to searchable, by following.", _LATENCY_SECONDS
        )
        self._rows = self._counter("followed_rows", "Changed rows seen by following.", "catalogue")
        self._followed = self._counter(
            "followed_drugs", "Drugs changed by following.", "catalogue", "action"
        )
        self._known = _Known()
        self.registry.register(self._known)

    def watch(self, catalogue: Catalogue) -> None:
        """Add what Redis knows of a catalogue; it is read anew whenever metrics are asked for.

        That is the size of the quarantine, the newest data, and the lag of following, whichever
        process did the work.
        """
        self._known.watched[catalogue.name] = catalogue

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case BatchWritten():
                self._batches.labels(event.catalogue).observe(event.seconds)
            case RunEnded(record):
                self._count(record)
            case ChangesApplied():
                self._latency.labels(event.catalogue).observe(event.lag)
                self._rows.labels(event.catalogue).inc(event.rows)
                self._followed.labels(event.catalogue, "written").inc(event.written)
                self._followed.labels(event.catalogue, "deleted").inc(event.deleted)
                self._known.lags[event.catalogue] = event.lag

    def write_textfile(self, path: Path | str) -> None:
        """Write all metrics to a file, in one step.

        Args:
            path: a file ``*.prom`` in the folder of node_exporter's textfile collector; one for
                each catalogue and command, since each run replaces it.

        Raises:
            ConfigurationError: it can't be written.
        """
        try:
            write_to_textfile(str(path), self.registry)
        except OSError as error:
            raise ConfigurationError(
                f"the metrics can't be written to {path}: {error.strerror}; give a file in a "
                "folder that exists and that this user may write to"
            ) from error

    @contextmanager
    def serve(self, port: int, host: str = "127.0.0.1") -> Iterator[int]:
        """Answer Prometheus at ``/metrics`` from enter to exit.

        Args:
            port: to listen on; 0 for any that is free.
            host: address to listen on. Metrics are not secret but nobody else's business either,
                and there is no password.

        Yields:
            The port that is listened on.

        Raises:
            ConfigurationError: it can't be listened on.
        """
        try:
            server, thread = start_http_server(port, host, self.registry)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"metrics can't be served on {host}:{port}: {error}; give another port or address"
            ) from error
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _count(self, record: RunRecord) -> None:
        run = (record.catalogue, record.command)
        self._runs.labels(*run, record.outcome).inc()
        for action in _ACTIONS:
            self._drugs.labels(*run, action).inc(getattr(record, action))
        self._packages.labels(*run).inc(record.packages)
        self._calls.labels(*run).inc(record.embedding_calls)
        self._carried.labels(*run).inc(record.vectors_carried)
        self._duration.labels(*run).set(record.duration)
        self._ended.labels(*run).set(record.ended)
        completed = record.outcome == "completed"
        self._success.labels(*run).set(completed)
        if completed and record.command in LOADING:
            self._known.successes[record.catalogue] = record.ended
            self._known.data[record.catalogue] = record.data_from

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"rxindex_{name}_total", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"rxindex_{name}", meaning, _RUN, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(
            f"rxindex_{name}", meaning, ["catalogue"], registry=self.registry, buckets=buckets
        )


class _Known(Collector):
    """What is known of a catalogue at the moment of asking: from Redis, else from events."""

    def __init__(self) -> None:
        self.watched: dict[str, Catalogue] = {}
        self.successes: dict[str, float] = {}
        self.data: dict[str, float] = {}
        self.lags: dict[str, float] = {}

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name the metrics, for the registry to see that they are nobody else's."""
        return _families().values()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read them. Redis being away must not hide what the process itself has counted."""
        values = {
            "last_success_timestamp_seconds": dict(self.successes),
            "data_timestamp_seconds": dict(self.data),
            "follow_lag_seconds": dict(self.lags),
        }
        for name, catalogue in tuple(self.watched.items()):
            try:
                found = _read(catalogue)
            except RxindexError:
                found = {"redis_up": 0.0}
            for metric, value in found.items():
                values.setdefault(metric, {})[name] = value
        families = _families()
        for metric, by_catalogue in values.items():
            for name, value in by_catalogue.items():
                families[metric].add_metric([name], value)
        return families.values()


def _families() -> dict[str, GaugeMetricFamily]:
    meanings = {
        "last_success_timestamp_seconds": "When the newest completed sync or reindex ended.",
        "data_timestamp_seconds": "When the index last held all that the source held.",
        "follow_lag_seconds": "How long ago following last had all there was.",
        "quarantined_drugs": "Drugs in quarantine.",
        "redis_up": "Whether Redis answered.",
    }
    return {
        name: GaugeMetricFamily(f"rxindex_{name}", meaning, labels=["catalogue"])
        for name, meaning in meanings.items()
    }


def _read(catalogue: Catalogue) -> dict[str, float]:
    """Read what Redis knows of a catalogue.

    Raises:
        RxindexError: it does not answer.
    """
    now, history = time.time(), History(catalogue)
    completed, follow = history.last_completed(), read_follow(catalogue)
    age = history.data_age(now)
    quarantined = quarantine_size(catalogue)
    found = {"redis_up": 1.0, "quarantined_drugs": float(quarantined)}
    if completed is not None:
        found["last_success_timestamp_seconds"] = completed.ended
    if age is not None:
        found["data_timestamp_seconds"] = now - age
    if follow is not None:
        found["follow_lag_seconds"] = follow.lag(now)
    return found
