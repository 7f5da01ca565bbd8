"""Prometheus metrics of the service: requests, searches, and what Redis knows of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rxindex.errors import MissingExtra
from rxindex.index.catalogue import Catalogue
from rxindex.search.answer import Answer

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["ServiceMetrics", "open_metrics"]

#: Seconds. A keystroke's suggestions aim at 5 ms, a search at 50.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

#: In place of a method or a route that is not one: whoever asks must not be able to make series.
_OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class ServiceMetrics:
    """Counts what the service does.

    Args:
        registry: where the metrics go.
        told: whose metrics are told; left out: those of ``registry``.
    """

    def __init__(self, registry: CollectorRegistry, told: Sequence[CollectorRegistry] = ()) -> None:
        from prometheus_client import Counter, Histogram

        self._told = told or (registry,)
        self._requests = Counter(
            "rxindex_http_requests_total", "Requests that were answered.",
            ["method", "route", "status"], registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "rxindex_http_request_duration_seconds", "From a request's headers to its answer.",
            ["route"], registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self._searches = Counter(
            "rxindex_searches_total", "Searches, by how the first hit matched.",
            ["match"], registry=registry,
        )  # fmt: skip
        self._corrected = Counter(
            "rxindex_corrected_searches_total", "Searches for something else than what was typed.",
            registry=registry,
        )  # fmt: skip
        self._degraded = Counter(
            "rxindex_degraded_searches_total", "Searches without the model.", registry=registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: of the request.
            route: as the code has it (``/drugs/{id}``), or empty where there is none.
            status: of the response; 0 if there was none.
            seconds: that it took.
        """
        known = method if method in _METHODS else _OTHER
        self._requests.labels(known, route or _OTHER, str(status)).inc()
        self._seconds.labels(route or _OTHER).observe(seconds)

    def searched(self, answer: Answer) -> None:
        """Count a search."""
        self._searches.labels(answer.hits[0].match if answer.hits else "none").inc()
        if answer.corrected:
            self._corrected.inc()
        if answer.degraded:
            self._degraded.inc()

    def exposition(self) -> bytes:
        """Give everything in Prometheus' text format; reads from Redis."""
        from prometheus_client import generate_latest

        return b"".join(map(generate_latest, self._told))


def open_metrics(catalogue: Catalogue) -> ServiceMetrics | None:
    """Make the metrics of a service over a catalogue; None without the extra ``metrics``.

    Processes that count together leave their counts in the folder that prometheus_client's own
    variable ``PROMETHEUS_MULTIPROC_DIR`` names, and each of them tells the sum.
    """
    try:
        from rxindex.observe.prometheus import PrometheusObserver
    except MissingExtra:
        return None
    observer = PrometheusObserver()
    observer.watch(catalogue)
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return ServiceMetrics(observer.registry)
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    summed = CollectorRegistry()
    MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
    return ServiceMetrics(CollectorRegistry(), (observer.registry, summed))
