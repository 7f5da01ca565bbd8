"""How many failures a run may have, limit by limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.errors import ErrorBudgetSpent
from rxindex.sync.budget import ErrorBudget, Limits

#: None of these stops a run of the lengths that are tested here.
WIDE = {"total": 10**6, "in_a_row": 10**6, "share": 1.0, "window": 10**6}


def limits(**given: float) -> Limits:
    return Limits(**(WIDE | given))  # type: ignore[arg-type]


def spent(budget: ErrorBudget, outcomes: str) -> int | None:
    """Let drugs succeed (``.``) and fail (``x``); tell which of them spent the budget."""
    for place, outcome in enumerate(outcomes, 1):
        if outcome == "x":
            budget.failed(f"drug {place} failed")
        else:
            budget.succeeded()
        try:
            budget.check()
        except ErrorBudgetSpent:
            return place
    return None


@pytest.mark.parametrize(
    ("outcomes", "place"), [("xxx", None), ("xxxx", 4), ("x.x.x.x", 7), ("x.x.x.", None)]
)
def test_the_total_may_be_reached_but_not_passed(outcomes: str, place: int | None) -> None:
    assert spent(ErrorBudget(limits(total=3)), outcomes) == place


def test_a_total_of_none_allows_no_failure() -> None:
    assert spent(ErrorBudget(limits(total=0)), "..x") == 3


@pytest.mark.parametrize(
    ("outcomes", "place"), [("xx", None), ("xxx", 3), ("xx.xx.xx", None), ("xx.xxx", 6)]
)
def test_a_success_ends_a_row(outcomes: str, place: int | None) -> None:
    assert spent(ErrorBudget(limits(in_a_row=3)), outcomes) == place


@pytest.mark.parametrize(
    ("outcomes", "place"),
    [
        ("xxx", None),  # not as many attempts yet as the window has
        ("x...", None),
        ("xx..", None),  # just the share
        ("xxx.", 4),
        ("x.x.x.x.", None),
        ("....xxx", 7),
        ("xx......", None),  # old ones are forgotten
    ],
)
def test_the_share_counts_in_a_full_window(outcomes: str, place: int | None) -> None:
    assert spent(ErrorBudget(limits(share=0.5, window=4)), outcomes) == place


def test_the_message_says_which_limit_and_the_last_reason() -> None:
    budget = ErrorBudget(limits(in_a_row=2))
    budget.failed("'ASPIRIN': no")
    budget.check()
    budget.failed("'WARFARIN': no, thanks")
    with pytest.raises(ErrorBudgetSpent, match=r"2 drugs in a row failed.*WARFARIN.*no, thanks"):
        budget.check()


@given(st.text("x.", max_size=300))
def test_no_limit_hits_a_run_that_keeps_within_all(outcomes: str) -> None:
    failed = outcomes.count("x")
    row = max((len(part) for part in outcomes.split(".")), default=0)
    exact = limits(total=failed, in_a_row=row + 1)
    assert spent(ErrorBudget(exact), outcomes) is None
    if failed:
        last = outcomes.rindex("x") + 1
        assert spent(ErrorBudget(limits(total=failed - 1)), outcomes) == last


def test_the_defaults_are_those_of_the_settings() -> None:
    from rxindex.config import load_settings

    settings = load_settings()
    assert Limits() == Limits(
        total=settings.most_failures,
        in_a_row=settings.most_failures_in_a_row,
        share=settings.most_failure_share,
        window=settings.failure_window,
    )
