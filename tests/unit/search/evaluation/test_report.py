"""The table of scores in the docs."""

from __future__ import annotations

import pytest
from scripts.evaluation.report import table, with_table

from rxindex.search.evaluation.measure import MEASURES, Evaluation, Scores


def test_a_table_has_both_halves_kind_by_kind() -> None:
    test = Evaluation("test", Scores("all", 2, *[0.5] * 6), (Scores("brand", 2, *[0.5] * 6),))
    tuning = Evaluation("tuning", Scores("all", 3, *[1.0] * 6), (Scores("brand", 3, *[1.0] * 6),))
    head, rule, brand, overall = table(test, tuning).splitlines()
    assert head == f"| kind | queries | {' | '.join(MEASURES)} |"
    assert rule.count("|") == head.count("|")
    assert brand == "| brand | 2 / 3 |" + " 50.0 / 100.0 |" * len(MEASURES)
    assert overall == "| all | 2 / 3 |" + " 50.0 / 100.0 |" * len(MEASURES)


def test_a_table_takes_the_place_of_the_one_before() -> None:
    page = "a\n<!-- scores: begin -->\nold\n<!-- scores: end -->\nb\n"
    once = with_table(page, "new\n")
    assert once == page.replace("old", "new")
    assert with_table(once, "newer\n") == page.replace("old", "newer")


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_table("no markers", "new\n")
