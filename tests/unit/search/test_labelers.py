"""Which words name a labeler."""

from __future__ import annotations

import pytest

from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.labelers import LabelerWords

LABELERS = {
    "Teva Pharmaceuticals USA, Inc.": 600, "Teva Parenteral Medicines, Inc.": 60,
    "Mylan Institutional Inc.": 300, "Major Pharmaceuticals": 500, "Rite Aid Corporation": 200,
    "Dr. Reddy's Laboratories Limited": 150, "Unit Dose, Ltd.": 90,
    "Sun Pharmaceutical Industries": 90,
    "Eli Lilly and Company": 70, "Bayer HealthCare LLC.": 150, "Nobody Known LLC": 1,
    "Statin Makers": 300, "A-S Medication Solutions": 900, "!!!": 5,
}  # fmt: skip
NAMES = [
    Name("Bayer Aspirin", "brand", 40, 15, 15, ("aspirin",)),
    Name("Aspirin", "generic", 900, 300, 300, ("aspirin",)),
]
WORDS = LabelerWords(
    Lexicon("g", 20_000, NAMES, {"labelers": LABELERS, "classes": {"Statin": 200}})
)


def named(text: str, introduced: bool = False) -> tuple[str, ...]:
    return WORDS.named(text.split(), introduced)


@pytest.mark.parametrize(
    ("said", "labeler"),
    [
        ("mylan", "Mylan Institutional Inc."),
        ("mylan institutional", "Mylan Institutional Inc."),
        ("major pharma", "Major Pharmaceuticals"),
        ("rite aid", "Rite Aid Corporation"),
        ("dr reddys", "Dr. Reddy's Laboratories Limited"),
        ("dr reddy's labs", "Dr. Reddy's Laboratories Limited"),
        ("sun pharma", "Sun Pharmaceutical Industries"),
        ("lilly", "Eli Lilly and Company"),
        ("bayer healthcare", "Bayer HealthCare LLC."),
    ],
)
def test_a_labeler_is_known_by_how_its_name_begins(said: str, labeler: str) -> None:
    assert named(said) == (labeler,)


def test_all_labelers_that_begin_so_are_meant_the_largest_first() -> None:
    assert named("teva") == ("Teva Pharmaceuticals USA, Inc.", "Teva Parenteral Medicines, Inc.")


@pytest.mark.parametrize(
    "said",
    [
        # Everyday words, parts of names and of classes, and what hardly anything is sold by.
        "major", "sun", "unit dose", "bayer", "statin", "a", "nobody", "nobody known",
        "mylan teva", "", "lisinopril",
    ],
)  # fmt: skip
def test_a_word_that_may_be_something_else_is_not(said: str) -> None:
    assert named(said) == ()


@pytest.mark.parametrize("said", ["major", "bayer", "nobody", "unit dose"])
def test_unless_it_is_introduced_as_one(said: str) -> None:
    assert len(named(said, introduced=True)) == 1
