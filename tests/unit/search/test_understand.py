"""What a query means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.drugs import DRUGS, lexicon_from

from rxindex.errors import QueryError
from rxindex.search.known import Known
from rxindex.search.request import LONGEST_QUERY, SearchRequest
from rxindex.search.understand import Reader
from rxindex.search.understood import Understood
from rxindex.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def reader(vocabulary: Vocabulary) -> Reader:
    return Known(lexicon_from(DRUGS), vocabulary).reader


def read(reader: Reader, query: str, **how: bool) -> Understood:
    return reader.read(SearchRequest(query, **how))  # type: ignore[arg-type]


def parts(understood: Understood) -> list[tuple[str, str]]:
    return [(part.text, part.kind) for part in understood.understanding.parts]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lipitor", [("lipitor", "brand")]),
        ("  Atorvastatin   calcium ", [("Atorvastatin calcium", "generic")]),
        ("ASA", [("ASA", "abbreviation")]),
        ("statins", [("statins", "class")]),
        ("something for high blood pressure", [("high blood pressure", "indication")]),
        ("lisinopril 10", [("lisinopril", "ingredient"), ("10", "strength")]),
        ("generic oxycodone c-ii tablet",
         [("generic", "kind"), ("oxycodone", "ingredient"), ("c-ii", "schedule"),
          ("tablet", "form")]),
        ("zyzzyva lipitor", [("zyzzyva", "word"), ("lipitor", "brand")]),
    ],
)  # fmt: skip
def test_each_part_is_told_in_the_order_of_the_query(
    reader: Reader, query: str, expected: list[tuple[str, str]]
) -> None:
    assert parts(read(reader, query)) == expected


def test_a_name_of_form_words_is_a_name_only_by_itself(reader: Reader) -> None:
    assert read(reader, "eye drops").wanted[0].brands == ("Eye Drops",)
    understood = read(reader, "timolol eye drops")
    assert [one.text for one in understood.wanted] == ["timolol"]
    assert understood.filters.forms


def test_nothing_inside_a_name_is_a_filter(reader: Reader) -> None:
    understood = read(reader, "Advair Diskus 250-50")
    assert understood.wanted[0].brands == ("Advair Diskus",)
    assert not any("powder" in group for group in understood.filters.forms)


@pytest.mark.parametrize(
    ("query", "taken", "how"),
    [
        ("metfromin", "metformin", "spelling"),
        ("metfromin 500 mg", "metformin", "spelling"),
        ("lipitro 20", "Lipitor", "spelling"),
        ("advair discus", "Advair Diskus", "sound"),
        ("statn", "statin", "spelling"),
    ],
)
def test_a_misspelled_name_is_taken_for_one_that_exists_and_it_is_said(
    reader: Reader, query: str, taken: str, how: str
) -> None:
    understood = read(reader, query)
    correction = understood.understanding.corrections[0]
    assert (correction.taken.lower(), correction.how) == (taken.lower(), how)
    assert understood.corrected.lower() == taken.lower()
    assert 0 < correction.similarity < 1


@pytest.mark.parametrize(
    "query", [name for one in DRUGS for name in (one.brand, one.generic, *one.ingredients) if name]
)
def test_a_name_that_exists_is_never_corrected(reader: Reader, query: str) -> None:
    assert read(reader, query).understanding.corrections == ()
    assert read(reader, f"{query} 20 mg").understanding.corrections == ()


def test_a_name_that_the_catalogue_lacks_is_not_corrected(reader: Reader) -> None:
    understood = read(reader, "clonazepam")
    assert parts(understood) == [("clonazepam", "ingredient")]
    assert understood.corrected == ""


@pytest.mark.parametrize("query", ["metfromin", "lisino", "statn"])
def test_whoever_insists_is_taken_at_his_word(reader: Reader, query: str) -> None:
    understood = read(reader, query, exact=True)
    assert parts(understood) == [(query, "word")]
    assert understood.words == (query,)


@pytest.mark.parametrize("query", ["lisin", "lisinop", "metop"])
def test_a_beginning_of_names_is_no_misspelling(reader: Reader, query: str) -> None:
    wanted = read(reader, query).wanted[0]
    assert wanted.beginning
    assert wanted.correction is None
    assert all(one.lower().startswith(query) for one in wanted.generics)


def test_what_is_alike_is_offered(reader: Reader) -> None:
    assert (
        "prednisoLONE".lower()
        in [one.lower() for one in read(reader, "predniolone").understanding.did_you_mean]
        or read(reader, "predniolone").corrected.lower() == "prednisolone"
    )


@pytest.mark.parametrize(
    ("query", "either"),
    [
        ("metformin, lisinopril", True),
        ("metformin or lisinopril", True),
        ("metformin vs lisinopril", True),
        ("lisinopril hctz", False),
        ("lisinopril and hctz", False),
        ("metformin", False),
    ],
)
def test_several_drugs_are_meant_together_unless_it_says_otherwise(
    reader: Reader, query: str, either: bool
) -> None:
    assert read(reader, query).either is either


def test_a_combination_is_found_by_its_whole_name_and_by_its_ingredients(reader: Reader) -> None:
    whole = read(reader, "lisinopril and hydrochlorothiazide").wanted
    assert [one.generics for one in whole] == [("Lisinopril and Hydrochlorothiazide",)]
    assert [one.text for one in read(reader, "lisinopril hctz").wanted] == ["lisinopril", "hctz"]


@pytest.mark.parametrize("query", ["lisinopril/hctz", "lisinopril-hctz", "hctz+lisinopril 20"])
def test_names_that_are_joined_in_one_word_are_parted(reader: Reader, query: str) -> None:
    understood = read(reader, query)
    assert {one.text for one in understood.wanted} == {"lisinopril", "hctz"}
    assert understood.understanding.corrections == ()


@pytest.mark.parametrize(
    ("query", "ignored", "wanted"),
    [
        ("strong statin", ["strong"], ["statin"]),
        ("something to help me with high blood pressure", ["help"], ["high blood pressure"]),
        ("lower doctor tablet", ["lower", "doctor"], []),
    ],
)
def test_ordinary_words_are_ignored_beside_a_class_a_use_or_a_filter(
    reader: Reader, query: str, ignored: list[str], wanted: list[str]
) -> None:
    understood = read(reader, query)
    assert [text for text, kind in parts(understood) if kind == "ignored"] == ignored
    assert [one.text for one in understood.wanted] == wanted
    assert understood.words == ()


def test_ordinary_words_are_never_corrected_and_count_where_nothing_else_is_known(
    reader: Reader,
) -> None:
    understood = read(reader, "question children")
    assert understood.words == ("question", "children")
    assert understood.understanding.corrections == ()
    assert read(reader, "lipitor children").words == ("children",)


def test_what_is_said_again_and_again_is_looked_for_once(reader: Reader) -> None:
    assert [one.text for one in read(reader, "statin " * 40).wanted] == ["statin"]
    assert read(reader, "zyzzyva " * 30).words == ("zyzzyva",)


def test_more_than_anybody_looks_for_at_once_is_left_out(reader: Reader) -> None:
    many = "pain fever cough acne gout nausea anxiety insomnia asthma angina anemia edema"
    assert [one.text for one in read(reader, many).wanted] == many.split()[:8]
    unknown = " ".join(f"zyz{letter}va" for letter in "abcdefghijklmnopqrst")
    assert len(read(reader, unknown).words) == 16


def test_an_ordinary_word_that_is_also_a_brand_yields_to_a_drug(reader: Reader) -> None:
    assert read(reader, "balance").wanted[0].brands == ("Balance",)
    understood = read(reader, "balance lisinopril")
    assert [one.text for one in understood.wanted] == ["lisinopril"]
    assert understood.words == ("balance",)


@pytest.mark.parametrize(
    "query", ["0071-0155-23", "00071-0155-23", "00071015523", "NDC 0071-0155-23", "ndc:00071015523"]
)
def test_a_code_is_read_in_every_form(reader: Reader, query: str) -> None:
    assert "00071015523" in read(reader, query).ndc


def test_ten_bare_digits_have_several_readings(reader: Reader) -> None:
    assert len(read(reader, "0071015523").ndc) == 3


def test_filters_of_the_request_hold_beside_those_of_the_words(reader: Reader) -> None:
    understood = reader.read(SearchRequest("lisinopril 20 mg", form=("tablet",)))
    assert understood.insisted.forms
    assert not understood.said.forms
    assert understood.filters.forms
    assert understood.filters.strengths


@pytest.mark.parametrize("query", ["", "   ", "x" * (LONGEST_QUERY + 1), "lipitor\udcff"])
def test_no_query_and_too_long_a_query_are_refused(reader: Reader, query: str) -> None:
    with pytest.raises(QueryError):
        read(reader, query)


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=LONGEST_QUERY),
        st.lists(
            st.sampled_from(["lipitor", "20", "mg", "-", "/", "metfromin", "or", "#30", "é", "%"]),
            min_size=1,
            max_size=12,
        ).map(" ".join),
    )
)
def test_any_other_text_is_understood_somehow(reader: Reader, query: str) -> None:
    if not query.split():
        return
    understood = read(reader, query)
    assert understood.ndc or understood.text
    taken = [one.correction.taken for one in understood.wanted if one.correction]
    assert all(reader.tools.names.find(one) for one in taken)
