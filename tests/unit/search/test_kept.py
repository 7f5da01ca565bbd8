"""Answers that are kept."""

from __future__ import annotations

from rxindex.search.answer import Answer, Understanding
from rxindex.search.kept import Kept
from rxindex.search.request import SearchRequest


def answer(query: str) -> Answer:
    return Answer(query, Understanding(), ())


def test_the_same_question_has_the_same_answer_until_the_index_changes() -> None:
    recent = Kept[SearchRequest, Answer](2000)
    asked, kept = SearchRequest("lipitor"), answer("lipitor")
    recent.keep(asked, (1, 2), kept)
    assert recent.get(SearchRequest("lipitor"), (1, 2)) is kept
    assert recent.get(SearchRequest("lipitor", limit=3), (1, 2)) is None
    assert recent.get(asked, (1, 3)) is None


def test_an_answer_from_another_state_drives_out_the_old_ones() -> None:
    recent = Kept[SearchRequest, Answer](2000)
    recent.keep(SearchRequest("a"), 1, answer("a"))
    recent.keep(SearchRequest("b"), 2, answer("b"))
    assert recent.get(SearchRequest("a"), 2) is None
    assert recent.get(SearchRequest("a"), 1) is None


def test_the_answers_that_were_asked_for_longest_ago_go_first() -> None:
    recent = Kept[SearchRequest, Answer](2000)
    for number in range(2001):
        recent.keep(SearchRequest(str(number)), 1, answer(str(number)))
        recent.get(SearchRequest("0"), 1)
    assert recent.get(SearchRequest("0"), 1) is not None
    assert recent.get(SearchRequest("1"), 1) is None
