"""What a query means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.errors import QueryError
from rxindex.search.understand import LONGEST_QUERY, Filters, understand
from rxindex.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("query", "name", "filters"),
    [
        ("lipitor", "lipitor", Filters()),
        ("  lipitor   20MG ", "lipitor", Filters(strengths=("20 mg",))),
        ("atorvastatin 20 mg tablet", "atorvastatin",
         Filters(strengths=("20 mg",), forms=("tablet",))),
        ("lisinopril 10", "lisinopril", Filters(strengths=("10 *",))),
        ("timolol 0.5% drops", "timolol",
         Filters(strengths=("0.5%",), forms=(
             "solution/ drops", "suspension/ drops", "drops", "eye drops", "ear drops"))),
        ("lantus 100 units/ml", "lantus", Filters(strengths=("100 units/mL",))),
        ("vitamin d 50,000 units", "vitamin d", Filters(strengths=("50000 units",))),
        ("levothyroxine .088 mg", "levothyroxine", Filters(strengths=("0.088 mg",))),
        ("oxycodone c-ii generic", "oxycodone", Filters(schedule="CII", kind="generic")),
        ("alprazolam schedule 4", "alprazolam", Filters(schedule="CIV")),
        ("iv vancomycin", "vancomycin", Filters(routes=("intravenous", "injection"))),
        ("tablets", "tablets", Filters()),
        ("mg lisinopril 10 mg", "mg lisinopril", Filters(strengths=("10 mg",))),
        ("albuterol 5 mg/. ml", "albuterol mg/. ml", Filters(strengths=("5 *",))),
        ("albuterol 90 mcg/act", "albuterol", Filters(strengths=("90 mcg/actuation",))),
    ],
)  # fmt: skip
def test_filters_are_taken_out(
    vocabulary: Vocabulary, query: str, name: str, filters: Filters
) -> None:
    understood = understand(query, vocabulary)
    assert understood.name == name
    assert understood.filters == filters


@pytest.mark.parametrize(
    ("query", "kind", "names"),
    [
        ("ASA", "abbreviation", ("aspirin",)),
        ("statins", "class", ("HMG-CoA Reductase Inhibitor",)),
        ("something for high blood pressure", "indication", ("hypertension",)),
        ("Lipitor", "brand", ("atorvastatin",)),
    ],
)
def test_terms_are_recognised(
    vocabulary: Vocabulary, query: str, kind: str, names: tuple[str, ...]
) -> None:
    terms = understand(query, vocabulary).terms
    assert (kind, names) in [(term.kind, term.names) for term in terms]


@pytest.mark.parametrize(
    "query", ["0071-0155-23", "00071-0155-23", "00071015523", "NDC 0071-0155-23"]
)
def test_a_code_is_read_in_every_form(vocabulary: Vocabulary, query: str) -> None:
    assert "00071015523" in understand(query, vocabulary).ndc


def test_ten_bare_digits_have_several_readings(vocabulary: Vocabulary) -> None:
    assert len(understand("0071015523", vocabulary).ndc) == 3


@pytest.mark.parametrize("query", ["", "   ", "x" * (LONGEST_QUERY + 1), "lipitor\udcff"])
def test_no_query_and_too_long_a_query_are_refused(vocabulary: Vocabulary, query: str) -> None:
    with pytest.raises(QueryError):
        understand(query, vocabulary)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=LONGEST_QUERY))
def test_any_other_text_is_understood_somehow(vocabulary: Vocabulary, query: str) -> None:
    if not query.split():
        return
    understood = understand(query, vocabulary)
    assert understood.name or understood.ndc
