"""The chart of scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.errors import ConfigurationError
from rxindex.search.evaluation.measure import Evaluation, Scores
from rxindex.search.evaluation.plot import plot


def evaluation(half: object, share: float) -> Evaluation:
    rows = tuple(Scores(kind, 3, *[share] * 6) for kind in ("brand", "class"))
    return Evaluation(half, Scores("all", 6, *[share] * 6), rows)  # type: ignore[arg-type]


def test_a_chart_names_kinds_measures_halves_and_values(tmp_path: Path) -> None:
    plot([evaluation("test", 0.75), evaluation("tuning", 0.5)], tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text()
    for word in ("brand", "class", "recall@20", "precision@10", "test", "tuning", ">75<", ">50<"):
        assert word in text


def test_the_same_scores_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot([evaluation(None, 1)], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_other_formats_go_by_the_suffix(tmp_path: Path) -> None:
    plot([evaluation(None, 1)], tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["chart.odd", "nowhere/chart.svg"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="chart"):
        plot([evaluation(None, 1)], tmp_path / name)
