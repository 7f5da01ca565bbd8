"""Differences between source and index, each made by hand, then found, named and mended."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.fdb import add_packages, create_tables, package, remove_packages

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import (
    CatalogueNotIndexed,
    ConfigurationError,
    EmbedderUnavailable,
    EmbedRejected,
    EmptySource,
    GenerationMismatch,
    LeaseLost,
)
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.fence import Fence
from rxindex.index.schema import IndexSettings, drug_index_arguments
from rxindex.index.store import DrugStore, Fingerprints, Write
from rxindex.model import Drug, content_fingerprint, text_fingerprint
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.sync.assemble import assemble, embedding_text
from rxindex.sync.differences import KINDS, NAMED_DIFFERENCES, VerifyReport
from rxindex.sync.run import SyncOptions, sync
from rxindex.sync.verify import VerifyOptions, verify
from rxindex.vocabulary import Vocabulary

DIMENSIONS = 16
TODAY = "2019-05-01"
ROWS = [
    package(1, "ATORVASTATIN 20 MG TABLET", 16366),
    package(2, "ATORVASTATIN 20 MG TABLET", 16366),
    package(3, "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
    package(4, "ATORVASTATIN 40 MG TABLET", 16367),
    package(5, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2"),
    package(6, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2", OBSDTEC="20150101"),
    package(7, "WARFARIN 5 MG TABLET", 6560),
    package(8, "METFORMIN 500 MG TABLET", 4763),
]
OXYCODONE = "OXYCODONE HCL 5 MG TABLET"
WARFARIN = "WARFARIN 5 MG TABLET"
METFORMIN = "METFORMIN 500 MG TABLET"


class Bench:
    """A catalogue in SQLite, an index that was filled without a run, and comparisons."""

    def __init__(
        self, folder: Path, catalogue: Catalogue, capabilities: Capabilities, words: Vocabulary
    ) -> None:
        self.url = f"sqlite:///{folder / 'fdb.db'}"
        self.catalogue = catalogue
        self.client = catalogue.client
        self.capabilities = capabilities
        self.words = words
        self.embedder = FakeEmbedder(dimensions=DIMENSIONS)
        create_tables(self.url, ROWS)
        made = catalogue.create(
            self.embedder.model_id, DIMENSIONS, IndexSettings(), capabilities, texts=10
        )
        self.store = DrugStore(catalogue, made)
        self.ids: dict[str, str] = {}
        #: The key of each drug's text, by the drug's key.
        self.texts: dict[str, str] = {}

    def fill(self) -> None:
        """Write each drug of the source, and let searches go to them."""
        with open_source(self.url) as source:
            for drug in assemble(source.rows(Partition("all")), self.words, TODAY):
                if isinstance(drug, Drug):
                    self.write(drug)
        # A new index reads through all keys of the server, and takes in anew what was just written.
        self.catalogue.wait_until_indexed(self.store.generation.name)
        self.catalogue.point_alias(self.store.generation.name)

    def write(self, drug: Drug) -> None:
        text = embedding_text(drug)
        prints = Fingerprints(
            content_fingerprint(drug), text_fingerprint(text, self.embedder.model_id)
        )
        vector = self.store.encode_vector(self.embedder.embed([text]).vectors[0])
        assert self.store.write_texts({prints.text: vector}) == {}
        assert self.store.write([Write(drug, prints)]) == {}
        self.ids[drug.name] = drug.id
        self.texts.setdefault(self.key(drug.name), self.store.text_key(prints.text))

    def verify(self, embedder: FakeEmbedder | None = None, **options: Any) -> VerifyReport:
        with open_source(self.url, page_size=3) as source:
            return verify(
                source, embedder or self.embedder, self.catalogue, self.words,
                VerifyOptions(**({"today": TODAY} | options)),
            )  # fmt: skip

    def key(self, name: str) -> str:
        return self.store.key(self.ids[name])

    def text(self, name: str) -> str:
        return self.texts[self.key(name)]

    def stray(self, name: str) -> str:
        return self.store.key(name)

    def index(self) -> str:
        return self.catalogue.index(self.store.generation.name)

    def writes(self) -> int:
        """How often the index took in a document so far."""
        reply = command(self.client, "FT.INFO", self.index())
        return int(reply[reply.index(b"max_doc_id") + 1])

    def elsewhere(self) -> int:
        """Give a database where nothing is; the query engine is not told what is moved there."""
        pool = self.client.connection_pool
        other = redis.Redis(
            connection_pool=type(pool)(
                pool.connection_class, **(pool.connection_kwargs | {"db": 1})
            )
        )
        for key in other.scan_iter(self.catalogue.key("*")):
            other.unlink(key)
        other.connection_pool.disconnect()
        return 1

    def documents(self) -> dict[bytes, Any]:
        name = self.store.generation.name
        prefixes = (self.catalogue.prefix(name), self.catalogue.text_prefix(name))
        keys: list[Any] = [key for one in prefixes for key in self.client.keys(one + "*")]
        return {key: self.client.hgetall(key) for key in keys if self.client.type(key) == b"hash"}

    def found(self, query: str) -> int:
        words = ("FT.SEARCH", self.catalogue.alias, query, "LIMIT", 0, 0, "DIALECT", 2)
        return int(command(self.client, *words)[0])


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    made = Bench(tmp_path, catalogue, capabilities, vocabulary)
    made.fill()
    return made


def found(report: VerifyReport) -> dict[str, int]:
    return {kind: count for kind, count in report.counts.items() if count}


def test_an_index_that_is_as_the_source_has_it_is_clean(bench: Bench) -> None:
    before = bench.writes()
    report = bench.verify(repair=True)
    assert report.clean
    assert (report.drugs, report.packages, report.documents) == (6, 8, 6)
    assert (report.different, found(report), report.differences) == (0, {}, [])
    assert (report.sampled, report.embedding_calls, report.repaired) == (None, 0, 0)
    assert report.generation == bench.store.generation.name
    assert report.model == bench.embedder.model_id
    assert report.source.startswith("sqlite://")
    assert bench.writes() == before


def lose_a_document(bench: Bench) -> None:
    bench.client.unlink(bench.key(OXYCODONE))


def put_a_list_in_a_documents_place(bench: Bench) -> None:
    bench.client.unlink(bench.key(OXYCODONE))
    bench.client.lpush(bench.key(OXYCODONE), "a list")


def put_a_strangers_hash_in_a_documents_place(bench: Bench) -> None:
    bench.client.unlink(bench.key(OXYCODONE))
    bench.client.hset(bench.key(OXYCODONE), mapping={b"\xff": "x", "gcn": "many"})


def set_field(name: str, value: str | bytes) -> Callable[[Bench], None]:
    def spoil(bench: Bench) -> None:
        bench.client.hset(bench.key(OXYCODONE), name, value)

    return spoil


def drop_field(name: str) -> Callable[[Bench], None]:
    def spoil(bench: Bench) -> None:
        bench.client.hdel(bench.key(OXYCODONE), name)

    return spoil


def set_vector(value: bytes) -> Callable[[Bench], None]:
    def spoil(bench: Bench) -> None:
        bench.client.hset(bench.text(OXYCODONE), "vector", value)

    return spoil


def lose_a_vector(bench: Bench) -> None:
    bench.client.unlink(bench.text(OXYCODONE))


def put_a_list_in_a_vectors_place(bench: Bench) -> None:
    bench.client.unlink(bench.text(OXYCODONE))
    bench.client.lpush(bench.text(OXYCODONE), "a list")


def add_a_package_to_the_source(bench: Bench) -> None:
    add_packages(bench.url, [package(9, OXYCODONE, 4225, DEA="2")])


def write_it_as_an_older_vocabulary_would_have(bench: Bench) -> None:
    drug = bench.store.get([bench.ids[OXYCODONE]])[0]
    assert drug is not None
    bench.write(msgspec.structs.replace(drug, classes=("of old",)))


def let_the_index_lose_it(bench: Bench) -> None:
    """Build the index again without reading what is there, then write all but one."""
    name = bench.store.generation.name
    words = drug_index_arguments(bench.index(), bench.catalogue.prefix(name))
    at = words.index("SCHEMA")
    command(bench.client, "FT.DROPINDEX", bench.index())
    command(bench.client, *words[:at], "SKIPINITIALSCAN", *words[at:])
    bench.catalogue.point_alias(name)
    for one in bench.ids:
        if one != OXYCODONE:
            bench.client.hset(bench.key(one), "name", one)


def move_it_to_another_database(bench: Bench) -> None:
    bench.client.move(bench.key(OXYCODONE), bench.elsewhere())


NOT_A_NUMBER = np.full(DIMENSIONS, np.nan, dtype="<f2").tobytes()
SPOILT: dict[str, tuple[Callable[[Bench], None], dict[str, str], int]] = {
    # what was done: by whom, what is found and how it is told, texts to embed
    "lost": (lose_a_document, {"missing": "no document"}, 0),
    "a list": (put_a_list_in_a_documents_place, {"missing": "a Redis list"}, 0),
    "a stranger": (
        put_a_strangers_hash_in_a_documents_place,
        {"stale": "name, brand, generic, ingredients and", "vector": "by another model"},
        0,
    ),
    "name": (set_field("name", "X"), {"stale": "differs in name; it was changed behind"}, 0),
    "brand emptied": (drop_field("schedule"), {"stale": "differs in schedule"}, 0),
    "kind": (set_field("kind", "something"), {"stale": "differs in kind"}, 0),
    "only for search": (set_field("products", "1;2"), {"stale": "differs in products"}, 0),
    "packages": (set_field("packages", b"junk"), {"stale": "differs in packages"}, 0),
    "fingerprint": (set_field("content_fp", b"x" * 12), {"stale": "differs in content_fp"}, 0),
    "source": (add_a_package_to_the_source, {"stale": "count, packages, content_fp"}, 0),
    "older": (write_it_as_an_older_vocabulary_would_have, {"stale": "classes, content_fp, te"}, 0),
    "no vector": (lose_a_vector, {"vector": "no vector"}, 1),
    "no hash": (put_a_list_in_a_vectors_place, {"vector": "no vector"}, 1),
    "short vector": (set_vector(b"short"), {"vector": "5 bytes, generation g1 has 32"}, 1),
    "no numbers": (set_vector(NOT_A_NUMBER), {"vector": "not numbers"}, 1),
    "zeros": (set_vector(bytes(2 * DIMENSIONS)), {"vector": "but zeros"}, 1),
    "other model": (set_field("text_fp", b"x" * 12), {"vector": "by another model"}, 0),
    "no text_fp": (drop_field("text_fp"), {"vector": "by another model"}, 0),
    "not indexed": (let_the_index_lose_it, {"not_indexed": "a search can't find it"}, 0),
    "no number": (
        set_field("count", "two"),
        {"stale": "differs in count", "not_indexed": "a search can't find it"},
        0,
    ),
    "moved": (
        move_it_to_another_database,
        {"missing": "no document", "dangling": "the document is gone"},
        0,
    ),
}


@pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT.keys())
def test_each_kind_alone_is_found_by_name_and_mended_and_nothing_else_touched(
    bench: Bench, case: tuple[Callable[[Bench], None], dict[str, str], int]
) -> None:
    spoil, expected, calls = case
    spoil(bench)
    before, writes = bench.documents(), bench.writes()
    report = bench.verify()
    assert not report.clean
    assert found(report) == dict.fromkeys(expected, 1)
    for one in report.differences:
        assert one.id == bench.ids[OXYCODONE]
        assert one.name == ("" if one.kind == "dangling" else OXYCODONE)
        assert expected[one.kind] in one.reason
    assert bench.documents() == before
    assert bench.writes() == writes

    report = bench.verify(repair=True)
    assert report.clean, report.remaining
    assert (report.different, report.repaired, report.still_different) == (1, 1, 0)
    assert report.embedding_calls == calls
    assert report.remaining == []
    # One document was taken in anew; all others are what they were.
    assert bench.writes() == writes + 1
    own = {bench.key(OXYCODONE).encode(), bench.text(OXYCODONE).encode()}
    after = bench.documents()
    kept = after.keys() - own
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    # What it had of another text, which no drug has any more.
    assert all(b":text:" in key for key in before.keys() - after.keys())
    assert bench.verify().clean
    assert bench.found("*") == 6
    assert bench.found("@products:{000000000} @schedule:{CII}") == 1


def test_a_vector_that_is_sound_is_kept(bench: Bench) -> None:
    own = np.full(DIMENSIONS, 0.25, dtype="<f2").tobytes()
    bench.client.hset(bench.text(OXYCODONE), "vector", own)
    bench.client.hset(bench.key(OXYCODONE), "name", "X")
    assert bench.verify(repair=True).embedding_calls == 0
    assert bench.client.hget(bench.text(OXYCODONE), "vector") == own


def test_packages_that_another_zlib_wrote_are_the_same(bench: Bench) -> None:
    stored: Any = bench.client.hget(bench.key(OXYCODONE), "packages")
    other = zlib.compress(zlib.decompress(stored), 0)
    assert other != stored
    bench.client.hset(bench.key(OXYCODONE), "packages", other)
    assert bench.verify().clean


def test_fields_of_somebody_else_make_no_difference(bench: Bench) -> None:
    bench.client.hset(bench.key(OXYCODONE), "note", "seen")
    assert bench.verify().clean


@pytest.mark.parametrize(
    ("name", "made", "reason"),
    [
        ("abcdefghijklmnop", {"name": "GHOST 1 MG TABLET"}, "no such drug"),
        ("abcdefghijklmnop", {"x": "y"}, "no such drug"),
        ("a:key:like:this", "text", "a Redis string"),
        ("ü", "text", "a Redis string"),
    ],
)
def test_extra_keys_are_found_and_deleted(
    bench: Bench, name: str, made: dict[str, str] | str, reason: str
) -> None:
    if isinstance(made, str):
        bench.client.set(bench.stray(name), made)
    else:
        bench.client.hset(bench.stray(name), mapping=made)  # type: ignore[arg-type]
    report = bench.verify()
    assert found(report) == {"extra": 1}
    assert report.documents == 7
    assert report.differences[0].id == name
    assert reason in report.differences[0].reason
    assert report.differences[0].name == (made.get("name", "") if isinstance(made, dict) else "")
    writes = bench.writes()
    report = bench.verify(repair=True, allow_deletes=True)
    assert report.clean
    assert report.repaired == 1
    assert bench.writes() == writes
    assert bench.verify().clean


def test_a_key_whose_name_is_no_text_is_found_and_deleted(bench: Bench) -> None:
    bench.client.set(bench.stray("").encode() + b"\xff\xfe", "x")
    report = bench.verify()
    assert report.differences[0].id == r"\xff\xfe"
    assert bench.verify(repair=True, allow_deletes=True).clean
    assert bench.verify().clean


def test_a_drug_that_left_the_source_is_extra_and_other_generations_are_not(bench: Bench) -> None:
    remove_packages(bench.url, ["00000000004"])
    other = bench.catalogue.create(
        bench.embedder.model_id, DIMENSIONS, IndexSettings(), bench.capabilities, texts=1
    )
    bench.client.hset(bench.catalogue.prefix(other.name) + "x", "name", "x")
    report = bench.verify(repair=True, allow_deletes=True)
    assert [(one.kind, one.name) for one in report.differences] == [
        ("extra", "ATORVASTATIN 40 MG TABLET")
    ]
    assert report.clean
    assert bench.found("*") == 5
    assert bench.client.exists(bench.catalogue.prefix(other.name) + "x") == 1


def test_what_a_search_finds_and_is_not_there_is_taken_out(bench: Bench) -> None:
    bench.client.hset(bench.stray("ghost"), mapping={"name": "GHOST"})
    bench.client.move(bench.stray("ghost"), bench.elsewhere())
    assert bench.found("*") == 7
    report = bench.verify()
    assert found(report) == {"dangling": 1}
    assert report.differences[0].id == "ghost"
    report = bench.verify(repair=True)
    assert report.clean
    assert report.repaired == 1
    assert bench.found("*") == 6
    assert bench.verify().clean


def test_all_kinds_together_are_told_apart_and_mended_in_one_go(bench: Bench) -> None:
    let_the_index_lose_it(bench)
    bench.client.unlink(bench.key("LIPITOR 20 MG TABLET"))
    bench.client.hset(bench.key("ATORVASTATIN 40 MG TABLET"), "form", "pill")
    bench.client.hset(bench.text(WARFARIN), "vector", b"short")
    bench.client.hset(bench.stray("abcdefghijklmnop"), mapping={"name": "EXTRA"})
    bench.client.hset(bench.stray("ghost"), mapping={"name": "GHOST"})
    bench.client.move(bench.stray("ghost"), bench.elsewhere())
    report = bench.verify()
    assert found(report) == {
        "missing": 1, "extra": 1, "stale": 1, "vector": 1, "not_indexed": 1, "dangling": 1,
    }  # fmt: skip
    assert set(found(report)) == set(KINDS)
    assert report.different == 6
    whole = {METFORMIN, "ATORVASTATIN 20 MG TABLET"}
    assert not whole & {one.name for one in report.differences}
    writes = bench.writes()
    report = bench.verify(repair=True, allow_deletes=True, batch_size=2)
    assert report.clean, report.remaining
    assert (report.different, report.repaired) == (6, 6)
    # Warfarin. That the entry of a ghost is made again counts as one more.
    assert report.embedding_calls == 1
    assert bench.writes() == writes + 4 + 1
    assert bench.verify().clean
    assert bench.found("*") == 6


def test_too_many_deletes_are_held_until_they_are_allowed(bench: Bench) -> None:
    remove_packages(bench.url, ["00000000004", "00000000003"])
    bench.client.hset(bench.key(OXYCODONE), "name", "X")
    report = bench.verify(repair=True)
    assert not report.clean
    assert (report.different, report.repaired, report.still_different) == (3, 1, 2)
    assert report.delete_held == 2
    assert "--allow-deletes" in report.warnings[0]
    assert {one.name for one in report.remaining} == {
        "ATORVASTATIN 40 MG TABLET", "LIPITOR 20 MG TABLET",
    }  # fmt: skip
    assert bench.found("*") == 6
    report = bench.verify(repair=True, allow_deletes=True)
    assert (report.clean, report.repaired, report.delete_held) == (True, 2, 0)
    assert bench.found("*") == 4


def test_a_share_that_a_run_may_delete_is_deleted_unasked(bench: Bench) -> None:
    remove_packages(bench.url, ["00000000004"])
    assert bench.verify(repair=True, most_deletes=0.2).clean


def test_a_drug_whose_rows_are_all_bad_keeps_its_document(bench: Bench) -> None:
    remove_packages(bench.url, ["00000000007"])
    add_packages(
        bench.url,
        [package("NOT-AN-NDC", WARFARIN, 6560), package("NEITHER", METFORMIN, 4763)],
    )
    report = bench.verify(repair=True, allow_deletes=True)
    assert report.clean
    assert (report.rejected, report.drugs, report.documents) == (2, 5, 6)
    assert "2 rows" in report.warnings[0]
    assert bench.found("*") == 6


def test_a_text_that_the_model_refuses_stays_different_and_is_named(bench: Bench) -> None:
    poisoned = FakeEmbedder(
        dimensions=DIMENSIONS,
        fail_on=lambda text: EmbedRejected("not this one") if "warfarin" in text.lower() else None,
    )
    lose_a_document(bench)
    bench.client.hset(bench.text(WARFARIN), "vector", b"short")
    before = bench.documents()[bench.key(WARFARIN).encode()]
    report = bench.verify(poisoned, repair=True)
    assert not report.clean
    assert (report.different, report.repaired, report.still_different) == (2, 1, 1)
    [left] = report.remaining
    assert (left.name, left.kind) == (WARFARIN, "vector")
    assert "not this one" in left.reason
    assert bench.documents()[bench.key(WARFARIN).encode()] == before
    assert bench.verify(repair=True).clean


def test_an_embedder_that_is_down_stops_the_repair_and_the_next_one_does_it(bench: Bench) -> None:
    class Down(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            raise EmbedderUnavailable("nobody answers")

    lose_a_vector(bench)
    bench.client.hset(bench.stray("stray"), "name", "x")
    with pytest.raises(EmbedderUnavailable):
        bench.verify(Down(dimensions=DIMENSIONS), repair=True, allow_deletes=True)
    # Nothing is deleted before everything is written.
    assert bench.client.exists(bench.stray("stray")) == 1
    assert bench.verify(repair=True, allow_deletes=True).clean


@pytest.mark.parametrize("spoilt", [lose_a_document, put_a_list_in_a_documents_place, None])
def test_a_repair_that_lost_its_lease_can_write_nothing(
    bench: Bench, spoilt: Callable[[Bench], None] | None
) -> None:
    if spoilt is not None:
        spoilt(bench)
    bench.client.hset(bench.stray("stray"), "name", "x")
    before = bench.client.dbsize()
    bench.catalogue = bench.catalogue.fenced(Fence(bench.catalogue.key("lease"), b"not mine", 0))
    with pytest.raises(LeaseLost):
        bench.verify(repair=True, allow_deletes=True)
    assert bench.client.dbsize() == before
    assert bench.client.exists(bench.stray("stray")) == 1


DAMAGE: list[Callable[[Bench, str], object]] = [
    lambda bench, key: bench.client.unlink(key),
    lambda bench, key: bench.client.move(key, bench.elsewhere()),
    lambda bench, key: (bench.client.unlink(key), bench.client.set(key, "x")),
    lambda bench, key: bench.client.unlink(bench.texts[key]),
    lambda bench, key: _on_a_hash(bench, bench.texts[key], "hset", "vector", b"short"),
    lambda bench, key: _on_a_hash(bench, key, "hdel", "text_fp"),
    lambda bench, key: _on_a_hash(bench, key, "hset", "text_fp", b"x" * 12),
    lambda bench, key: _on_a_hash(bench, key, "hset", "count", "many"),
    lambda bench, key: _on_a_hash(bench, key, "hset", "generic", b"\xff"),
    lambda bench, key: bench.client.hset(f"{key}x", "name", "stray"),
]


def _on_a_hash(bench: Bench, key: str, what: str, *words: str | bytes) -> None:
    if bench.client.type(key) in {b"hash", b"none"}:
        getattr(bench.client, what)(key, *words)


@settings(max_examples=40)
@given(
    damage=st.lists(st.tuples(st.integers(0, len(DAMAGE) - 1), st.integers(0, 5)), max_size=8),
    batch_size=st.integers(1, 7),
)
def test_whatever_was_damaged_one_repair_makes_the_index_what_it_was(
    bench: Bench, damage: list[tuple[int, int]], batch_size: int
) -> None:
    whole = bench.documents()
    names = sorted(bench.ids)
    for what, number in damage:
        DAMAGE[what](bench, bench.key(names[number]))
    changed = bench.documents() != whole or bench.found("*") != 6
    told = bench.verify(batch_size=batch_size)
    assert told.clean == (bench.documents() == whole and told.different == 0)
    assert told.different or not changed
    report = bench.verify(repair=True, allow_deletes=True, batch_size=batch_size)
    assert report.clean, report.remaining
    assert report.repaired == report.different
    assert bench.documents() == whole
    assert bench.found("*") == 6


def test_a_stranger_in_a_drugs_place_stays_if_there_is_nothing_to_put_there(bench: Bench) -> None:
    put_a_list_in_a_documents_place(bench)
    lose_a_vector(bench)
    poisoned = FakeEmbedder(dimensions=DIMENSIONS, fail_on=lambda text: EmbedRejected("no"))
    assert not bench.verify(poisoned, repair=True).clean
    assert bench.client.type(bench.key(OXYCODONE)) == b"list"


def test_a_text_that_several_drugs_share_is_embedded_once(bench: Bench) -> None:
    names = ("ATORVASTATIN 20 MG TABLET", "ATORVASTATIN 40 MG TABLET", "LIPITOR 20 MG TABLET")
    [text] = {bench.text(name) for name in names}
    bench.client.hdel(text, "vector")
    report = bench.verify(repair=True, batch_size=1)
    assert (report.repaired, report.embedding_calls) == (3, 1)


def test_a_sample_compares_as_many_as_asked_and_says_so(bench: Bench) -> None:
    report = bench.verify(sample=2, seed=1)
    assert (report.sampled, report.seed, report.drugs, report.documents) == (2, 1, 2, 2)
    assert report.clean
    everything = bench.verify(sample=100)
    assert (everything.drugs, everything.documents, everything.packages) == (6, 6, 8)
    assert everything.seed is not None


def test_a_sample_finds_what_is_in_it_and_draws_the_same_again(bench: Bench) -> None:
    for name in bench.ids:
        bench.client.hset(bench.key(name), "form", "pill")
    for number in range(6):
        bench.client.hset(bench.stray(f"stray{number}"), mapping={"name": "STRAY"})
    drawn = []
    for seed in (1, 1, 2, 3, 4):
        report = bench.verify(sample=3, seed=seed)
        assert report.counts["stale"] == report.drugs == 3
        drawn.append(tuple(sorted(one.id for one in report.differences)))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1
    report = bench.verify(sample=3, seed=1, repair=True, allow_deletes=True)
    assert report.clean
    assert report.repaired == len(drawn[0])
    assert bench.verify().different == 12 - report.repaired


def test_the_first_hundred_are_named_and_all_are_counted(bench: Bench) -> None:
    for number in range(NAMED_DIFFERENCES + 20):
        bench.client.hset(bench.stray(f"stray{number}"), "name", "x")
    report = bench.verify(batch_size=7)
    assert report.counts["extra"] == NAMED_DIFFERENCES + 20
    assert len(report.differences) == NAMED_DIFFERENCES


def test_an_empty_source_is_refused(bench: Bench) -> None:
    create_tables(bench.url)
    with pytest.raises(EmptySource, match="nothing to compare"):
        bench.verify(repair=True, allow_deletes=True)
    assert bench.found("*") == 6


def test_nothing_is_compared_before_the_first_load(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> None:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary)
    with pytest.raises(CatalogueNotIndexed, match="rxindex sync"):
        bench.verify()


def test_another_embedder_than_the_live_index_was_built_with_is_refused(bench: Bench) -> None:
    with pytest.raises(GenerationMismatch, match=r"fake-words-v1/16.*fake-words-v1/32"):
        bench.verify(FakeEmbedder(dimensions=32))


def test_comparing_needs_no_embedder_and_a_repair_does(bench: Bench) -> None:
    with open_source(bench.url) as source:
        clean = verify(source, None, bench.catalogue, bench.words, VerifyOptions(today=TODAY))
        with pytest.raises(ConfigurationError, match="needs an embedder"):
            verify(source, None, bench.catalogue, bench.words, VerifyOptions(repair=True))
    assert clean.clean


def test_what_a_sync_makes_is_clean(bench: Bench) -> None:
    add_packages(bench.url, [package(10, "LISINOPRIL 10 MG TABLET", 390)])
    with open_source(bench.url) as source:
        sync(
            source, bench.embedder, bench.catalogue, bench.capabilities, bench.words,
            SyncOptions(today=TODAY),
        )  # fmt: skip
    report = bench.verify()
    assert (report.clean, report.drugs) == (True, 7)


def test_progress_is_told_in_rows(bench: Bench) -> None:
    told: list[tuple[int, int]] = []
    with open_source(bench.url) as source:
        verify(
            source, None, bench.catalogue, bench.words, VerifyOptions(today=TODAY, batch_size=1),
            lambda rows, total: told.append((rows, total)),
        )  # fmt: skip
    assert told[-1] == (8, 8)
    assert told == sorted(told)
    assert len(told) >= 4
