"""What runs leave behind in Redis."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest
from tests.services.redis import RedisServer

from rxindex.errors import IndexFull, IndexUnavailable, LeaseLost
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.index.lease import hold
from rxindex.sync.history import (
    KEPT,
    FollowState,
    History,
    Outcome,
    RunRecord,
    read_follow,
    write_follow,
)

_ids = itertools.count(1)


def record(
    command: str = "sync",
    outcome: Outcome = "completed",
    started: float = 1000.0,
    ended: float = 1060.0,
    snapshot: float = 0.0,
) -> RunRecord:
    return RunRecord(
        run=f"r{next(_ids)}",
        command=command,
        catalogue="fdb",
        outcome=outcome,
        started=started,
        ended=ended,
        snapshot=snapshot,
    )


def test_records_come_back_newest_first(catalogue: Catalogue) -> None:
    history = History(catalogue)
    assert history.last() == []
    assert history.last_completed() is None
    records = [record(), record("verify"), record(outcome="failed")]
    for one in records:
        history.add(one)
    assert history.last() == records[::-1]
    assert history.last(1) == [records[2]]
    assert history.last(0) == []
    assert history.last_completed() == records[0]


def test_a_record_that_is_sent_twice_is_kept_once(catalogue: Catalogue) -> None:
    one, other = record(), record()
    for sent in (one, other, one):
        History(catalogue).add(sent)
    assert History(catalogue).last() == [one, other]


def test_only_the_newest_are_kept_but_the_last_completed_run_is_never_forgotten(
    catalogue: Catalogue,
) -> None:
    history = History(catalogue)
    completed = record()
    history.add(completed)
    for _ in range(KEPT + 5):
        history.add(record(outcome="failed"))
    assert len(history.last()) == KEPT
    assert catalogue.client.llen(catalogue.key("history")) == KEPT
    assert completed not in history.last()
    assert history.last_completed() == completed


@pytest.mark.parametrize(
    ("command", "outcome"),
    [("verify", "completed"), ("quarantine retry", "completed"), ("sync", "held"),
     ("sync", "stopped"), ("reindex", "failed")],
)  # fmt: skip
def test_data_is_only_as_new_as_the_last_run_that_brought_all_of_it(
    catalogue: Catalogue, command: str, outcome: Outcome
) -> None:
    history = History(catalogue)
    assert history.data_age(2000.0) is None
    history.add(record(started=1000.0, ended=1060.0))
    history.add(record(command, outcome, started=1900.0, ended=1950.0))
    assert history.data_age(2000.0) == 1000.0


def test_a_resumed_run_is_as_old_as_the_first_of_its_runs(catalogue: Catalogue) -> None:
    history = History(catalogue)
    history.add(record(started=1000.0, ended=1060.0, snapshot=400.0))
    assert history.data_age(2000.0) == 1600.0


def test_following_keeps_data_new(catalogue: Catalogue) -> None:
    history = History(catalogue)
    history.add(record(started=1000.0))
    written = write_follow(catalogue, FollowState(position="bin.7:4", committed=1500.0, rows=9))
    assert history.data_age(2000.0) == 500.0
    # Nothing was committed since, and the follower knows it.
    write_follow(catalogue, FollowState(position="bin.7:4", committed=1500.0, checked=1999.0))
    assert history.data_age(2000.0) == 1.0
    assert history.data_age(1990.0) == 0.0
    found = read_follow(catalogue)
    assert found is not None
    assert found.updated >= written.updated > 1e9
    assert found.position == "bin.7:4"


def test_a_follower_that_lost_its_lease_cannot_overwrite_the_next_ones_state(
    catalogue: Catalogue,
) -> None:
    with hold(catalogue, "follow") as held:
        write_follow(held, FollowState(position="bin.7:4"))
        catalogue.client.delete(catalogue.key("lease"))
        with hold(catalogue, "follow") as next_one:
            write_follow(next_one, FollowState(position="bin.7:9"))
            with pytest.raises(LeaseLost):
                write_follow(held, FollowState(position="bin.7:5"))
    found = read_follow(catalogue)
    assert found is not None
    assert found.position == "bin.7:9"


def test_a_run_that_lost_its_lease_still_tells_how_it_ended(catalogue: Catalogue) -> None:
    with hold(catalogue, "sync") as held:
        catalogue.client.delete(catalogue.key("lease"))
        lost = record(outcome="failed")
        History(held).add(lost)
    assert History(catalogue).last() == [lost]


def test_records_of_other_versions_are_read_or_left_out(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    history, key = History(catalogue), catalogue.key("history")
    plain = record()
    newer = msgspec.to_builtins(plain) | {"a_field_of_tomorrow": [1, 2]}
    catalogue.client.lpush(key, msgspec.json.encode(newer))
    catalogue.client.lpush(key, b"not a record")
    catalogue.client.set(catalogue.key("follow"), b"{}")
    assert history.last() == [plain]
    assert "can't be read" in caplog.text
    assert read_follow(catalogue) is None
    assert history.data_age(0.0) is None


def test_a_full_redis_and_one_that_is_gone_are_told_as_such(tmp_path: Path) -> None:
    with RedisServer(tmp_path, search=False) as server:
        client = connect(server.url)
        history = History(Catalogue(client, "fdb"))
        history.add(record())
        client.config_set("maxmemory", "1")
        with pytest.raises(IndexFull):
            history.add(record())
        server.kill()
        with pytest.raises(IndexUnavailable):
            history.add(record())
        with pytest.raises(IndexUnavailable):
            history.last()
        client.close()
