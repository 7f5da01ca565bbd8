"""Scores, checked against counting by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.evaluation.answers import DEPTH, Found
from rxindex.search.evaluation.judge import Judged
from rxindex.search.evaluation.judged import Half, Topic
from rxindex.search.evaluation.measure import MEASURES, Evaluation, Scores, evaluate


def topic(key: str, kind: str = "k", half: Half | None = None) -> Topic:
    return Topic(key, kind, f"query {key}", right=(), half=half)


def judged(grades: dict[str, int], *, kind: str = "k") -> Judged:
    return Judged((topic("t", kind),), (), {"t": grades})


def found(*documents: str) -> tuple[Found, ...]:
    return tuple(Found(one, place, f"name of {one}") for place, one in enumerate(documents, 1))


def score(grades: dict[str, int], *documents: str) -> Scores:
    return evaluate(judged(grades), {"t": found(*documents)}).overall


def test_the_first_hit_is_right() -> None:
    assert score({"a": 2, "b": 1}, "a", "b").success_1 == 1
    assert score({"a": 2, "b": 1}, "b", "a").success_1 == 0


def test_the_reciprocal_of_the_first_right_place() -> None:
    assert score({"a": 2, "b": 1}, "b", "x", "a").mrr == pytest.approx(1 / 3)
    assert score({"a": 2, "b": 1}, "b").mrr == 0


def test_recall_is_of_what_is_right() -> None:
    assert score({"a": 2, "b": 2, "c": 1}, "x", "a", "c").recall_20 == 0.5


def test_recall_is_of_twenty_where_more_is_right() -> None:
    many = {f"d{number}": 2 for number in range(40)}
    assert score(many, *list(many)[:DEPTH]).recall_20 == 1
    assert score(many, "x", *list(many)[: DEPTH - 1]).recall_20 == pytest.approx(0.95)


def test_precision_counts_what_is_beside_and_of_what_is_shown() -> None:
    assert score({"a": 2, "b": 1, "c": 0}, "a", "b", "x", "c").precision_10 == 0.5
    assert score({"a": 2}, "a").precision_10 == 1


def test_precision_is_of_the_first_ten_hits_not_documents() -> None:
    run = {"t": (Found("a", 1), Found("x", 11))}
    assert evaluate(judged({"a": 2}), run).overall.precision_10 == 1


def test_gain_is_graded() -> None:
    scores = score({"a": 2, "b": 1}, "b", "a")
    assert scores.ndcg_10 == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))


def test_an_empty_answer_is_a_zero_result_and_scores_nothing() -> None:
    for run in ({"t": ()}, {}):
        scores = evaluate(judged({"a": 2}), run).overall
        assert scores == Scores("all", 1, 0, 0, 0, 0, 0, 1)


def test_grade_one_is_right_where_nothing_has_grade_two() -> None:
    assert score({"a": 1}, "a").success_1 == 1


def test_scores_are_means_by_kind_and_over_all() -> None:
    topics = (topic("a", "brand"), topic("b", "class"), topic("c", "class"))
    grades = {one.id: {"x": 2} for one in topics}
    result = evaluate(Judged(topics, ("gone",), grades), {"a": found("x"), "b": found("x")})
    assert [(row.kind, row.queries) for row in result.kinds] == [("brand", 1), ("class", 2)]
    assert result.score("brand", "success@1") == 1
    assert result.score("class", "success@1") == 0.5
    assert result.score("all", "zero-results") == pytest.approx(1 / 3)
    assert result.score("ndc", "mrr") is None
    assert result.left_out == ("gone",)


def test_a_half_is_measured_alone() -> None:
    topics = (topic("a", half="tuning"), topic("b", half="test"))
    everything = Judged(topics, (), {"a": {"x": 2}, "b": {"x": 2}})
    run = {"a": found("x"), "b": found("y")}
    assert evaluate(everything, run, "tuning").overall.success_1 == 1
    assert evaluate(everything, run, "test").overall.success_1 == 0
    assert evaluate(everything, run).overall.queries == 2


def test_a_half_without_queries_scores_nothing() -> None:
    result = evaluate(judged({"a": 2}), {"t": found("a")}, "test")
    assert (result.overall.queries, result.overall.success_1, result.kinds) == (0, 0, ())


def missed(result: Evaluation) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(one.first, one.missing, one.wrong) for one in result.missed]


def test_a_query_that_missed_something_is_told_with_what() -> None:
    grades = {"a": 2, "b": 2, "c": 1}
    one = judged(grades)
    assert evaluate(one, {"t": found("a", "b", "c")}).missed == ()
    told = evaluate(one, {"t": found("x", "a")})
    assert missed(told) == [("name of x", ("b",), ("name of x",))]
    assert set(told.missed[0].scores) == set(MEASURES)
    assert missed(evaluate(one, {})) == [("", ("a", "b"), ())]


DOCUMENTS = [f"d{number}" for number in range(30)]


@given(
    grades=st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 2), min_size=1).filter(
        lambda one: 2 in one.values()
    ),
    answer=st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=DEPTH),
)
def test_scores_are_what_one_counts_by_hand(grades: dict[str, int], answer: list[str]) -> None:
    scores = score(grades, *answer)
    right = [place for place, one in enumerate(answer, 1) if grades.get(one) == 2]
    fine = [one for one in answer[:10] if grades.get(one, 0) > 0]
    wanted = min(DEPTH, sum(grade == 2 for grade in grades.values()))
    assert scores.success_1 == (right[:1] == [1])
    assert scores.mrr == pytest.approx(1 / right[0] if right else 0)
    assert scores.recall_20 == pytest.approx(len(right) / wanted)
    assert scores.precision_10 == pytest.approx(len(fine) / max(1, len(answer[:10])))
    assert scores.zero_results == (not answer)
    assert 0 <= scores.ndcg_10 <= 1 + 1e-9
