"""From the words of a query, and from a request, to what narrows the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.filters import FilterReader, Filters, Taken
from rxindex.search.request import SearchRequest

VALUES = {
    "strength": {
        "20 mg": 50, "0.02 g": 1, "10 mg": 80, "325 mg": 40, "250 mg/5 mL": 9, "0.05 g/mL": 2,
        "5 mg/mL": 20, "100 units/mL": 8, "0.5 mg/g": 7, "50 mg": 60, "875 mg": 5, "125 mg": 6,
        "1000 mg": 30, "400 mg/5 mL": 9, "90 mg": 3, "30C": 3, "50 mcg": 12, "1 mg/g": 9,
    },
    "form": {
        "tablet": 90, "tablet, film coated": 50, "tablet, extended release": 30,
        "capsule, extended release": 20, "capsule": 40, "injection, solution": 60, "cream": 20,
        "ointment": 10, "solution/ drops": 9, "solution": 25, "suspension": 11,
        "aerosol, metered": 5, "powder, for suspension": 9,
    },
    "routes": {
        "oral": 90, "intravenous": 30, "subcutaneous": 20, "ophthalmic": 9, "topical": 30,
        "respiratory (inhalation)": 5, "nasal": 4,
    },
    "labelers": {
        "Teva Pharmaceuticals USA, Inc.": 60, "Mylan Inc.": 20, "Major Pharmaceuticals": 9,
    },
    "classes": {"HMG-CoA Reductase Inhibitor": 9, "statin": 9},
    "schedule": {"CII": 9, "CIV": 5},
    "kind": {"brand": 30, "generic": 90},
}  # fmt: skip
NAMES = [Name("Lisinopril", "ingredient", 10, 3, 3, ("lisinopril",))]
READER = FilterReader(Lexicon("g", 200, NAMES, VALUES))
TABLETS = ("tablet", "tablet, film coated", "tablet, extended release")


def rest(taken: Taken) -> str:
    return " ".join(taken.rest.split())


@pytest.mark.parametrize(
    ("query", "left", "filters"),
    [
        ("lipitor", "lipitor", Filters()),
        ("atorvastatin 20MG tablet", "atorvastatin",
         Filters(strengths=(("20 mg", "0.02 g"),), forms=(TABLETS,), said=("20MG", "tablet"))),
        ("norco 10-325", "norco",
         Filters(strengths=(("10 mg",), ("325 mg",)), said=("10-325",))),
        ("amoxicillin 250mg/5ml susp", "amoxicillin",
         Filters(strengths=(("250 mg/5 mL", "0.05 g/mL"),),
                 forms=(("suspension", "powder, for suspension"),), said=("250mg/5ml", "susp"))),
        ("timolol 0.5% eye drops", "timolol",
         Filters(strengths=(("5 mg/mL",),),
                 forms=(("solution", "suspension", "powder, for suspension", "solution/ drops"),),
                 routes=(("ophthalmic",),), said=("0.5%", "eye drops"))),
        ("metoprolol xr 50", "metoprolol",
         Filters(strengths=(("50 mg", "50 mcg", "0.05 g/mL"),),
                 forms=(("tablet, extended release", "capsule, extended release"),),
                 said=("xr", "50"))),
        ("teva lisinopril", "lisinopril",
         Filters(labelers=(("Teva Pharmaceuticals USA, Inc.",),), said=("teva",))),
        ("lisinopril by major", "lisinopril",
         Filters(labelers=(("Major Pharmaceuticals",),), said=("by major",))),
        ("oxycodone c-ii generics only", "oxycodone",
         Filters(schedules=(("CII",),), kinds=(("generic",),), said=("c-ii", "generics only"))),
        ("alprazolam schedule iv", "alprazolam",
         Filters(schedules=(("CIV",),), said=("schedule iv",))),
        ("cii/civ drugs", "/ drugs", Filters(schedules=(("CII", "CIV"),), said=("cii", "civ"))),
        ("controlled substances", "",
         Filters(schedules=(("CII", "CIV"),), said=("controlled substances",))),
        ("aspirin not obsolete", "aspirin", Filters(active=True, said=("not obsolete",))),
        ("prednisone by mouth", "prednisone", Filters(routes=(("oral",),), said=("by mouth",))),
        ("iv or subq heparin", "or heparin",
         Filters(routes=(("intravenous", "subcutaneous"),), said=("iv", "subq"))),
    ],
)  # fmt: skip
def test_filters_are_taken_out_of_a_query(query: str, left: str, filters: Filters) -> None:
    taken = READER.read(query)
    assert rest(taken) == left
    assert taken.filters == filters


@pytest.mark.parametrize(
    ("query", "left", "sizes", "strengths"),
    [
        ("atorvastatin #30", "atorvastatin", ("30",), 0),
        ("atorvastatin 90 tablets", "atorvastatin", ("90",), 0),
        ("atorvastatin 20 tablets", "atorvastatin", (), 1),
        ("atorvastatin 20 90", "atorvastatin", ("90",), 1),
        ("atorvastatin 20mg 90", "atorvastatin", ("90",), 1),
        ("box of 30 20 mg", "", ("30",), 1),
        ("lantus 10 ml vial", "lantus", ("10 mL",), 0),
        ("triamcinolone 0.1% cream 30 g", "triamcinolone", ("30 g",), 1),
        ("hydrocortisone cream 30 gm", "hydrocortisone", ("30 g",), 0),
        ("vancomycin 1 g", "vancomycin", (), 1),
    ],
)
def test_pack_sizes_are_told_from_strengths(
    query: str, left: str, sizes: tuple[str, ...], strengths: int
) -> None:
    taken = READER.read(query)
    assert rest(taken) == left
    assert taken.filters.sizes == sizes
    assert len(taken.filters.strengths) == strengths


@pytest.mark.parametrize(
    "query",
    [
        "0071-0155-23", "00071015523", "type 2 diabetes", "vitamin b 12", "covid-19", "20",
        "prednisone 7 days", "tylenol #3", "patch", "non controlled", "i'm tired", "sun block",
        "c1 inhibitor", "sublingual", "arnica 6x", "amoxicillin 77", "2024", "made by nobody",
        "schedule 3", "uncontrolled",
    ],
)  # fmt: skip
def test_what_is_no_filter_in_this_catalogue_stays(query: str) -> None:
    taken = READER.read(query)
    assert taken.rest == query
    assert taken.filters == Filters()
    assert taken.parts == ()


def test_a_strength_that_no_drug_has_matches_nothing() -> None:
    filters = READER.read("lisinopril 77 mg").filters
    assert filters.strengths == (("77 mg",),)
    assert "77 mg" not in VALUES["strength"]


def test_two_numbers_may_be_an_amount_in_a_spoonful() -> None:
    first, second = READER.read("amoxicillin 400/5").filters.strengths
    assert "400 mg/5 mL" in first
    assert "400 mg/5 mL" in second


def test_a_strength_said_twice_is_asked_for_once() -> None:
    assert READER.read("20 mg 20 mg").filters.strengths == (("20 mg", "0.02 g"),)


def test_nothing_in_a_name_is_a_filter() -> None:
    query = "tylenol 20 mg tablet cold 10"
    taken = READER.read(query, [(0, 25)])
    assert taken.rest == query[:26] + "  "
    assert [part.text for _, part in taken.parts] == ["10"]


def test_parts_tell_where_each_began_and_what_it_means() -> None:
    taken = READER.read("oral lisinopril 20 mg tab #30 generic")
    assert [(place, part.text, part.kind, part.means[:1]) for place, part in taken.parts] == [
        (0, "oral", "route", ("oral",)),
        (16, "20 mg", "strength", ("20 mg",)),
        (22, "tab", "form", ("tablet",)),
        (26, "#30", "size", ("30",)),
        (30, "generic", "kind", ("generic",)),
    ]


def test_two_words_of_form_hold_together_where_something_is_both() -> None:
    assert READER.read("metoprolol xr tab").filters.forms == (("tablet, extended release",),)
    assert READER.read("cream or ointment").filters.forms == (("cream", "ointment"),)


def test_a_route_that_is_said_goes_before_one_that_a_form_implies() -> None:
    assert READER.read("inhaler").filters.routes == (("respiratory (inhalation)",),)
    assert READER.read("nasal aerosol inhaler").filters.routes == (("nasal",),)


def test_a_request_is_taken_whatever_the_case_of_its_values() -> None:
    request = SearchRequest(
        "x", form=("TABLET", "cream"), route=("Oral",), class_=("Statin",), schedule=("cii",),
        kind=("Brand",), labeler=("mylan inc.",), strength=("20 MG",), ingredient=("LISINOPRIL",),
        active=True,
    )  # fmt: skip
    filters = READER.of_request(request)
    assert filters == Filters(
        forms=(("tablet", "cream"),), routes=(("oral",),), classes=(("statin",),),
        schedules=(("CII",),), kinds=(("brand",),), labelers=(("Mylan Inc.",),),
        strengths=(("20 mg",),), ingredients=(("Lisinopril",),), active=True,
        said=("tablet", "cream", "oral", "statin", "CII", "brand", "Mylan Inc.", "20 mg",
              "Lisinopril", "active only"),
    )  # fmt: skip
    assert READER.of_request(SearchRequest("x")) == Filters()


def test_an_unknown_value_of_a_request_is_kept_and_matches_nothing() -> None:
    filters = READER.of_request(SearchRequest("x", form=("no such form",)))
    assert filters.forms == (("no such form",),)
    assert filters


def test_both_filters_hold_together() -> None:
    words = READER.read("20 mg tablet #30").filters
    both = words.with_(READER.of_request(SearchRequest("x", form=("capsule",), active=True)))
    assert both.forms == (TABLETS, ("capsule",))
    assert both.strengths == words.strengths
    assert both.active
    assert both.sizes == ("30",)
    assert both.words() == "20 mg, tablet, capsule, active only"


def test_a_clause_is_made_of_escaped_values() -> None:
    filters = Filters(
        forms=(("tablet", "a|b} @x:*"),), classes=(("HMG-CoA",),), kinds=(("brand",),), active=True
    )
    assert filters.clause() == (
        r"@form:{tablet|a\|b\}\ \@x\:\*} @classes_is:{HMG\-CoA} @kind:{brand} @status:{active}"
    )
    assert Filters().clause() == ""


def test_a_group_without_a_value_lets_nothing_through() -> None:
    assert Filters(forms=((),)).clause() == Filters(routes=((" ", "\x07"),)).clause()
    assert Filters(forms=((),)).clause()


def test_a_pack_size_narrows_nothing_in_the_index() -> None:
    filters = READER.read("lisinopril #30").filters
    assert not filters
    assert filters.clause() == ""
    assert filters.words() == ""


WORDS = st.sampled_from([
    "lisinopril", "20", "mg", "10-325", "20 mg", "xr", "tab", "cream", "iv", "#30", "90 tablets",
    "cii", "schedule", "by", "teva", "generic", "0.5%", "eye drops", "ß", "İ", "\0", "i'm", "-",
    "/", "250mg/5ml", "inhaler", "not obsolete", "1:1000", "controlled", ",", "0071-0155-23",
])  # fmt: skip
QUERIES = st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=9).map(" ".join))
SPANS = st.lists(st.tuples(st.integers(-3, 90), st.integers(-3, 90)), max_size=3)


@given(QUERIES, SPANS)
def test_any_text_keeps_its_length_and_its_names_and_tells_what_it_lost(
    query: str, names: list[tuple[int, int]]
) -> None:
    taken = READER.read(query, names)
    assert len(taken.rest) == len(query)
    for place, (before, after) in enumerate(zip(query, taken.rest, strict=True)):
        assert after in (before, " ")
        if any(start <= place < end for start, end in names):
            assert after == before
    places = [place for place, _ in taken.parts]
    assert places == sorted(places)
    for place, part in taken.parts:
        assert query[place:].startswith(part.text.split()[0])


@given(QUERIES)
def test_filters_are_true_where_they_narrow_the_index(query: str) -> None:
    filters = READER.read(query).filters
    assert bool(filters) == bool(filters.clause())
    assert bool(filters) == bool(filters.words())
