from __future__ import annotations

import json

import pytest

from rxindex.aws.continuation import next_link
from rxindex.aws.event import Continuation, SyncEvent, read_event
from rxindex.errors import EmbedderUnavailable, TerminalError
from rxindex.sync.report import SyncReport

STOPPED = SyncReport(stopped="its time was nearly over", next_cursor="[7]", added=5)


def test_a_run_that_is_done_has_no_successor() -> None:
    assert next_link(SyncEvent(), SyncReport(completed=True), "r", 40) is None


def test_a_run_that_ran_out_of_time_goes_on_with_the_same_wishes() -> None:
    event = SyncEvent(catalogue="vet", batch_size=50, allow_deletes=True, full=True)
    link = next_link(event, STOPPED, "r1", 40)
    assert link == {
        "action": "sync", "catalogue": "vet", "batch_size": 50, "full": True, "allow_deletes": True,
        "continuation": {"run": "r1", "step": 1, "cursor": "[7]"},
    }  # fmt: skip


def test_each_link_counts_one_on_and_keeps_the_name_of_the_chain() -> None:
    event, run = SyncEvent(action="reindex"), "first"
    for step in range(1, 6):
        report = SyncReport(stopped="time", next_cursor=f"[{step}]")
        link = next_link(event, report, run, 5)
        assert link is not None
        # As it travels.
        event, run = read_event(json.loads(json.dumps(link))), f"request {step}"
        assert event.action == "reindex"
        assert event.continuation == Continuation("first", step, f"[{step}]")
    with pytest.raises(TerminalError, match="went on 5 times and is not done"):
        next_link(event, SyncReport(stopped="time", next_cursor="[6]"), run, 5)


def test_a_link_that_got_nothing_done_has_no_successor() -> None:
    event = SyncEvent(continuation=Continuation("r", 3, "[7]"))
    with pytest.raises(TerminalError, match=r"got nothing done .* stands at \[7\]"):
        next_link(event, SyncReport(stopped="time", next_cursor="[7]"), "x", 40)
    assert next_link(event, STOPPED, "x", 40) is not None  # the cursor stands, but drugs went in


def test_what_was_held_for_a_person_is_not_tried_again() -> None:
    held = SyncReport(delete_held=5_000)
    assert next_link(SyncEvent(), held, "r", 40) is None


def test_drugs_that_wait_for_their_vector_are_tried_again() -> None:
    throttled = SyncReport(deferred=3, embedding_calls=100)
    assert next_link(SyncEvent(), throttled, "r", 40) is not None
    with pytest.raises(EmbedderUnavailable, match="took not one text"):
        next_link(SyncEvent(), SyncReport(deferred=3), "r", 40)


@pytest.mark.parametrize(
    "event",
    [SyncEvent(continues=False), SyncEvent(max_drugs=5), SyncEvent(cursor="[1]")],
    ids=["told not to", "so many", "from here"],
)
def test_who_asked_for_one_invocation_gets_one(event: SyncEvent) -> None:
    assert next_link(event, STOPPED, "r", 40) is None
