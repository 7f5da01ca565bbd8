"""Metrics of the runs that a process makes."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from rxindex.errors import ConfigurationError
from rxindex.observe.prometheus import PrometheusObserver
from rxindex.sync.events import BatchWritten, ChangesApplied, RunEnded, RunStarted
from rxindex.sync.history import RunRecord

RECORD = RunRecord(
    run="r1", command="sync", catalogue="fdb", outcome="completed", started=1000.0, ended=1017.0,
    total_processed=110, packages=400, added=3, updated=2, metadata_only=1, unchanged=100,
    deleted=5, failed=4, embedding_calls=6, vectors_carried=7, duration=17.0,
)  # fmt: skip
SYNC = {"catalogue": "fdb", "command": "sync"}


@pytest.fixture
def observer() -> PrometheusObserver:
    return PrometheusObserver()


def value(observer: PrometheusObserver, name: str, **labels: str) -> float | None:
    return observer.registry.get_sample_value(f"rxindex_{name}", labels)


def test_a_run_is_counted_when_it_ends(observer: PrometheusObserver) -> None:
    observer(RunStarted("r1", "sync", "fdb", "g1", "x", "fake", False, 1000.0))
    assert value(observer, "runs_total", **SYNC, outcome="completed") is None
    observer(RunEnded(RECORD))
    assert value(observer, "runs_total", **SYNC, outcome="completed") == 1
    drugs = {"added": 3, "updated": 2, "metadata_only": 1, "unchanged": 100, "deleted": 5}
    for action, count in (drugs | {"failed": 4}).items():
        assert value(observer, "drugs_total", **SYNC, action=action) == count
    assert value(observer, "packages_total", **SYNC) == 400
    assert value(observer, "embedding_calls_total", **SYNC) == 6
    assert value(observer, "vectors_carried_total", **SYNC) == 7
    assert value(observer, "run_duration_seconds", **SYNC) == 17
    assert value(observer, "last_run_timestamp_seconds", **SYNC) == 1017
    assert value(observer, "last_run_success", **SYNC) == 1
    assert value(observer, "last_success_timestamp_seconds", catalogue="fdb") == 1017
    assert value(observer, "data_timestamp_seconds", catalogue="fdb") == 1000


def test_a_failed_run_leaves_the_last_success_where_it_was(observer: PrometheusObserver) -> None:
    observer(RunEnded(RECORD))
    observer(RunEnded(msgspec.structs.replace(RECORD, outcome="failed", ended=2000.0)))
    observer(RunEnded(msgspec.structs.replace(RECORD, command="verify", ended=3000.0)))
    assert value(observer, "last_run_success", **SYNC) == 0
    assert value(observer, "last_run_timestamp_seconds", **SYNC) == 2000
    assert value(observer, "last_success_timestamp_seconds", catalogue="fdb") == 1017


def test_batches_and_changes_are_counted_as_they_happen(observer: PrometheusObserver) -> None:
    observer(BatchWritten("r1", "fdb", 500, 2000, 12, 0, 3, 0.2))
    observer(ChangesApplied("fdb", rows=30, drugs=4, written=3, deleted=1, lag=0.7))
    observer(ChangesApplied("fdb", rows=1, drugs=1, written=1, deleted=0, lag=0.4))
    assert value(observer, "batch_duration_seconds_count", catalogue="fdb") == 1
    assert value(observer, "batch_duration_seconds_bucket", catalogue="fdb", le="0.25") == 1
    assert value(observer, "followed_rows_total", catalogue="fdb") == 31
    assert value(observer, "followed_drugs_total", catalogue="fdb", action="written") == 4
    assert value(observer, "followed_drugs_total", catalogue="fdb", action="deleted") == 1
    assert value(observer, "follow_latency_seconds_bucket", catalogue="fdb", le="0.5") == 1
    assert value(observer, "follow_lag_seconds", catalogue="fdb") == 0.4


def test_a_textfile_holds_nothing_but_rxindexs_own(
    observer: PrometheusObserver, tmp_path: Path
) -> None:
    path = tmp_path / "rxindex.prom"
    path.write_text("what was there before")
    observer(RunEnded(RECORD))
    observer.write_textfile(path)
    families = list(text_string_to_metric_families(path.read_text()))
    assert families
    assert all(one.name.startswith("rxindex_") for one in families)
    assert list(tmp_path.iterdir()) == [path]


def test_a_textfile_that_cannot_be_written_is_a_setting_that_is_wrong(
    observer: PrometheusObserver, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.*give a file"):
        observer.write_textfile(tmp_path / "nowhere" / "rxindex.prom")


def test_metrics_are_served_until_the_end_and_on_loopback(observer: PrometheusObserver) -> None:
    observer(RunEnded(RECORD))
    with observer.serve(0) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        assert 'rxindex_runs_total{catalogue="fdb",command="sync",outcome="completed"} 1.0' in text
        with pytest.raises(ConfigurationError, match=str(port)), observer.serve(port):
            pass
    with observer.serve(port) as again:  # it was given back
        assert again == port


@pytest.mark.parametrize(("port", "host"), [(70_000, "127.0.0.1"), (0, "no-such-host.invalid")])
def test_an_impossible_address_is_a_setting_that_is_wrong(
    observer: PrometheusObserver, port: int, host: str
) -> None:
    with pytest.raises(ConfigurationError, match="another port"), observer.serve(port, host):
        pass


def test_a_registry_of_the_applications_own_takes_them_once(observer: PrometheusObserver) -> None:
    registry = CollectorRegistry()
    first = PrometheusObserver(registry)
    assert first.registry is registry
    with pytest.raises(ValueError, match="Duplicated"):
        PrometheusObserver(registry)


def test_names_follow_the_conventions_of_prometheus(observer: PrometheusObserver) -> None:
    for family in observer.registry.collect():
        assert re.fullmatch(r"rxindex_[a-z]+(_[a-z]+)*", family.name)
        assert family.documentation.endswith(".")
        if "timestamp" in family.name or "duration" in family.name or "lag" in family.name:
            assert family.name.endswith("_seconds")
