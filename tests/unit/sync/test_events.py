"""Events reach whoever wants them, and nobody who looks on can do harm."""

from __future__ import annotations

import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.errors import IndexFull
from rxindex.sync.events import ChangesApplied, Event, Observers, RunEnded, RunStarted
from rxindex.sync.history import FollowState, RunRecord, hide_passwords
from rxindex.sync.report import SyncReport

CHANGES = ChangesApplied("fdb", rows=3, drugs=2, written=1, deleted=1, lag=0.4)


def test_each_observer_is_told_in_order() -> None:
    told: list[tuple[str, Event]] = []
    observers = Observers([lambda event: told.append(("a", event))])
    observers.append(lambda event: told.append(("b", event)))
    observers.tell(CHANGES)
    assert told == [("a", CHANGES), ("b", CHANGES)]


def test_an_observer_that_raises_is_logged_once_and_not_told_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[Event] = []
    calls = 0

    def broken(event: Event) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("the collector is gone")

    observers = Observers([broken, told.append])
    with caplog.at_level(logging.ERROR, logger="rxindex"):
        observers.tell(CHANGES)
        observers.tell(CHANGES)
    assert calls == 1
    assert told == [CHANGES, CHANGES]
    assert len(caplog.records) == 1
    assert "broken" in caplog.text
    assert "the collector is gone" in caplog.text


def test_an_observer_cannot_swallow_an_interrupt() -> None:
    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    observers = Observers([interrupted])
    with pytest.raises(KeyboardInterrupt):
        observers.tell(CHANGES)
    assert observers == [interrupted]


def test_events_say_what_they_are_when_encoded() -> None:
    started = RunStarted("r1", "sync", "fdb", "g1", "mysql://db/fdb", "fake", False, 1.0)
    encoded = msgspec.json.encode(started)
    assert msgspec.json.decode(encoded)["event"] == "run_started"
    assert msgspec.json.decode(encoded, type=Event) == started


def test_a_record_holds_what_the_report_counted_even_before_it_was_finished() -> None:
    report = SyncReport(catalogue="fdb", source="mysql://reader:geheim@db/fdb", generation="g2")
    report.total_processed, report.added, report.unchanged = 100, 7, 93
    record = RunRecord.of(
        report,
        run="r1",
        command="sync",
        outcome="failed",
        started=1000.0,
        ended=1010.0,
        error=IndexFull("redis://:geheim@cache:6379 is full"),
    )
    assert (record.total_processed, record.written, record.unchanged) == (100, 7, 93)
    assert record.drugs_per_second == 10.0
    assert record.duration == 10.0
    assert record.data_from == 1000.0
    assert record.error == "IndexFull"
    assert record.reason == "redis://:***@cache:6379 is full"
    assert record.source == "mysql://reader:***@db/fdb"
    assert record.host
    assert record.pid
    assert RunEnded(record).record is record


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    record = RunRecord.of(
        SyncReport(), run="r", command="sync", outcome="completed", started=10.0, ended=9.0
    )
    assert record.duration == 0.0
    assert record.drugs_per_second == 0.0


def test_lag_is_since_the_follower_last_had_all_there_was() -> None:
    assert FollowState(position="p", committed=100.0, checked=160.0).lag(161.0) == 1.0
    assert FollowState(position="p", committed=100.0, checked=90.0).lag(161.0) == 61.0
    assert FollowState(position="p", checked=200.0).lag(161.0) == 0.0


SECRETS = st.text(
    st.characters(
        whitelist_categories=("Lu", "Ll", "Nd"), whitelist_characters="!$%'()*,;:[]#&=@/?"
    ),
    min_size=12,
)


@given(SECRETS, st.sampled_from(["mysql", "redis", "rediss", "mysql+pymysql"]))
def test_no_password_of_a_url_survives_in_a_text(secret: str, scheme: str) -> None:
    text = f"could not read '{scheme}://reader:{secret}@db.internal:3306/fdb': it is away"
    shown = hide_passwords(text)
    assert secret not in shown
    assert shown.startswith("could not read ")
    assert shown.endswith("@db.internal:3306/fdb': it is away")


@pytest.mark.parametrize(
    "text", ["", "no URL here: a@b", "see https://example.org/page", "redis://cache:6379 is away"]
)
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert hide_passwords(text) == text
