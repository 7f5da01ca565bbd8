"""CloudWatch metrics of runs, in the embedded metric format.

They are written to the function's log, from which CloudWatch takes them: no call, no right, and
nothing to wait for. The format is "Specification: Embedded metric format" of the CloudWatch user
guide; Powertools for AWS Lambda writes it.
"""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from rxindex.aws.logs import SERVICE
from rxindex.embed.base import Embedder
from rxindex.errors import MissingExtra, RxindexError
from rxindex.index.catalogue import Catalogue
from rxindex.sync.events import Event, RunEnded
from rxindex.sync.history import LOADING, History, RunRecord
from rxindex.sync.quarantine import quarantine_size

try:
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
except ModuleNotFoundError as error:
    raise MissingExtra("metrics need Powertools: pip install 'rxindex[lambda]'") from error

__all__ = ["METRICS", "MetricsObserver"]

#: Every metric with its unit. Dimensions are ``catalogue`` and ``service``.
METRICS: dict[str, MetricUnit] = {
    "DrugsProcessed": MetricUnit.Count,
    "DrugsSuccessful": MetricUnit.Count,
    "DrugsFailed": MetricUnit.Count,
    "DrugsDeleted": MetricUnit.Count,
    "SyncDuration": MetricUnit.Seconds,
    "SyncCompleted": MetricUnit.Count,
    "EmbeddingCalls": MetricUnit.Count,
    "EmbeddingThrottles": MetricUnit.Count,
    "DataAge": MetricUnit.Seconds,
    "QuarantineSize": MetricUnit.Count,
    "IndexErrors": MetricUnit.Count,
}

#: Commands that look at drugs without loading them: how many is no measure of a sync.
_LOOKING = ("verify", "follow")
#: Errors after which Redis need not be asked how things stand.
_REDIS_IS_AWAY = frozenset({"IndexUnavailable", "IndexAccessDenied"})

_log = logging.getLogger(__name__)


class MetricsObserver:
    """Turns the ends of an invocation's runs into metrics, written once, on exit.

    ::

        with MetricsObserver(given.metrics_namespace) as metrics:
            metrics.watch(catalogue, embedder)
            sync(..., observers=[metrics])

    A dry run ends like another, and would count as a night's success: don't let it tell.

    Args:
        namespace: of CloudWatch.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._counts: dict[str, list[tuple[str, float]]] = {}
        self._state: dict[str, dict[str, float]] = {}
        self._runs: dict[str, list[RunRecord]] = {}
        self._watched: dict[str, tuple[Catalogue, Embedder | None]] = {}
        self._throttles_before = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()

    def watch(self, catalogue: Catalogue, embedder: Embedder | None = None) -> None:
        """Add what Redis knows of a catalogue when a run of it ends, and an embedder's refusals.

        Args:
            catalogue: whose age of data, quarantine and index errors are wanted.
            embedder: of its runs; what it was refused before does not count.
        """
        self._watched[catalogue.name] = (catalogue, embedder)
        self._throttles_before = _throttles(embedder) or 0

    def look(self, catalogue: Catalogue) -> None:
        """Read what Redis knows of a catalogue now; for an invocation that makes no run.

        Where Redis does not answer there are no such metrics.
        """
        try:
            self._state[catalogue.name] = _read(catalogue)
        except RxindexError as error:
            _log.warning("there are no metrics of the index: %s", error)

    def __call__(self, event: Event) -> None:
        """Count a run that ended; other events say nothing that its record does not."""
        if not isinstance(event, RunEnded):
            return
        record = event.record
        catalogue, embedder = self._watched.get(record.catalogue, (None, None))
        counts = self._counts.setdefault(record.catalogue, [])
        counts += _counts(record)
        if (throttles := _throttles(embedder)) is not None:
            counts.append(("EmbeddingThrottles", throttles - self._throttles_before))
            self._throttles_before = throttles
        self._runs.setdefault(record.catalogue, []).append(record)
        if catalogue is not None and record.error not in _REDIS_IS_AWAY:
            self.look(catalogue)

    def flush(self) -> None:
        """Write what was counted, one object a catalogue, and forget it.

        Nothing is raised: an invocation does not fail for want of metrics.
        """
        for name in dict.fromkeys([*self._counts, *self._state]):
            try:
                self._write(name)
            except Exception:
                _log.exception("the metrics of %s can't be written", name)
        for kept in (self._counts, self._state, self._runs):
            kept.clear()

    def _write(self, catalogue: str) -> None:
        # Not `Metrics`, whose values are the process's: two catalogues would mix.
        metrics = EphemeralMetrics(namespace=self.namespace, service=SERVICE)
        metrics.add_dimension("catalogue", catalogue)
        for name, value in [
            *self._counts.get(catalogue, []),
            *self._state.get(catalogue, {}).items(),
        ]:
            metrics.add_metric(name, METRICS[name], value)
        if records := self._runs.get(catalogue):
            # Not dimensions: to be found in the log by, and from one line to the others.
            metrics.add_metadata("runs", [one.run for one in records])
            metrics.add_metadata("outcomes", [f"{one.command} {one.outcome}" for one in records])
        metrics.flush_metrics()


def _counts(record: RunRecord) -> list[tuple[str, float]]:
    """Give what a run did."""
    counts: list[tuple[str, float]] = [("EmbeddingCalls", record.embedding_calls)]
    if record.command.startswith(_LOOKING):
        return counts
    counts += [
        ("DrugsProcessed", record.total_processed),
        ("DrugsSuccessful", record.written + record.unchanged),
        ("DrugsFailed", record.failed),
        ("DrugsDeleted", record.deleted),
        ("SyncDuration", record.duration),
    ]
    if record.command in LOADING:
        counts.append(("SyncCompleted", record.outcome == "completed"))
    return counts


def _throttles(embedder: Embedder | None) -> int | None:
    """Give how often an embedder was told to slow down so far; None for one that never is."""
    counters = getattr(embedder, "counters", None)
    return None if counters is None else int(counters.throttles)


def _read(catalogue: Catalogue) -> dict[str, float]:
    """Read what Redis knows of a catalogue.

    Raises:
        RxindexError: it does not answer.
    """
    found = {"QuarantineSize": float(quarantine_size(catalogue))}
    age = History(catalogue).data_age(time.time())
    if age is not None:
        found["DataAge"] = age
    live = catalogue.live()
    if live is not None:
        found["IndexErrors"] = float(catalogue.counts(live).failures)
    return found
