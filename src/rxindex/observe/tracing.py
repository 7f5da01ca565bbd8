"""OpenTelemetry traces: a span for each run with one for each batch in it.

Only the API of OpenTelemetry is used: which spans are kept and where they go is for the
application to say, which sets up its SDK. Without one, all this does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from rxindex import __version__
from rxindex.errors import MissingExtra
from rxindex.sync.events import BatchWritten, ChangesApplied, Event, RunEnded, RunStarted
from rxindex.sync.history import RunRecord

try:
    from opentelemetry import trace
    from opentelemetry.trace import Span, Status, StatusCode, TracerProvider
except ModuleNotFoundError as error:
    raise MissingExtra(
        "traces need the OpenTelemetry API: pip install 'rxindex[tracing]'"
    ) from error

__all__ = ["TracingObserver"]

_SECOND = 1_000_000_000

#: What a run's span says of its end, in the order of the record.
_RUN_ATTRIBUTES = (
    "run", "command", "catalogue", "outcome", "generation", "source", "model", "resumed",
    "total_processed", "packages", "added", "updated", "metadata_only", "unchanged", "deleted",
    "quarantined", "failed", "embedding_calls", "vectors_carried",
)  # fmt: skip
_BATCH_ATTRIBUTES = (
    "run", "catalogue", "drugs", "packages", "written", "failed", "embedding_calls",
)  # fmt: skip
_CHANGES_ATTRIBUTES = ("catalogue", "rows", "drugs", "written", "deleted")


class TracingObserver:
    """Turns events into spans.

    A run's span is a child of the span that is current where the run began, if one is.

    Args:
        provider: where spans go; else the application's global one.
        clock: nanoseconds since the epoch.
    """

    def __init__(
        self, provider: TracerProvider | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._tracer = trace.get_tracer("rxindex", __version__, provider)
        self._clock = clock
        self._running: dict[str, tuple[Span, int]] = {}

    def __call__(self, event: Event) -> None:
        """Begin or end the span that an event stands for."""
        match event:
            case RunStarted():
                self._begin(event.run, event.command, _nanoseconds(event.started))
            case BatchWritten():
                self._batch(event)
            case ChangesApplied():
                end = self._clock()
                span = self._tracer.start_span(
                    "rxindex changes",
                    attributes=_attributes(event, _CHANGES_ATTRIBUTES),
                    start_time=end - _nanoseconds(event.lag),
                )
                span.end(end)
            case RunEnded(record):
                self._end(record)

    def _begin(self, run: str, command: str, start: int) -> Span:
        span = self._tracer.start_span(f"rxindex {command}", start_time=start)
        self._running[run] = (span, start)
        return span

    def _batch(self, event: BatchWritten) -> None:
        end = self._clock()
        running = self._running.get(event.run)
        context, earliest = None, 0
        if running is not None:
            span, earliest = running
            context = trace.set_span_in_context(span)
        child = self._tracer.start_span(
            "rxindex batch",
            context,
            attributes=_attributes(event, _BATCH_ATTRIBUTES),
            # Two clocks measured these; a child never begins before its parent.
            start_time=max(end - _nanoseconds(event.seconds), earliest),
        )
        child.end(end)

    def _end(self, record: RunRecord) -> None:
        running = self._running.pop(record.run, None)
        if running is None:
            # It failed before it began to read, or this observer came later.
            span = self._begin(record.run, record.command, _nanoseconds(record.started))
            del self._running[record.run]
        else:
            span, _ = running
        end = _nanoseconds(record.ended)
        span.set_attributes(_attributes(record, _RUN_ATTRIBUTES))
        if record.error:
            # As OpenTelemetry's conventions name what an exception says.
            details = {"exception.type": record.error, "exception.message": record.reason}
            span.add_event("exception", details, timestamp=end)
        if record.outcome == "failed":
            said = f"{record.error}: {record.reason}" if record.error else None
            span.set_status(Status(StatusCode.ERROR, said))
        span.end(end)


def _attributes(told: msgspec.Struct, names: tuple[str, ...]) -> dict[str, str | int | bool]:
    return {f"rxindex.{name}": getattr(told, name) for name in names}


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _SECOND)
