"""Pack sizes."""

from __future__ import annotations

import pytest

from rxindex.search.sizes import counts_units, find_sizes, size_text
from rxindex.search.strengths import Quantity


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("#30", "30"), ("# 90", "90"), ("30 ct", "30"), ("30ct", "30"), ("100 count", "100"),
        ("100-count", "100"), ("box of 30", "30"), ("bottle of 1000", "1000"), ("qty 90", "90"),
        ("quantity: 90", "90"), ("quantity of 90", "90"), ("dispense #60", "60"), ("30s", "30"),
        ("30's", "30"), ("6-pack", "6"),
    ],
)  # fmt: skip
def test_a_size_that_says_so_is_one(text: str, size: str) -> None:
    (found,) = find_sizes(text)
    assert (found.start, found.end, found.size) == (0, len(text), size)


@pytest.mark.parametrize(
    "text", ["#3", "30", "30 mg", "bottle 30", "qty 5 mg", "0.30s", "box of 30 mg", "#30-500"]
)
def test_any_other_number_is_none(text: str) -> None:
    assert not list(find_sizes(text))


def test_what_is_counted_stands_behind_the_number() -> None:
    assert counts_units("90 tablets", 2)
    assert not counts_units("90 tablet", 2)


def test_a_size_is_written_as_packages_show_it() -> None:
    assert size_text(Quantity(10, "mL", 10.0)) == "10 mL"
    assert size_text(Quantity(1, "mL", 1000.0)) == "1000 mL"
    assert size_text(Quantity(90)) == "90"
