"""Questions that prescribers ask, of a real index."""

from __future__ import annotations

import threading
import time
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
from rxindex.search.answer import Hit
from rxindex.search.request import LONGEST_QUERY, MOST_HITS, SearchRequest
from rxindex.search.searcher import Searcher
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
    answer = searcher.search(query)
    top = answer.hits[0]
    assert (top.generic, top.match) == (generic, "spelling")
    assert top.warnings[0].kind == "corrected"
    assert query in top.warnings[0].message
    assert answer.corrected == generic
    assert searcher.search(SearchRequest(query, exact=True)).hits == ()


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
def test_a_misspelled_class_or_use_is_taken_for_the_nearest_and_it_is_said(
    searcher: Searcher, query: str, corrected: str, generic: str
) -> None:
    answer = searcher.search(query)
    assert corrected in answer.corrected
    assert answer.understood.corrections[0].typed == query
    assert answer.hits[0].match in {"spelling", "sound"}
    assert all(hit.warnings[0].kind == "corrected" for hit in answer.hits)
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
    assert "nothing has" in answer.notes[0]
    assert not any("as asked" in why for hit in answer.hits for why in hit.why)


def test_the_strength_is_given_up_before_the_rest(searcher: Searcher) -> None:
    answer = searcher.search("oxycodone 7 mg capsule")
    assert names(answer.hits) == ["OXYCODONE 10 MG CAPSULE"]
    assert answer.notes == ("nothing has the strength 7 mg; showing others",)
    assert "it is as asked: capsule" in answer.hits[0].why


def test_filters_of_the_request_are_never_given_up(searcher: Searcher) -> None:
    assert searcher.search(SearchRequest("atorvastatin", form=("capsule",))).hits == ()
    both = searcher.search(SearchRequest("statin 40 mg", form=("tablet",), limit=20)).hits
    assert both
    assert {(hit.strength, hit.form) for hit in both} == {("40 mg", "tablet")}
    for name, values, wanted in (
        ("schedule", ("CII",), {"CII"}),
        ("kind", ("brand",), {"brand"}),
    ):
        request = SearchRequest("tablet", limit=50, **{name: values})  # type: ignore[arg-type]
        assert {getattr(hit, name) for hit in searcher.search(request).hits} == wanted


def test_what_is_not_sold_any_more_can_be_left_out(searcher: Searcher) -> None:
    assert {hit.status for hit in searcher.search("metformin").hits} == {"active", "obsolete"}
    kept = searcher.search(SearchRequest("metformin", active=True)).hits
    assert {hit.status for hit in kept} == {"active"}


def test_a_pack_size_comes_first_and_its_lack_is_told(searcher: Searcher) -> None:
    every = searcher.search("metformin").hits
    sized = searcher.search("metformin #100")
    assert {hit.id for hit in sized.hits} == {hit.id for hit in every}
    assert ("100", "size") in [(part.means[0], part.kind) for part in sized.understood.parts[1:]]
    assert sized.notes == ()
    assert searcher.search("metformin #77").notes == ("nothing has a package of 77",)


@pytest.mark.parametrize("query", ["00017-0001", "0017-0001", "ndc 00017-001"])
def test_a_product_code_finds_the_product(searcher: Searcher, query: str) -> None:
    hits = searcher.search(query).hits
    assert [(hit.name, hit.match) for hit in hits] == [("METFORMIN 500 MG TABLET", "ndc")]
    assert hits[0].why[0] == "it is the product"


def test_no_words_and_some_filters_find_all_that_pass(searcher: Searcher) -> None:
    found = searcher.search(SearchRequest("", schedule=("CII",), limit=50))
    assert {hit.match for hit in found.hits} == {"filter"}
    assert found.total == len(found.hits) == 3
    alone = searcher.search(SearchRequest("", composition=("atorvastatin",)))
    assert {hit.ingredients for hit in alone.hits} == {("atorvastatin",)}


def test_what_is_kept_is_given_without_asking(searcher: Searcher) -> None:
    request = SearchRequest("pantoprazole", limit=7)
    answer = searcher.search(request)
    assert searcher.kept(request) is answer
    assert searcher.kept(SearchRequest("pantoprazole", limit=8)) is None
    found = searcher.suggest("pantop", 4)
    assert searcher.kept_suggestions("pantop", 4) is found
    assert searcher.kept_suggestions("pantop", 5) is None


def test_pages_follow_one_another(searcher: Searcher) -> None:
    whole = searcher.search(SearchRequest("tablet", limit=30))
    assert whole.total > 20
    pages, offset = [], 0
    while offset is not None:
        page = searcher.search(SearchRequest("tablet", limit=7, offset=offset))
        assert (page.total, page.offset) == (whole.total, offset)
        pages += [hit.id for hit in page.hits]
        offset = page.next_offset  # type: ignore[assignment]
    assert pages[:30] == [hit.id for hit in whole.hits]
    assert len(pages) == len(set(pages)) == whole.total


def test_groups_hold_one_hit_of_each_set_of_ingredients(searcher: Searcher) -> None:
    answer = searcher.search(SearchRequest("statin", group=True))
    sets = [hit.ingredients for hit in answer.hits]
    assert len(sets) == len(set(sets)) == answer.total
    first = answer.hits[0]
    assert first.more > 0
    opened = searcher.search(SearchRequest("statin", composition=first.ingredients))
    assert opened.total == first.more + 1
    assert {hit.ingredients for hit in opened.hits} == {first.ingredients}


def test_facets_count_all_that_matched(searcher: Searcher) -> None:
    answer = searcher.search(SearchRequest("statin", limit=1, facets=True))
    assert sum(one.drugs for one in answer.facets["form"]) == answer.total
    ingredients = {one.value: one.drugs for one in answer.facets["ingredient"]}
    assert ingredients["atorvastatin"] == 3
    assert {one.value for one in answer.facets["kind"]} == {"brand", "generic"}
    assert searcher.search("statin").facets == {}
    every = searcher.facets()
    assert {one.value for one in every["schedule"]} == {"CII", "CIV"}
    assert sum(one.drugs for one in every["kind"]) == searcher.lexicon().drugs


def test_a_hit_says_why_it_is_there_and_what_of_its_name_was_asked_for(searcher: Searcher) -> None:
    top = searcher.search("lipitor 20 mg").hits[0]
    assert top.why[0] == f"its brand name is {top.brand}"
    assert any("20 mg" in why for why in top.why)
    assert [top.name[a:b] for a, b in top.highlights] == ["LIPITOR"]


@pytest.mark.parametrize(
    ("query", "twin"), [("hydroxyzine", "hydrALAZINE"), ("prednisone", "prednisoLONE")]
)
def test_a_name_that_is_taken_for_another_is_told_and_shown_so(
    searcher: Searcher, query: str, twin: str
) -> None:
    top = searcher.search(query).hits[0]
    assert twin in [one.name for one in top.warnings if one.kind == "look-alike"]
    assert top.display != top.display.lower()
    assert query.upper() != top.display.split()[0]


def test_several_drugs_each_have_their_best_hit_first(searcher: Searcher) -> None:
    hits = searcher.search("warfarin, omeprazole or sertraline").hits
    assert [hit.generic for hit in hits[:3]] == ["warfarin", "omeprazole", "sertraline"]


def test_a_beginning_finds_its_names(searcher: Searcher) -> None:
    hits = searcher.search("rosuv").hits
    assert (hits[0].generic, hits[0].match) == ("rosuvastatin", "name")


def test_suggestions_are_names_of_the_catalogue(searcher: Searcher) -> None:
    found = searcher.suggest("lip")
    assert "lipitor" in [one.text.lower() for one in found]
    assert searcher.suggest("ros", limit=1)[0].text.lower().startswith("ros")
    with pytest.raises(QueryError):
        searcher.suggest("lip", limit=0)


def test_a_drug_is_read_with_its_packages_and_has_alternatives(searcher: Searcher) -> None:
    top = searcher.search("lipitor 20 mg").hits[0]
    drug = searcher.drug(top.id)
    assert drug is not None
    assert len(drug.packages) == top.packages == 2
    found = searcher.alternatives(top.id)
    assert found is not None
    assert found.drug.id == top.id
    others = [hit.generic for one in found.same_class for hit in one.hits]
    assert "simvastatin" in others
    assert searcher.drug("nosuchdrug") is None
    assert searcher.drugs([top.id, "nosuchdrug"]) == [drug, None]
    assert searcher.drugs([]) == []
    assert searcher.alternatives("nosuchdrug") is None


def test_the_same_question_is_answered_from_memory_until_the_index_changes(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    load(tmp_path, catalogue, FakeEmbedder(16), capabilities, vocabulary)
    mine = Searcher(catalogue, None, vocabulary)
    first = mine.search("lipitor")
    assert mine.search("lipitor") is first
    catalogue.client.unlink(catalogue.prefix(first.generation) + first.hits[0].id)
    deadline = time.monotonic() + 20
    while (again := mine.search("lipitor")) is first:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [hit.id for hit in again.hits] == [hit.id for hit in first.hits[1:]]


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
    answer = Searcher(shelf, embedder, vocabulary).search("inhaler xyz")
    assert answer.degraded
    assert note in answer.notes[0]
    assert "words only" in answer.notes[0]
    assert "inner.example" not in answer.notes[0]


@pytest.mark.parametrize(
    ("query", "trips"), [("lisinopril 10 mg", 1), ("something cheap for the heart", 2)]
)
def test_everything_is_asked_in_one_round_trip_and_what_is_near_in_one_more(
    shelf: Catalogue,
    redis_server: EmbeddedRedis,
    vocabulary: Vocabulary,
    query: str,
    trips: int,
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
    seen.warm()
    client.config_resetstat()
    sent.clear()
    assert seen.search(query).hits
    asked = [one.count(b"FT.SEARCH") for one in sent if b"FT.SEARCH" in one]
    calls = client.info("commandstats")
    assert sum(asked) == calls["cmdstat_FT.SEARCH"]["calls"]
    assert len(asked) == trips
    assert asked[0] > 1
    assert asked[1:] in ([], [1])
    # At most: what is live, the search, the summaries.
    others = [one for one in sent if b"INFO\r\n" not in one or b"FT.INFO" in one]
    assert len(others) <= 2 + trips
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

    answer = Searcher(catalogue, Swapping(16), vocabulary).search("xyzzy plugh")
    assert answer.generation != first
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
