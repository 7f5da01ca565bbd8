from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.aws.event import SyncEvent, read_event
from rxindex.errors import QueryError
from rxindex.index.lease import Loan
from rxindex.source.base import Partition
from rxindex.sync.load import Load

LOAD = {"loan": {"token": "t", "number": 3, "seconds": 960.0}, "generation": "g2", "packages": 9}


def test_an_empty_event_is_a_whole_sync() -> None:
    event = read_event({})
    assert event == SyncEvent()
    assert (event.action, event.may_continue) == ("sync", True)


def test_the_fields_that_earlier_callers_send_are_understood() -> None:
    event = read_event(
        {"batch_size": 50, "max_drugs": 1000, "offset": 200, "catalogue": "drugs", "dry_run": True}
    )
    assert (event.batch_size, event.max_drugs, event.offset) == (50, 1000, 200)
    assert (event.catalogue, event.dry_run) == ("drugs", True)


def test_null_counts_as_left_out() -> None:
    fields = ("batch_size", "max_drugs", "cursor", "offset", "catalogue", "dry_run", "continue")
    assert read_event(dict.fromkeys(fields)) == SyncEvent()


def test_an_event_of_eventbridge_is_its_detail_with_its_id() -> None:
    event = read_event(
        {
            "version": "0",
            "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "123456789012",
            "time": "2026-11-24T02:00:00Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:events:eu-west-1:123456789012:rule/nightly"],
            "detail": {},
        }
    )
    assert event == SyncEvent(id="53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa")
    asked = read_event({"id": "1", "detail-type": "x", "detail": {"action": "verify"}})
    assert (asked.action, asked.id) == ("verify", "1")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ([], "the event is a list, not an object"),
        (None, "the event is a NoneType, not an object"),
        ("sync", "the event is a str, not an object"),
        ({"action": "drop"}, "Invalid enum value 'drop'"),
        ({"batch_size": "50"}, "Expected `int | null`, got `str` - at `$.batch_size`"),
        ({"batch_size": 0}, ">= 1 - at `$.batch_size`"),
        ({"batch_size": 10**6}, "<= 10000 - at `$.batch_size`"),
        ({"batch_size": 1.5}, "at `$.batch_size`"),
        ({"max_drugs": -1}, "at `$.max_drugs`"),
        ({"max_drugs": 10**30}, "at `$.max_drugs`"),
        ({"offset": -5}, "at `$.offset`"),
        ({"dry_run": "yes"}, "Expected `bool | null`, got `str` - at `$.dry_run`"),
        ({"dry_run": 1}, "at `$.dry_run`"),
        ({"catalogue": "a b"}, "at `$.catalogue`"),
        ({"catalogue": "x:y*"}, "at `$.catalogue`"),
        ({"catalogue": "x" * 65}, "at `$.catalogue`"),
        ({"cursor": "7" * 5000}, "at `$.cursor`"),
        ({"id": "x" * 300}, "at `$.id`"),
        ({"batchsize": 5}, "unknown field `batchsize`"),
        ({"cursor": "[1]", "offset": 5}, "give cursor or offset, not both"),
        ({"action": "load"}, "load needs load and partition"),
        ({"action": "load", "load": LOAD}, "load needs load and partition"),
        ({"action": "end_load"}, "end_load needs load"),
        ({"action": "load", "load": {"loan": 1}, "partition": {"name": "x"}}, "at `$.load.loan`"),
        ({"sample": 5}, "sample goes with verify only"),
        ({"action": "verify", "max_drugs": 5}, "max_drugs goes with sync only"),
        ({"action": "sync", "workers": 5}, "workers goes with begin_load only"),
        ({"detail-type": "x", "detail": "sync"}, "the event's detail is not an object"),
        ({"continuation": {"run": "x"}}, "missing required field `step`"),
    ],
)
def test_a_wrong_event_is_refused_by_its_field(event: Any, message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        read_event(event)


def test_the_steps_of_a_bulk_load_hand_on_what_began_it() -> None:
    partition = {"name": "1 to 50", "low": [1], "high": [50, "x"]}
    event = read_event({"action": "load", "load": LOAD, "partition": partition})
    assert event.load == Load(Loan("t", 3, 960.0), "g2", 9)
    assert event.partition == Partition("1 to 50", (1,), (50, "x"))


@pytest.mark.parametrize(
    ("event", "may"),
    [
        ({}, True),
        ({"continue": True}, True),
        ({"continue": False}, False),
        ({"max_drugs": 5}, False),
        ({"cursor": "[5]"}, False),
        ({"offset": 5}, False),
        ({"dry_run": True}, False),
        ({"action": "reindex"}, True),
    ],
)
def test_who_asks_for_a_part_gets_no_more_than_that(event: dict[str, Any], may: bool) -> None:
    assert read_event(event).may_continue is may


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["action", "catalogue", "batch_size", "max_drugs", "cursor", "offset", "dry_run", "load",
     "partition", "continuation", "detail", "detail-type", "id", "continue", "else"]
)  # fmt: skip


@given(st.dictionaries(NAMES, ANYTHING) | ANYTHING)
def test_whatever_comes_is_read_or_refused(event: Any) -> None:
    try:
        read = read_event(event)
    except QueryError as error:
        assert 0 < len(str(error)) < 1_000
    else:
        assert isinstance(read, SyncEvent)


def test_a_message_does_not_repeat_a_huge_value() -> None:
    with pytest.raises(QueryError) as caught:
        read_event({"action": "x" * 1_000_000})
    assert len(str(caught.value)) < 500
    with pytest.raises(QueryError) as caught:
        read_event(json.loads('{"' + "k" * 100_000 + '": 1}'))
    assert len(str(caught.value)) < 500
