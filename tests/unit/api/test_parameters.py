"""What comes over HTTP is what the search understands, field by field."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rxindex.api.parameters import SearchBody, SearchParameters
from rxindex.search.request import LONGEST_QUERY, MOST_HITS, MOST_OFFSET, MOST_VALUES, SearchRequest

FIELDS = {one.encode_name: one for one in msgspec.structs.fields(SearchRequest)}
FILTERS = sorted(name for name, one in FIELDS.items() if one.default == ())


def test_every_field_of_a_search_is_a_parameter_with_the_same_default() -> None:
    names = {one.alias or name: one for name, one in SearchParameters.model_fields.items()}
    assert set(names) == set(FIELDS)
    for name, one in names.items():
        assert one.description
        if not one.is_required():
            assert tuple(one.default) == () if one.default == [] else one.default == (
                FIELDS[name].default
            )  # fmt: skip


def test_what_was_not_given_is_what_the_search_takes_for_it() -> None:
    assert SearchParameters(q="lipitor").request() == SearchRequest("lipitor")


TEXT = st.characters(codec="utf-8")
VALUES = st.lists(st.text(TEXT, min_size=1, max_size=20), max_size=MOST_VALUES)
OPTIONAL: dict[str, st.SearchStrategy[object]] = {
    "limit": st.integers(1, MOST_HITS),
    "offset": st.integers(0, MOST_OFFSET),
    **dict.fromkeys(("exact", "facets", "group", "active"), st.booleans()),
    **dict.fromkeys(FILTERS, VALUES),
}


@given(st.text(TEXT, min_size=1, max_size=LONGEST_QUERY),
       st.fixed_dictionaries({}, optional=OPTIONAL))  # fmt: skip
def test_a_body_is_read_as_the_struct_itself_would_be(q: str, cut: dict[str, object]) -> None:
    body = {"q": q} | cut
    assert SearchBody.model_validate(body).request() == msgspec.convert(body, SearchRequest)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"q": ""},
        {"q": "x" * (LONGEST_QUERY + 1)},
        {"q": "a", "limit": 0},
        {"q": "a", "limit": MOST_HITS + 1},
        {"q": "a", "offset": -1},
        {"q": "a", "form": ["x"] * (MOST_VALUES + 1)},
        {"q": "a", "form": [""]},
        {"q": "a", "class_": ["statin"]},
        {"q": "a", "colour": "red"},
    ],
)
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, object]) -> None:
    for model in (SearchParameters, SearchBody):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_a_query_string_is_text_and_a_body_has_types() -> None:
    assert SearchParameters.model_validate({"q": "a", "limit": "5", "exact": "true"}).limit == 5
    for wrong in ({"limit": "5"}, {"exact": "true"}, {"form": "TABLET"}, {"limit": 5.0}):
        with pytest.raises(ValidationError):
            SearchBody.model_validate({"q": "a"} | wrong)
