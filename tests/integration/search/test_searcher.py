"""Questions that prescribers ask, of a real index."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.search.conftest import load

from rxindex.embed.base import Embedded
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed, EmbedderUnavailable, QueryError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import MOST_HITS, Hit, Searcher
from rxindex.search.understand import LONGEST_QUERY
from rxindex.vocabulary import Vocabulary

pytestmark = pytest.mark.xdist_group("searcher")


class Down(FakeEmbedder):
    def embed(self, texts: Sequence[str]) -> Embedded:
        raise EmbedderUnavailable("no answer from https://inner.example:8443")


def names(hits: Sequence[Hit]) -> list[str]:
    return [hit.name for hit in hits]


def test_a_brand_comes_before_the_generics_of_its_substance(searcher: Searcher) -> None:
    hits = searcher.search("lipitor").hits
    assert (hits[0].name, hits[0].match) == ("LIPITOR 20 MG TABLET", "brand")
    assert {hit.generic for hit in hits[:3]} == {"atorvastatin"}
    assert {hit.match for hit in hits[1:3]} == {"synonym"}


@pytest.mark.parametrize(
    ("query", "generic"), [("ASA", "aspirin"), ("HCTZ", "hydrochlorothiazide")]
)
def test_an_abbreviation_is_the_substance(searcher: Searcher, query: str, generic: str) -> None:
    top = searcher.search(query).hits[0]
    assert (top.generic, top.match) == (generic, "generic")


@pytest.mark.parametrize(
    ("query", "generic"),
    [("metfromin", "metformin"), ("predinsone", "prednisone"), ("sertaline", "sertraline")],
)
def test_a_misspelling_is_found_and_marked(searcher: Searcher, query: str, generic: str) -> None:
    top = searcher.search(query).hits[0]
    assert (top.generic, top.match) == (generic, "spelling")


@pytest.mark.parametrize("query", ["prednisone", "prednisolone", "hydroxyzine", "hydralazine"])
def test_a_right_name_is_never_taken_for_another(searcher: Searcher, query: str) -> None:
    hits = searcher.search(query).hits
    assert hits[0].generic == query
    assert not {hit.match for hit in hits} & {"spelling", "sound", "meaning"}


def test_a_known_name_that_the_catalogue_lacks_is_not_corrected(searcher: Searcher) -> None:
    hits = searcher.search("clonazepam").hits
    assert not {hit.match for hit in hits} & {"spelling", "sound"}


@pytest.mark.parametrize(
    ("query", "corrected", "generic"),
    [("cholestrl", "cholesterol", "statin"), ("hypertensoin", "hypertension", "")],
)
def test_a_word_that_nothing_has_is_taken_for_the_nearest_and_it_is_said(
    searcher: Searcher, query: str, corrected: str, generic: str
) -> None:
    answer = searcher.search(query)
    assert answer.corrected == corrected
    assert f"showing '{corrected}'" in answer.notes[0]
    assert answer.hits[0].match == "indication"
    assert any(generic in hit.generic.lower() for hit in answer.hits)
    assert searcher.search("lisinopril").corrected == ""


def test_a_class_goes_across_its_substances_first(searcher: Searcher) -> None:
    hits = [hit for hit in searcher.search("statin").hits if hit.match == "class"]
    assert len({hit.generic for hit in hits[:3]}) == 3
    assert "nystatin" not in {hit.generic for hit in hits}
    # The one that is not sold any more comes last.
    assert hits[-1].name == "PRAVASTATIN 40 MG TABLET"
    assert hits[-1].status == "obsolete"


def test_a_use_in_plain_words_finds_its_drugs(searcher: Searcher) -> None:
    hits = searcher.search("something for high blood pressure", 5).hits
    assert {hit.match for hit in hits} == {"indication"}
    assert {hit.generic for hit in hits} & {"lisinopril", "losartan", "amlodipine"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("atorvastatin 40 mg", ["ATORVASTATIN 40 MG TABLET"]),
        ("lisinopril 20", ["LISINOPRIL 20 MG TABLET"]),
        ("oxycodone cap", ["OXYCODONE 10 MG CAPSULE"]),
        ("oxycodone c-ii tablet", ["OXYCODONE 5 MG TABLET"]),
        ("sertraline brand name", ["ZOLOFT 50 MG TABLET"]),
        ("generic sertraline", ["SERTRALINE 50 MG TABLET"]),
        ("albuterol inhaler", ["ALBUTEROL 90 MCG INHALER"]),
        ("timolol drops", ["TIMOLOL 0.5% EYE DROPS"]),
        ("iv vancomycin", ["VANCOMYCIN 1 GM VIAL"]),
    ],
)
def test_filters_narrow(searcher: Searcher, query: str, found: list[str]) -> None:
    answer = searcher.search(query)
    assert names(answer.hits) == found
    assert answer.notes == ()


@pytest.mark.parametrize("query", ["atorvastatin 15 mg", "metfromin 20 mg"])
def test_filters_that_nothing_passes_are_given_up_with_a_note(
    searcher: Searcher, query: str
) -> None:
    answer = searcher.search(query)
    assert answer.hits[0].generic in {"atorvastatin", "metformin"}
    assert "nothing has all of" in answer.notes[0]


@pytest.mark.parametrize("query", ["00017-0001-01", "00017000101", "0017-0001-01", "000017000101"])
def test_an_ndc_is_found_in_every_form(searcher: Searcher, query: str) -> None:
    hits = searcher.search(query).hits
    assert [(hit.name, hit.match) for hit in hits] == [("METFORMIN 500 MG TABLET", "ndc")]
    assert [drug.name for drug in searcher.package(query)] == ["METFORMIN 500 MG TABLET"]


def test_ten_digits_find_every_drug_that_they_may_mean(searcher: Searcher) -> None:
    both = {"CARVEDILOL 25 MG TABLET", "IBUPROFEN 600 MG TABLET"}
    assert set(names(searcher.search("1234567890").hits)) == both
    assert {drug.name for drug in searcher.package("1234567890")} == both


def test_another_package_of_a_product_is_not_held(searcher: Searcher) -> None:
    assert searcher.search("00017-0001-77").hits == ()
    assert searcher.package("00017-0001-77") == []


def test_what_is_no_ndc_is_refused(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="not an NDC"):
        searcher.package("lipitor")


def test_obsolete_drugs_come_last(searcher: Searcher) -> None:
    hits = searcher.search("metformin").hits
    assert [hit.status for hit in hits] == ["active", "obsolete"]


def test_a_limit_and_a_query_have_bounds(searcher: Searcher) -> None:
    assert len(searcher.search("high blood pressure", 1).hits) == 1
    assert len(searcher.search("tablet", MOST_HITS).hits) <= MOST_HITS
    for limit in (0, -1, MOST_HITS + 1):
        with pytest.raises(QueryError, match="limit"):
            searcher.search("lipitor", limit)
    for query in ("", " ", "x" * (LONGEST_QUERY + 1)):
        with pytest.raises(QueryError):
            searcher.search(query)


def test_nothing_indexed_is_said(catalogue: Catalogue, vocabulary: Vocabulary) -> None:
    empty = Searcher(catalogue, None, vocabulary)
    with pytest.raises(CatalogueNotIndexed, match="rxindex sync"):
        empty.search("lipitor")
    with pytest.raises(CatalogueNotIndexed):
        empty.package("00017-0001-01")


@pytest.mark.parametrize(
    ("embedder", "note"),
    [
        (FakeEmbedder(32), "the index was built with"),
        (Down(64), "gave no vector"),
        (FakeEmbedder(64, fail_on=lambda text: EmbedderUnavailable(text)), "gave no vector"),
    ],
    ids=["another model", "down", "one text refused"],
)
def test_without_a_vector_words_are_searched_and_it_is_said(
    shelf: Catalogue, vocabulary: Vocabulary, embedder: FakeEmbedder, note: str
) -> None:
    answer = Searcher(shelf, embedder, vocabulary).search("lipitor")
    assert answer.hits[0].name == "LIPITOR 20 MG TABLET"
    assert note in answer.notes[0]
    assert "words only" in answer.notes[0]
    assert "inner.example" not in answer.notes[0]


def test_all_tiers_and_the_vectors_are_asked_in_one_round_trip(
    shelf: Catalogue, redis_server: EmbeddedRedis, vocabulary: Vocabulary
) -> None:
    sent: list[bytes] = []

    class Counting(redis.UnixDomainSocketConnection):
        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            parts = command if isinstance(command, list | tuple) else [command]
            sent.append(b"".join(parts))
            super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    pool = redis.ConnectionPool(Counting, path=str(redis_server.socket), protocol=2)
    client = redis.Redis(connection_pool=pool)
    seen = Searcher(Catalogue(client, shelf.name), FakeEmbedder(64), vocabulary)
    client.config_resetstat()
    sent.clear()
    assert seen.search("metfromin").hits
    trips = [one.count(b"FT.SEARCH") for one in sent if b"FT.SEARCH" in one]
    calls = client.info("commandstats")
    assert trips == [calls["cmdstat_FT.SEARCH"]["calls"]]
    assert trips[0] > 5
    # The live generation and its record, the search, the summaries.
    assert len([one for one in sent if b"INFO\r\n" not in one or b"FT.INFO" in one]) == 4
    client.close()
    pool.disconnect()


def test_a_search_survives_the_swap_of_generations(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    small = FakeEmbedder(16)
    load(tmp_path, catalogue, small, capabilities, vocabulary)
    load(tmp_path, catalogue, FakeEmbedder(32), capabilities, vocabulary)
    first, second = (one.name for one in catalogue.generations())
    wrong: list[object] = []
    searches = 0
    stop = threading.Event()

    def ask() -> None:
        nonlocal searches
        mine = Searcher(catalogue, small, vocabulary)
        while not stop.is_set():
            try:
                hits = mine.search("lipitor").hits
                held = mine.package("00017-0001-01")
            except Exception as error:  # whatever it is, the test tells
                wrong.append(error)
            else:
                if len(hits) != 3 or len(held) != 1:
                    wrong.append((hits, held))
            searches += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            catalogue.point_alias(first)
            catalogue.point_alias(second)
        before = searches
        catalogue.drop(first)
        while asking.is_alive() and searches < before + 20:
            catalogue.point_alias(second)
    finally:
        stop.set()
        asking.join()
    assert wrong == []
    assert searches >= 20


def test_a_generation_that_was_dropped_under_a_question_is_asked_no_more(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    load(tmp_path, catalogue, FakeEmbedder(16), capabilities, vocabulary)
    first = catalogue.require_live().name

    class Swapping(FakeEmbedder):
        """While the query is being embedded, another generation takes over."""

        def embed(self, texts: Sequence[str]) -> Embedded:
            if catalogue.live() == first:
                load(tmp_path, catalogue, FakeEmbedder(32), capabilities, vocabulary)
                catalogue.drop(first)
            return super().embed(texts)

    answer = Searcher(catalogue, Swapping(16), vocabulary).search("lipitor")
    assert len(answer.hits) == 3
    assert "the index was built with" in answer.notes[0]


@settings(max_examples=150)
@given(
    st.one_of(
        st.text(max_size=LONGEST_QUERY),
        st.text(alphabet="ab1 .,-/%()[]{}|@*:\"'\\~=<>$_;!&mg5", max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "lipitor",
                    "20 mg",
                    "5 mg/",
                    ".",
                    "%",
                    "cap",
                    "iv",
                    "generic",
                    "statin",
                    "c-ii",
                    "1e5",
                    "0071-0155-23",
                    "hydralazine",
                    "-",
                    "\x00",
                    "é",
                    "İ",
                    "_",
                ]
            ),
            max_size=8,
        ).map(" ".join),
    )
)
def test_any_text_has_an_answer_or_is_refused(searcher: Searcher, query: str) -> None:
    try:
        answer = searcher.search(query, 5)
    except QueryError:
        return
    assert len(answer.hits) <= 5
    assert all(0 <= hit.score <= 1 for hit in answer.hits)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("cholesterol lowering pill", {"atorvastatin", "simvastatin", "rosuvastatin"}),
        ("medicine for depression", {"sertraline", "fluoxetine", "citalopram"}),
        ("drug to lower blood sugar", {"metformin", "glipizide"}),
        ("blood thinner", {"warfarin", "aspirin"}),
        ("strong painkiller", {"oxycodone", "morphine", "ibuprofen"}),
    ],
)
def test_the_local_model_finds_what_is_meant(
    meaning: Searcher, query: str, wanted: set[str]
) -> None:
    assert {hit.generic for hit in meaning.search(query, 5).hits} & wanted
