"""What counts as found."""

from __future__ import annotations

from rxindex.errors import QueryError
from rxindex.model import Drug
from rxindex.search.answer import Answer, Hit, Understanding
from rxindex.search.evaluation.answers import DEPTH, ask
from rxindex.search.evaluation.judge import Judged, judge
from rxindex.search.evaluation.judged import Judgement, Topic, Unit
from rxindex.search.hits import drug_hit
from rxindex.search.request import SearchRequest
from rxindex.vocabulary import Vocabulary

EYE = Drug(id="1", name="drops", ingredients=("timolol",), routes=("ophthalmic",))
EYE_TOO = Drug(id="2", name="gel", ingredients=("timolol",), routes=("ophthalmic",))
ORAL = Drug(id="3", name="tablet", ingredients=("timolol",), routes=("oral",))
OTHER = Drug(id="4", name="other", ingredients=("ethinyl estradiol", "norethindrone"))


def judged(unit: Unit) -> Judged:
    right = Judgement(ingredients="timolol", route="ophthalmic")
    return judge([Topic("t", "k", "eye", right=(right,), unit=unit)], [EYE, EYE_TOO, ORAL, OTHER])


class Search:
    """Answers with these drugs, and keeps what was asked."""

    def __init__(self, vocabulary: Vocabulary, *drugs: Drug) -> None:
        self.hits: tuple[Hit, ...] = tuple(drug_hit(drug, vocabulary) for drug in drugs)
        self.asked: list[SearchRequest] = []

    def __call__(self, asked: SearchRequest) -> Answer:
        self.asked.append(asked)
        return Answer(asked.q, Understanding(), self.hits)


def test_the_query_is_asked_as_it_is(vocabulary: Vocabulary) -> None:
    search = Search(vocabulary)
    assert ask(search, judged("drug")) == {"t": ()}
    assert search.asked == [SearchRequest(q="eye", limit=DEPTH)]


def test_each_drug_is_found_where_it_stands(vocabulary: Vocabulary) -> None:
    run = ask(Search(vocabulary, OTHER, EYE, ORAL), judged("drug"))
    found = [(one.document, one.place, one.name) for one in run["t"]]
    assert found == [("4", 1, "other"), ("1", 2, "drops"), ("3", 3, "tablet")]


def test_a_set_of_ingredients_is_found_where_its_first_drug_stands(vocabulary: Vocabulary) -> None:
    run = ask(Search(vocabulary, OTHER, EYE, EYE_TOO, OTHER), judged("ingredients"))
    assert [(one.document, one.place) for one in run["t"]] == [
        ("other:ethinyl_estradiol+norethindrone", 1),
        ("timolol", 2),
    ]


def test_the_same_ingredients_by_another_route_are_another_document(
    vocabulary: Vocabulary,
) -> None:
    run = ask(Search(vocabulary, ORAL, EYE), judged("ingredients"))
    assert [one.document for one in run["t"]] == ["other:timolol", "timolol"]


def test_a_query_that_is_refused_finds_nothing() -> None:
    def refuse(asked: SearchRequest) -> Answer:
        raise QueryError("no")

    assert ask(refuse, judged("drug")) == {"t": ()}
