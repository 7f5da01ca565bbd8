"""Spans: a run with its batches, at the times when things happened."""

from __future__ import annotations

import importlib
import sys

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from rxindex.errors import MissingExtra
from rxindex.observe.tracing import TracingObserver
from rxindex.sync.events import BatchWritten, ChangesApplied, RunEnded, RunStarted
from rxindex.sync.history import RunRecord

SECOND = 1_000_000_000
STARTED = RunStarted("r1", "sync", "fdb", "g1", "sqlite:///fdb.db", "fake", False, 1000.0)
RECORD = RunRecord(
    run="r1", command="sync", catalogue="fdb", outcome="completed", started=1000.0, ended=1010.0,
    total_processed=1000, added=12, generation="g1",
)  # fmt: skip


class Clock:
    """A clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> int:
        return round(self.seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


@pytest.fixture
def observer(provider: TracerProvider, clock: Clock) -> TracingObserver:
    return TracingObserver(provider, clock)


def times(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time / SECOND, span.end_time / SECOND


def batch(run: str, seconds: float) -> BatchWritten:
    return BatchWritten(run, "fdb", 500, 2000, 12, 0, 3, seconds)


def test_a_run_is_a_span_with_its_batches_in_it(
    observer: TracingObserver, clock: Clock, exporter: InMemorySpanExporter
) -> None:
    observer(STARTED)
    clock.seconds = 1004.0
    observer(batch("r1", 4.5))  # measured by another clock, a little longer than there was
    clock.seconds = 1009.0
    observer(batch("r1", 5.0))
    observer(RunEnded(RECORD))
    first, second, run = exporter.get_finished_spans()
    assert (first.name, second.name, run.name) == ("rxindex batch", "rxindex batch", "rxindex sync")
    assert times(first) == (1000.0, 1004.0)
    assert times(second) == (1004.0, 1009.0)
    assert times(run) == (1000.0, 1010.0)
    assert run.parent is None
    for child in (first, second):
        assert child.parent is not None
        assert run.context is not None
        assert child.parent.span_id == run.context.span_id
    assert first.attributes is not None
    assert first.attributes["rxindex.written"] == 12
    assert run.attributes is not None
    assert run.attributes["rxindex.outcome"] == "completed"
    assert run.attributes["rxindex.added"] == 12
    assert run.status.status_code is StatusCode.UNSET


def test_runs_at_the_same_time_keep_their_batches_apart(
    observer: TracingObserver, clock: Clock, exporter: InMemorySpanExporter
) -> None:
    observer(STARTED)
    observer(msgspec.structs.replace(STARTED, run="r2", command="reindex"))
    clock.seconds = 1005.0
    observer(batch("r2", 1.0))
    observer(RunEnded(RECORD))
    observer(RunEnded(msgspec.structs.replace(RECORD, run="r2", command="reindex")))
    child, sync, reindex = exporter.get_finished_spans()
    assert child.parent is not None
    assert reindex.context is not None
    assert child.parent.span_id == reindex.context.span_id
    assert (sync.name, reindex.name) == ("rxindex sync", "rxindex reindex")


def test_a_run_that_failed_says_so(
    observer: TracingObserver, exporter: InMemorySpanExporter
) -> None:
    failed = msgspec.structs.replace(
        RECORD, outcome="failed", error="IndexFull", reason="Redis reached maxmemory"
    )
    observer(STARTED)
    observer(RunEnded(failed))
    (run,) = exporter.get_finished_spans()
    assert run.status.status_code is StatusCode.ERROR
    assert run.status.description == "IndexFull: Redis reached maxmemory"
    (event,) = run.events
    assert event.name == "exception"
    assert event.attributes is not None
    assert event.attributes["exception.type"] == "IndexFull"
    assert event.timestamp == 1010 * SECOND


def test_a_run_that_failed_before_it_read_has_a_span_all_the_same(
    observer: TracingObserver, exporter: InMemorySpanExporter
) -> None:
    observer(RunEnded(msgspec.structs.replace(RECORD, outcome="failed")))
    (run,) = exporter.get_finished_spans()
    assert times(run) == (1000.0, 1010.0)
    assert run.status.status_code is StatusCode.ERROR


def test_a_run_is_part_of_the_span_in_which_it_began(
    observer: TracingObserver, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    with provider.get_tracer("application").start_as_current_span("night job"):
        observer(STARTED)
    observer(RunEnded(RECORD))
    job, run = exporter.get_finished_spans()
    assert run.parent is not None
    assert job.context is not None
    assert run.parent.span_id == job.context.span_id


def test_changes_last_from_their_commit_until_they_can_be_found(
    observer: TracingObserver, clock: Clock, exporter: InMemorySpanExporter
) -> None:
    clock.seconds = 2000.0
    observer(ChangesApplied("fdb", rows=3, drugs=2, written=1, deleted=1, lag=0.5))
    (span,) = exporter.get_finished_spans()
    assert span.name == "rxindex changes"
    assert times(span) == (1999.5, 2000.0)
    assert span.attributes is not None
    assert span.attributes["rxindex.rows"] == 3


def test_without_an_sdk_nothing_happens() -> None:
    observer = TracingObserver()
    observer(STARTED)
    observer(batch("r1", 1.0))
    observer(RunEnded(RECORD))


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("rxindex.observe.tracing", "opentelemetry", "tracing"),
        ("rxindex.observe.prometheus", "prometheus_client", "metrics"),
    ],
)
def test_what_is_not_installed_is_named(
    module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingExtra, match=rf"rxindex\[{extra}\]"):
        importlib.import_module(module)
