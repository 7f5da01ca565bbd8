"""Searches for MedicationKnowledge, read."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from hypothesis import given
from hypothesis import strategies as st

from rxindex.api.fhir.exchange import Asked
from rxindex.api.fhir.search_parameters import SEARCH_PARAMETERS, Search, Token, read_search
from rxindex.errors import QueryError
from rxindex.search.request import SearchRequest


def read(*values: tuple[str, str], strict: bool = False) -> Search:
    return read_search(Asked(values, strict=strict))


def refused(*values: tuple[str, str], strict: bool = False) -> tuple[int, str]:
    with pytest.raises(HTTPException) as caught:
        read(*values, strict=strict)
    detail: object = caught.value.detail
    assert isinstance(detail, dict)
    return caught.value.status_code, detail["issue"][0]["code"]


@pytest.mark.parametrize("name", ["_content", "code:text"])
def test_words_are_searched_for_as_they_are_typed(name: str) -> None:
    found = read((name, "lipitor 20 mg, tablet"))
    assert found.request == SearchRequest("lipitor 20 mg, tablet")
    assert found.count == 10


def test_words_and_filters_hold_together() -> None:
    found = read(
        ("_content", "statin"),
        ("ingredient-code", "atorvastatin,simvastatin"),
        ("doseform:text", r"tablet\, film coated"),
        ("classification", "|statin"),
        ("status", "active"),
        ("_count", "3"),
        ("_offset", "6"),
    )
    assert found.request == SearchRequest(
        "statin", 3, 6,
        ingredient=("atorvastatin", "simvastatin"),
        form=("tablet, film coated",),
        class_=("statin",),
        active=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "field"),
    [("ingredient-code", "ingredient"), ("classification", "class_"), ("doseform", "form")],
)
def test_values_alone_are_a_search_without_words(name: str, field: str) -> None:
    request = read((name, "a,b")).request
    assert request.q == ""
    assert getattr(request, field) == ("a", "b")


def test_codes_are_read_with_their_systems() -> None:
    found = read(("code", r"a,http://hl7.org/fhir/sid/ndc|0071-0155-23,|b\|c,d\,e\\"))
    assert found.codes == (
        Token("a"),
        Token("0071-0155-23", "http://hl7.org/fhir/sid/ndc"),
        Token("b|c", ""),
        Token("d,e\\"),
    )
    assert read(("_id", "a,b")).ids == ("a", "b")


def test_a_value_of_a_code_system_is_no_word_of_the_catalogue() -> None:
    found = read(("_content", "x"), ("doseform", "http://snomed.info/sct|385055001"))
    assert found.request.form == ("http://snomed.info/sct|385055001",)


@pytest.mark.parametrize(
    ("status", "active"),
    [("active", True), ("active,inactive", False), ("http://x|active", True)],
)
def test_obsolete_drugs_are_left_out_on_wish(status: str, active: bool) -> None:
    assert read(("_content", "x"), ("status", status)).request.active is active


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ([], (422, "too-costly")),
        ([("status", "active")], (422, "too-costly")),
        ([("_content", "x"), ("status", "inactive")], (400, "not-supported")),
        ([("_content", "x"), ("status", "gone")], (400, "code-invalid")),
        ([("_content", "x"), ("code:text", "y")], (400, "not-supported")),
        ([("_content", "x"), ("_id", "a")], (400, "not-supported")),
        ([("_content:exact", "x")], (400, "not-supported")),
        ([("code:not", "x")], (400, "not-supported")),
        ([("ingredient-code", "a"), ("ingredient-code", "b")], (400, "not-supported")),
        ([("code", ",".join("a" * 101))], (422, "too-costly")),
        ([("_content", "x"), ("_count", "many")], (400, "value")),
        ([("_content", "x"), ("_count", "-1")], (400, "value")),
        ([("_content", "x"), ("_count", "1"), ("_count", "2")], (400, "invalid")),
        ([("_content", "x"), ("_count", "9" * 5000)], (400, "value")),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    values: list[tuple[str, str]], answer: tuple[int, str]
) -> None:
    assert refused(*values) == answer


def test_a_place_that_nobody_turns_to_is_refused() -> None:
    with pytest.raises(QueryError, match="offset"):
        read(("_content", "x"), ("_offset", "901"))


def test_an_unknown_parameter_is_left_out_unless_that_is_not_wished() -> None:
    assert read(("_content", "x"), ("colour", "red")).used == (("_content", "x"),)
    assert refused(("_content", "x"), ("colour", "red"), strict=True) == (400, "not-supported")
    assert read(("_content", "x"), ("_count", "5"), strict=True).count == 5


def test_no_more_is_given_than_an_answer_holds() -> None:
    assert read(("_content", "x"), ("_count", "5000")).count == 100


def test_how_many_there_are_can_be_asked_alone() -> None:
    found = read(("_content", "x"), ("_count", "0"))
    assert (found.count, found.request.limit) == (0, 1)


names = st.sampled_from(
    [f"{one.name}{rest}" for one in SEARCH_PARAMETERS for rest in ("", ":text", ":")]
    + ["_count", "_offset", "x"]
)


@given(st.lists(st.tuples(names, st.text(min_size=1)), max_size=4), st.booleans())
def test_any_parameters_are_read_or_refused(values: list[tuple[str, str]], strict: bool) -> None:
    try:
        found = read(*values, strict=strict)
    except HTTPException as error:
        assert 400 <= error.status_code < 500
    except QueryError:
        pass
    else:
        assert set(found.used) <= set(values)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_alternatives_that_are_escaped_are_read_as_they_were(codes: list[str]) -> None:
    def escape(text: str) -> str:
        return "".join(f"\\{one}" if one in "\\,|$" else one for one in text)

    found = read(("code", ",".join(map(escape, codes))))
    assert found.codes == tuple(map(Token, codes))
