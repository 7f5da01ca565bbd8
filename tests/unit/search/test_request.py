"""What may be asked for."""

from __future__ import annotations

import msgspec
import pytest

from rxindex.errors import QueryError
from rxindex.search.request import FILTERS, MOST_HITS, MOST_OFFSET, MOST_VALUES, SearchRequest


@pytest.mark.parametrize("limit", [0, -1, MOST_HITS + 1])
def test_a_limit_has_bounds(limit: int) -> None:
    with pytest.raises(QueryError, match=f"1 to {MOST_HITS}"):
        SearchRequest("lipitor", limit=limit).check()


@pytest.mark.parametrize("offset", [-1, MOST_OFFSET + 1])
def test_an_offset_has_bounds(offset: int) -> None:
    with pytest.raises(QueryError, match=f"0 to {MOST_OFFSET}"):
        SearchRequest("lipitor", offset=offset).check()


@pytest.mark.parametrize("name", [*FILTERS, "composition"])
@pytest.mark.parametrize(
    "values", [("",), (" ",), ("x" * 301,), ("a\nb",), ("x",) * (MOST_VALUES + 1)]
)
def test_a_filter_has_bounds_and_its_message_names_it(name: str, values: tuple[str, ...]) -> None:
    request = msgspec.structs.replace(SearchRequest("lipitor"), **{name: values})
    with pytest.raises(QueryError, match=name.rstrip("_")):
        request.check()


def test_json_has_the_field_class_and_refuses_others() -> None:
    body = b'{"q": "opioid", "class": ["Opioid Agonist"], "exact": true}'
    request = msgspec.json.decode(body, type=SearchRequest)
    request.check()
    assert request.class_ == ("Opioid Agonist",)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"q": "x", "clas": []}', type=SearchRequest)
