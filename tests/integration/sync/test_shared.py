"""What the workers of a load have in common."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxindex.errors import ErrorBudgetSpent, LeaseLost
from rxindex.index.catalogue import Catalogue
from rxindex.sync.budget import ErrorBudget, Limits
from rxindex.sync.report import SyncReport
from rxindex.sync.shared import SharedBudget, SharedLoad
from rxindex.sync.stop import Stop

WIDE = Limits(total=10**6, in_a_row=10**6, share=1.0, window=10)
numbers = itertools.count(1)


@pytest.fixture
def shared(catalogue: Catalogue) -> SharedLoad:
    load = SharedLoad(catalogue, 7)
    load.begin()
    return load


def worker(shared: SharedLoad, limits: Limits = WIDE) -> tuple[SharedBudget, SyncReport, Stop]:
    report, stop = SyncReport(), Stop()
    return SharedBudget(limits, shared, report, stop), report, stop


def attempt(budget: ErrorBudget, outcomes: str) -> None:
    for place, one in enumerate(outcomes, 1):
        if one == "x":
            budget.failed(f"drug {place} failed")
        else:
            budget.succeeded()


def message(budget: ErrorBudget) -> str:
    try:
        budget.check()
    except ErrorBudgetSpent as error:
        return str(error)
    return ""


batches = st.lists(
    st.tuples(st.integers(0, 2), st.text(alphabet=".x", max_size=6)), min_size=1, max_size=12
)


@settings(max_examples=40)
@given(
    batches=batches,
    limits=st.builds(
        Limits,
        total=st.integers(0, 20),
        in_a_row=st.integers(1, 12),
        share=st.sampled_from([0.0, 0.3, 1.0]),
        window=st.integers(1, 12),
    ),
)
def test_the_budget_of_three_workers_is_spent_when_that_of_one_would_be(
    catalogue: Catalogue, batches: list[tuple[int, str]], limits: Limits
) -> None:
    load = SharedLoad(catalogue, next(numbers))
    load.begin()
    three = [worker(load, limits)[0] for _ in range(3)]
    alone = ErrorBudget(limits)
    for number, outcomes in batches:
        attempt(three[number], outcomes)
        attempt(alone, outcomes)
        assert message(three[number]) == message(alone)


def test_counts_of_all_workers_are_summed_and_each_change_counts_once(shared: SharedLoad) -> None:
    (one, of_one, _), (other, of_other, _) = worker(shared), worker(shared)
    of_one.added, of_one.packages = 3, 9
    one.check()
    of_one.added, of_one.packages = 5, 11
    of_other.added, of_other.unchanged = 1, 4
    one.check()
    other.check()
    one.check()
    counts = shared.counts()
    assert (counts["added"], counts["packages"], counts["unchanged"]) == (6, 11, 4)
    assert counts["failed"] == 0


def test_an_addition_that_is_sent_twice_counts_once(shared: SharedLoad) -> None:
    for _ in range(2):
        standing = shared.add("somebody", 1, {"added": 2}, "101", "no", 10)
    assert (standing.tally.failed, standing.tally.recent) == (2, 3)
    assert shared.counts()["added"] == 2
    assert shared.add("somebody", 2, {"added": 2}, "", "no", 10).tally.failed == 2
    assert shared.add("else", 1, {}, "1", "why", 10).tally.last == "why"
    assert shared.counts()["added"] == 4


def test_a_wish_to_stop_reaches_every_worker_with_the_first_reason(shared: SharedLoad) -> None:
    budget, _, stop = worker(shared)
    budget.check()
    assert (shared.stop_reason(), stop.reason) == ("", "")
    shared.ask_to_stop("one failed")
    shared.ask_to_stop("it was late")
    budget.check()
    assert shared.stop_reason() == stop.reason == "one failed"


def test_a_load_that_has_ended_takes_nothing_and_leaves_nothing(
    shared: SharedLoad, catalogue: Catalogue
) -> None:
    budget, report, _ = worker(shared)
    shared.forget()
    report.added = 1
    with pytest.raises(LeaseLost, match="has ended: begin it anew"):
        budget.check()
    assert shared.stop_reason() == "the load has ended"
    assert not catalogue.client.exists(shared.key)


def test_what_nobody_ends_goes_by_itself(shared: SharedLoad, catalogue: Catalogue) -> None:
    assert 0 < catalogue.client.pttl(shared.key) <= 86_400_000
