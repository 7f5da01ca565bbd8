"""Metrics of what Redis knows of a catalogue."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

from tests.services.redis import RedisServer

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.observe.prometheus import PrometheusObserver
from rxindex.sync.events import RunEnded
from rxindex.sync.history import FollowState, History, RunRecord, write_follow
from rxindex.sync.quarantine import quarantine_key

RECORD = RunRecord(
    run="r1", command="sync", catalogue="fdb", outcome="completed", started=1000.0, ended=1017.0
)


def value(observer: PrometheusObserver, name: str, catalogue: Catalogue) -> float | None:
    return observer.registry.get_sample_value(f"rxindex_{name}", {"catalogue": catalogue.name})


def test_what_other_processes_did_is_read_whenever_it_is_asked_for(catalogue: Catalogue) -> None:
    observer = PrometheusObserver()
    observer.watch(catalogue)
    assert value(observer, "redis_up", catalogue) == 1
    assert value(observer, "quarantined_drugs", catalogue) == 0
    assert value(observer, "last_success_timestamp_seconds", catalogue) is None
    assert value(observer, "follow_lag_seconds", catalogue) is None

    History(catalogue).add(RECORD)
    catalogue.client.hset(quarantine_key(catalogue), mapping={"a": "{}", "b": "{}"})
    assert value(observer, "quarantined_drugs", catalogue) == 2
    assert value(observer, "last_success_timestamp_seconds", catalogue) == 1017
    data = value(observer, "data_timestamp_seconds", catalogue)
    assert data is not None
    assert abs(data - 1000.0) < 1e-3

    now = time.time()
    write_follow(catalogue, FollowState(position="p", checked=now - 90))
    lag = value(observer, "follow_lag_seconds", catalogue)
    assert lag is not None
    assert 90 <= lag < 120
    data = value(observer, "data_timestamp_seconds", catalogue)
    assert data is not None
    assert abs(data - (now - 90)) < 1


def test_metrics_of_the_process_stay_when_redis_is_gone(tmp_path: Path) -> None:
    observer = PrometheusObserver()
    with RedisServer(tmp_path, search=False) as server:
        client = connect(server.url)
        catalogue = Catalogue(client, "fdb")
        observer.watch(catalogue)
        observer(RunEnded(RECORD))
        server.kill()
        with (
            observer.serve(0) as port,
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer,
        ):
            text = answer.read().decode()
        client.close()
    assert 'rxindex_redis_up{catalogue="fdb"} 0.0' in text
    assert 'rxindex_last_success_timestamp_seconds{catalogue="fdb"} 1017.0' in text
    assert not re.search(r"^rxindex_quarantined_drugs\{", text, re.MULTILINE)
