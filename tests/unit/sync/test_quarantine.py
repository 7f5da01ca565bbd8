"""How long a drug in quarantine is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rxindex.sync.quarantine import retry_delay

DAY = 86_400.0


def test_the_next_nightly_run_makes_the_second_attempt_and_then_every_second_one() -> None:
    assert [retry_delay(n) / 3600 for n in (1, 2, 3, 4)] == [20, 40, 80, 160]


@given(st.integers(0, 1000))
def test_the_delay_grows_and_ends_at_two_weeks(attempts: int) -> None:
    assert 0 < retry_delay(attempts) <= retry_delay(attempts + 1) <= 14 * DAY
    assert retry_delay(10 + attempts) == 14 * DAY


def test_a_drug_that_never_failed_is_treated_like_one_that_failed_once() -> None:
    assert retry_delay(0) == retry_delay(1)
