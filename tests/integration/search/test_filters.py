"""On a real server each value finds its drugs and no others, and no text breaks a query."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.escape import tag_in, words
from rxindex.index.generation import Generation
from rxindex.index.lexicon import Lexicon, gather_lexicon
from rxindex.index.schema import IndexSettings
from rxindex.search.filters import FilterReader, Filters
from rxindex.search.request import SearchRequest

ODD = st.text(
    alphabet=st.one_of(
        st.sampled_from("|{}@*()\"'\\$%~-[]:=<>!&^#+/_,. aB1é"),
        st.characters(exclude_categories=["C", "Z"], exclude_characters=";"),
    ),
    min_size=1,
    max_size=20,
).map(lambda text: " ".join(text.split())).filter(bool)  # fmt: skip
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def odd_values(
    redis_server: EmbeddedRedis, capabilities: Capabilities
) -> Iterator[tuple[Catalogue, Generation]]:
    """A catalogue to which tests add drugs with odd values."""
    catalogue = Catalogue(redis_server.start(), f"odd{next(_numbers)}")
    generation = catalogue.create("fake", 2, IndexSettings(), capabilities, texts=1)
    catalogue.point_alias(generation.name)
    yield catalogue, generation
    command(catalogue.client, "FT.DROPINDEX", catalogue.index(generation.name), "DD")


def find(catalogue: Catalogue, clause: str) -> set[str]:
    reply = command(
        catalogue.client, "FT.SEARCH", catalogue.alias, clause, "NOCONTENT", "LIMIT", 0, 1000,
        "DIALECT", 2,
    )  # fmt: skip
    assert reply[0] == len(reply) - 1
    return {key.decode().rpartition(":")[2] for key in reply[1:]}


@settings(max_examples=400)
@given(ODD)
@example("a|b")
@example("{x}")
@example("*")
@example("\\")
@example("@form:{tablet}")
@example("$value")
@example("a\\")
@example("-tablet")
def test_a_value_finds_the_drugs_that_have_it_and_no_others(
    odd_values: tuple[Catalogue, Generation], value: str
) -> None:
    catalogue, generation = odd_values
    prefix = catalogue.prefix(generation.name)
    mine, other = f"{prefix}mine", f"{prefix}other"
    catalogue.client.hset(mine, mapping={"form": value, "labelers": f"first;{value};last"})
    # What a value would let through if it were read as a pattern, or as several values.
    catalogue.client.hset(other, mapping={"form": f"{value}x", "labelers": f"x{value};b"})
    filters = Filters(forms=((value,),), labelers=((value,),))
    assert find(catalogue, filters.clause()) == {mine.rpartition(":")[2]}
    assert find(catalogue, tag_in("form", [value, "tablet"])) == {mine.rpartition(":")[2]}


FAMILIAR = st.sampled_from([
    "lisinopril", "20", "mg", "10-325", "20 mg", "xr", "tab", "cream", "iv", "#30", "cii", "acme",
    "by acme", "generic", "0.5%", "eye drops", "(", ")", "|", "-", "@", "{", "}", "*", "controlled",
    "not obsolete", "~", '"', "'", "\\", "%", "$x", "=>", ":", "[1 2]",
])  # fmt: skip
QUERIES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(FAMILIAR, max_size=8).map(" ".join),
)


@pytest.fixture(scope="module")
def lexicon(shelf: Catalogue) -> Lexicon:
    return gather_lexicon(shelf, shelf.require_live())


@pytest.fixture(scope="module")
def reader(lexicon: Lexicon) -> FilterReader:
    return FilterReader(lexicon)


@settings(max_examples=400)
@given(QUERIES)
def test_no_query_breaks_its_clause_or_widens_the_answer(
    shelf: Catalogue, reader: FilterReader, query: str
) -> None:
    taken = reader.read(query)
    everything = find(shelf, "*")
    narrowed = find(shelf, taken.filters.clause() or "*")
    assert narrowed <= everything
    if terms := words(taken.rest, prefix=True):
        named = find(shelf, f"@name|brand|generic:({terms})")
        both = find(shelf, f"@name|brand|generic:({terms}) {taken.filters.clause()}")
        assert both == named & narrowed


@given(st.text(min_size=1, max_size=20))
def test_no_value_of_a_request_breaks_its_clause(
    shelf: Catalogue, reader: FilterReader, value: str
) -> None:
    request = SearchRequest("x", form=(value,), labeler=(value, "acme pharma"), strength=(value,))
    # Nothing is a form and a strength.
    assert find(shelf, reader.of_request(request).clause()) == set()


def test_every_value_of_the_catalogue_is_a_filter_that_finds_its_drugs(
    shelf: Catalogue, reader: FilterReader, lexicon: Lexicon
) -> None:
    for facet, values in (
        ("form", lexicon.forms), ("route", lexicon.routes), ("class", lexicon.classes),
        ("schedule", lexicon.schedules), ("kind", lexicon.kinds), ("labeler", lexicon.labelers),
        ("strength", lexicon.strengths),
    ):  # fmt: skip
        assert values, facet
        for value, drugs in values.items():
            request = msgspec.convert({"q": "x", facet: [value.upper()]}, SearchRequest)
            assert len(find(shelf, reader.of_request(request).clause())) == drugs, value


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("atorvastatin 0.02 g tab", {"ATORVASTATIN 20 MG TABLET", "LIPITOR 20 MG TABLET"}),
        ("atorvastatin 20 brand", {"LIPITOR 20 MG TABLET"}),
        ("timolol 5 mg/ml eye drops", {"TIMOLOL 0.5% EYE DROPS"}),
        ("timolol .5% ophthalmic", {"TIMOLOL 0.5% EYE DROPS"}),
        ("vancomycin 1000mg vial", {"VANCOMYCIN 1 GM VIAL"}),
        ("vancomycin iv", {"VANCOMYCIN 1 GM VIAL"}),
        ("albuterol hfa 90 mcg/act", {"ALBUTEROL 90 MCG INHALER"}),
        ("oxycodone cii cap", {"OXYCODONE 10 MG CAPSULE"}),
        ("hydrocortisone 10 mg/g cream", {"HYDROCORTISONE 1% CREAM"}),
        ("metformin not obsolete", {"METFORMIN 500 MG TABLET"}),
        ("nystatin 100000 units/g", {"NYSTATIN 100,000 UNITS/GM CREAM"}),
        ("lisinopril by acme 20", {"LISINOPRIL 20 MG TABLET"}),
        ("lisinopril 77 mg", set()),
        ("lisinopril cream", set()),
    ],
)
def test_a_prescribers_words_find_the_right_drugs(
    shelf: Catalogue, reader: FilterReader, query: str, label: set[str]
) -> None:
    taken = reader.read(query)
    name = words(taken.rest)
    found = find(shelf, f"@name|brand|generic|synonyms:({name}) {taken.filters.clause()}")
    prefix = shelf.prefix(shelf.require_live().name)
    names = {shelf.client.hget(f"{prefix}{key}", "name") for key in found}
    assert {one.decode() for one in names if isinstance(one, bytes)} == label


def test_filters_that_both_have_to_hold_let_through_what_both_do(
    shelf: Catalogue, reader: FilterReader
) -> None:
    tablets = reader.read("tablet").filters
    brands = reader.of_request(SearchRequest("x", kind=("brand",)))
    both = find(shelf, tablets.with_(brands).clause())
    assert both == find(shelf, tablets.clause()) & find(shelf, brands.clause())
    assert both
    nothing = find(shelf, tablets.with_(Filters(forms=((),))).clause())
    assert nothing == set()
