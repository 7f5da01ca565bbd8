"""Ratios against what was recorded: what counts as worse."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from benchmarks.ratios import Better, Ratio, Record, compare, load, met, ratio, save
from hypothesis import given
from hypothesis import strategies as st

positive = st.floats(min_value=1e-3, max_value=1e3)
ways = st.sampled_from(["higher", "lower"])


def recorded(value: float, better: Better) -> dict[str, Record]:
    return {"x": Record(value, better, "2026-01-01T00:00:00+00:00", "a machine")}


@pytest.mark.parametrize(
    ("before", "now", "better", "worse"),
    [
        (1.0, 0.84, "higher", True),
        (1.0, 0.86, "higher", False),
        (1.0, 2.0, "higher", False),
        (2.0, 2.31, "lower", True),
        (2.0, 2.29, "lower", False),
        (2.0, 1.0, "lower", False),
    ],
)
def test_only_a_change_for_the_worse_beyond_the_noise_counts(
    before: float, now: float, better: Better, worse: bool
) -> None:
    found = compare(recorded(before, better), {"x": Ratio("x", now, better)})
    assert bool(found) is worse


@given(value=positive, better=ways)
def test_the_same_figure_is_never_worse(value: float, better: Better) -> None:
    assert compare(recorded(value, better), {"x": Ratio("x", value, better)}, 0.0) == []


@given(before=positive, now=positive, better=ways, tolerance=st.floats(0, 1))
def test_never_are_a_change_and_its_reverse_both_worse(
    before: float, now: float, better: Better, tolerance: float
) -> None:
    there = compare(recorded(before, better), {"x": Ratio("x", now, better)}, tolerance)
    back = compare(recorded(now, better), {"x": Ratio("x", before, better)}, tolerance)
    assert not (there and back)


def test_the_worst_comes_first_and_new_ones_are_no_reason_to_warn() -> None:
    before = {name: Record(1.0, "higher", "2026-01-01", "a machine") for name in ("a", "b", "gone")}
    now = {
        "a": Ratio("a", 0.7, "higher"),
        "b": Ratio("b", 0.5, "higher"),
        "new": Ratio("new", 0.1, "higher"),
    }
    assert [(one.name, round(one.by, 2)) for one in compare(before, now)] == [
        ("b", 0.5),
        ("a", 0.3),
    ]


def test_a_record_of_nothing_is_not_divided_by() -> None:
    assert compare(recorded(0.0, "lower"), {"x": Ratio("x", 1.0, "lower")}) == []


def test_recording_some_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    assert load(path) == {}
    save({"a": Ratio("a", 1.0, "higher"), "b": Ratio("b", 2.0, "lower")}, "one", "m", path)
    save({"b": Ratio("b", 3.0, "lower")}, "two", "m", path)
    assert load(path) == {
        "a": Record(1.0, "higher", "one", "m"),
        "b": Record(3.0, "lower", "two", "m"),
    }


def test_a_part_writes_its_ratios_as_they_are_read() -> None:
    one = msgspec.convert(ratio("a / b", 0.123456, "lower", 2), Ratio)
    assert one == Ratio("a / b", 0.1235, "lower", 2.0)


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (Ratio("x", 0.8, "higher", 0.8), True),
        (Ratio("x", 0.7, "higher", 0.8), False),
        (Ratio("x", 2.0, "lower", 2.0), True),
        (Ratio("x", 2.1, "lower", 2.0), False),
        (Ratio("x", 2.1, "lower"), None),
    ],
)
def test_an_aim_is_met_from_its_own_side(one: Ratio, answer: bool | None) -> None:
    assert met(one) is answer
