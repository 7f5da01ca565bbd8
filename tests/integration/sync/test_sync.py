"""Whole runs: a real SQL catalogue into a real index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.services.fdb import add_packages, create_tables, package, remove_packages

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import (
    EmbedderUnavailable,
    EmbedRejected,
    EmptySource,
    GenerationMismatch,
    IndexRejected,
    RxindexError,
    SourceSchemaError,
)
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.promote import Standards
from rxindex.sync.quarantine import release
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

DIMENSIONS = 16
ROWS = [
    package(1, "ATORVASTATIN 20 MG TABLET", 16366),
    package(2, "ATORVASTATIN 20 MG TABLET", 16366),
    package(3, "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
    package(4, "ATORVASTATIN 40 MG TABLET", 16367),
    package(5, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2"),
    package(6, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2", OBSDTEC="20150101"),
]


class Bench:
    """A catalogue in SQLite, an index, and runs between them."""

    def __init__(
        self, folder: Path, catalogue: Catalogue, capabilities: Capabilities, words: Vocabulary
    ) -> None:
        self.url = f"sqlite:///{folder / 'fdb.db'}"
        self.catalogue = catalogue
        self.capabilities = capabilities
        self.words = words
        self.embedder = FakeEmbedder(dimensions=DIMENSIONS)
        create_tables(self.url, ROWS)

    def run(self, embedder: FakeEmbedder | None = None, **options: object) -> SyncReport:
        return sync(
            open_source(self.url, page_size=3),
            embedder or self.embedder,
            self.catalogue,
            self.capabilities,
            self.words,
            SyncOptions(today="2019-05-01", **options),  # type: ignore[arg-type]
        )

    def drugs(self) -> dict[str, Drug]:
        store = DrugStore(self.catalogue, self.catalogue.require_live())
        found = [drug for ids in store.ids() for drug in store.get(ids) if drug is not None]
        return {f"{drug.name} {drug.kind}": drug for drug in found}

    def found(self, query: str) -> int:
        words = ("FT.SEARCH", self.catalogue.alias, query, "LIMIT", 0, 0, "DIALECT", 2)
        return int(command(self.catalogue.client, *words)[0])


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary)


def test_a_catalogue_becomes_an_index(bench: Bench) -> None:
    report = bench.run()
    assert (report.total_processed, report.successful, report.failed) == (4, 4, 0)
    assert (report.packages, report.added, report.deleted) == (6, 4, 0)
    # Both strengths of atorvastatin and its brand share a text.
    assert (report.embedding_calls, report.embedding_calls_saved) == (2, 4)
    assert report.completed
    assert report.index["algorithm"] == "flat"
    drugs = bench.drugs()
    generic = drugs["ATORVASTATIN 20 MG TABLET generic"]
    assert [one.ndc for one in generic.packages] == ["00000000001", "00000000002"]
    assert generic.ingredients == ("atorvastatin",)
    assert "statin" in generic.classes
    assert generic.packages[0].labeler == "ACME PHARMA"
    assert drugs["LIPITOR 20 MG TABLET brand"].brand == "LIPITOR"
    oxycodone = drugs["OXYCODONE HCL 5 MG TABLET generic"]
    assert oxycodone.schedule == "CII"
    assert [one.status for one in oxycodone.packages] == ["active", "obsolete"]
    assert bench.found("@products:{000000000}") == 4
    assert drugs["LIPITOR 20 MG TABLET brand"].generic == "atorvastatin"
    assert bench.found("@classes_is:{statin}") == 3


def test_a_run_without_a_change_writes_nothing_and_embeds_nothing(bench: Bench) -> None:
    bench.run()
    before = _refusals(bench)
    touched = _max_doc_id(bench)
    report = bench.run()
    assert report.unchanged == 4
    assert (report.added, report.updated, report.metadata_only, report.deleted) == (0, 0, 0, 0)
    assert report.embedding_calls == 0
    assert report.completed
    assert _max_doc_id(bench) == touched
    assert _refusals(bench) == before


def _refusals(bench: Bench) -> dict[str, object]:
    """What Redis refused so far, by kind; not to know a script yet is none."""
    found = bench.catalogue.client.info("errorstats")
    return {name: one for name, one in found.items() if name != "errorstat_NOSCRIPT"}


def _max_doc_id(bench: Bench) -> int:
    index = bench.catalogue.index(bench.catalogue.require_live().name)
    reply = command(bench.catalogue.client, "FT.INFO", index)
    return int(reply[reply.index(b"max_doc_id") + 1])


def test_each_kind_of_change_does_what_it_needs_and_no_more(bench: Bench) -> None:
    bench.run()
    add_packages(
        bench.url,
        [
            package(7, "ATORVASTATIN 20 MG TABLET", 16366),
            package(8, "WARFARIN 5 MG TABLET", 6560),
        ],
    )
    remove_packages(bench.url, ["00000000004"])
    report = bench.run(allow_deletes=True)
    assert (report.added, report.metadata_only, report.unchanged) == (1, 1, 2)
    assert (report.deleted, report.updated, report.embedding_calls) == (1, 0, 1)
    assert set(bench.drugs()) == {
        "ATORVASTATIN 20 MG TABLET generic",
        "LIPITOR 20 MG TABLET brand",
        "OXYCODONE HCL 5 MG TABLET generic",
        "WARFARIN 5 MG TABLET generic",
    }
    assert len(bench.drugs()["ATORVASTATIN 20 MG TABLET generic"].packages) == 3


def test_a_package_that_moves_to_another_drug_is_in_one_place(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(2, "ATORVASTATIN 40 MG TABLET", 16367)])
    bench.run()
    held = [drug.name for drug in bench.drugs().values()
            if any(one.ndc == "00000000002" for one in drug.packages)]  # fmt: skip
    assert held == ["ATORVASTATIN 40 MG TABLET"]


def test_too_many_deletes_are_held_until_they_are_allowed(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, ["00000000004", "00000000003"])
    report = bench.run()
    assert (report.deleted, report.delete_held, report.completed) == (0, 2, False)
    assert "--allow-deletes" in report.warnings[0]
    assert len(bench.drugs()) == 4
    assert bench.run(allow_deletes=True).deleted == 2
    assert len(bench.drugs()) == 2


def test_an_empty_source_is_refused_and_the_index_left(bench: Bench) -> None:
    bench.run()
    create_tables(bench.url)
    with pytest.raises(EmptySource, match="nothing was changed"):
        bench.run()
    assert len(bench.drugs()) == 4


def test_a_dry_run_counts_and_writes_nothing(bench: Bench) -> None:
    keys_before = set(bench.catalogue.client.keys(f"{bench.catalogue.alias}*"))
    report = bench.run(dry_run=True)
    assert (report.dry_run, report.added, report.embedding_calls) == (True, 4, 2)
    assert set(bench.catalogue.client.keys(f"{bench.catalogue.alias}*")) == keys_before
    bench.run()
    remove_packages(bench.url, ["00000000004"])
    report = bench.run(dry_run=True, allow_deletes=True)
    assert (report.deleted, report.unchanged) == (1, 3)
    assert len(bench.drugs()) == 4


def test_bad_rows_are_named_and_do_not_stop_the_others(bench: Bench) -> None:
    add_packages(
        bench.url,
        [
            package("NOT-AN-NDC", "ATORVASTATIN 40 MG TABLET", 16367),
            package(9, "NAMELESS", 999, LN=" ", LN60=None, BN=None),
        ],
    )
    report = bench.run(standards=Standards(most_missing=0.2))
    assert report.quarantined == 2
    assert {failure.ndc for failure in report.failures} == {"NOT-AN-NDC", "00000000009"}
    # The drug that lost its only row counts as failed; the one that lost one of two does not.
    assert (report.total_processed, report.failed, report.successful) == (5, 1, 4)
    assert report.completed
    assert len(bench.drugs()["ATORVASTATIN 40 MG TABLET generic"].packages) == 1


def refuse(word: str) -> Callable[[str], RxindexError | None]:
    return lambda text: EmbedRejected(f"no {word}, please") if word in text.lower() else None


def test_a_text_that_the_model_refuses_fails_alone_and_keeps_the_old_document(
    bench: Bench,
) -> None:
    poisoned = FakeEmbedder(dimensions=DIMENSIONS, fail_on=refuse("oxycodone"))
    report = bench.run(poisoned, standards=Standards(most_missing=0.25))
    assert (report.failed, report.successful, report.added) == (1, 3, 3)
    assert report.failures[0].name == "OXYCODONE HCL 5 MG TABLET"
    assert "no oxycodone" in report.failures[0].reason
    assert len(bench.drugs()) == 3
    # It waits until its time has come, or somebody says that the fault is mended.
    report = bench.run()
    assert (report.failed, report.quarantined, report.in_quarantine) == (1, 0, 1)
    assert len(release(bench.catalogue, None)) == 1
    assert bench.run().added == 1
    # Its text changes, the model refuses the new one: the document of before stays.
    add_packages(bench.url, [package(5, "OXYCODONE HCL 5 MG CAPSULE", 4225)])
    remove_packages(bench.url, ["00000000006"])
    report = bench.run(poisoned)
    assert report.failed == 1
    assert bench.run(poisoned, allow_deletes=True).failed == 1


def test_a_new_generation_that_lacks_drugs_does_not_go_live(bench: Bench) -> None:
    bench.run()
    live = bench.catalogue.require_live()
    poisoned = FakeEmbedder(dimensions=32, fail_on=refuse("atorvastatin"))
    report = bench.run(poisoned, new_generation=True)
    assert (report.failed, report.added, report.completed) == (3, 1, False)
    assert "1 of 4 drugs" in report.warnings[0]
    assert bench.catalogue.require_live() == live
    assert len(bench.drugs()) == 4
    # The fault is mended: the generation that was begun is completed and goes live.
    report = bench.run(FakeEmbedder(dimensions=32), new_generation=True)
    assert (report.added, report.unchanged, report.completed) == (3, 1, True)
    assert bench.catalogue.require_live().dimensions == 32


def test_a_first_load_in_which_everything_fails_leaves_no_index_to_search(bench: Bench) -> None:
    report = bench.run(
        FakeEmbedder(dimensions=DIMENSIONS, fail_on=lambda text: EmbedRejected("no"))
    )
    assert (report.failed, report.completed) == (4, False)
    assert bench.catalogue.live() is None


def test_a_strangers_key_in_a_drugs_place_fails_that_drug_alone(bench: Bench) -> None:
    bench.run()
    store = DrugStore(bench.catalogue, bench.catalogue.require_live())
    drug = bench.drugs()["OXYCODONE HCL 5 MG TABLET generic"]
    bench.catalogue.client.delete(store.key(drug.id))
    bench.catalogue.client.lpush(store.key(drug.id), "a list")
    report = bench.run()
    assert (report.failed, report.unchanged) == (1, 3)
    assert report.failures[0].id == drug.id
    # The list is no document, so Redis holds one key more than a search can find.
    assert not report.completed


def test_a_document_that_the_index_lost_is_told(bench: Bench) -> None:
    bench.run()
    store = DrugStore(bench.catalogue, bench.catalogue.require_live())
    drug = bench.drugs()["OXYCODONE HCL 5 MG TABLET generic"]
    bench.catalogue.client.hset(store.key(drug.id), "count", "many")
    report = bench.run()
    assert (report.unchanged, report.completed) == (4, False)
    assert "4 drugs but a search can find 3" in report.warnings[0]


def test_a_vector_that_the_index_lost_is_told(bench: Bench) -> None:
    bench.run()
    store = DrugStore(bench.catalogue, bench.catalogue.require_live())
    [text, *_] = [key for keys in bench.catalogue.text_keys(store.generation.name) for key in keys]
    bench.catalogue.client.hset(text, "vector", b"short")
    report = bench.run()
    assert (report.unchanged, report.completed) == (4, False)
    assert "2 vectors but a search can find 1" in report.warnings[0]


def test_an_end_date_that_cannot_be_read_counts_as_past(bench: Bench) -> None:
    add_packages(bench.url, [package(4, "ATORVASTATIN 40 MG TABLET", 16367, OBSDTEC="DEC 2015")])
    report = bench.run()
    assert bench.drugs()["ATORVASTATIN 40 MG TABLET generic"].status == "obsolete"
    assert any("DEC 2015" in warning for warning in report.warnings)


def test_only_the_live_generation_and_the_one_before_are_kept(bench: Bench) -> None:
    for dimensions in (8, 16, 24, 32):
        bench.run(FakeEmbedder(dimensions=dimensions), new_generation=True)
    kept = [one.dimensions for one in bench.catalogue.generations()]
    assert kept == [24, 32]
    assert bench.catalogue.require_live().dimensions == 32


def test_a_dry_run_knows_which_vectors_would_be_carried_over(bench: Bench) -> None:
    bench.run()
    settings = IndexSettings(vector_type="float32")
    add_packages(bench.url, [package(8, "WARFARIN 5 MG TABLET", 6560)])
    dry = bench.run(index=settings, new_generation=True, dry_run=True)
    real = bench.run(index=settings, new_generation=True)
    assert (dry.embedding_calls, dry.vectors_carried, dry.added) == (1, 2, 5)
    assert (real.embedding_calls, real.vectors_carried, real.added) == (1, 2, 5)


def test_a_new_strength_takes_the_vector_of_its_siblings(bench: Bench) -> None:
    bench.run()
    settings = IndexSettings(vector_type="float32")
    add_packages(bench.url, [package(9, "ATORVASTATIN 80 MG TABLET", 99999)])
    report = bench.run(index=settings, new_generation=True)
    assert (report.added, report.embedding_calls) == (5, 0)


def test_an_embedder_that_is_down_stops_the_run_and_the_next_one_goes_on(bench: Bench) -> None:
    class Down(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            raise EmbedderUnavailable("nobody answers")

    with pytest.raises(EmbedderUnavailable):
        bench.run(Down(dimensions=DIMENSIONS))
    assert bench.catalogue.live() is None
    report = bench.run()
    assert report.added == 4
    assert len(bench.catalogue.generations()) == 1


def test_vectors_of_the_wrong_size_are_refused_and_the_live_index_untouched(bench: Bench) -> None:
    bench.run()

    class Wrong(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            return FakeEmbedder(dimensions=DIMENSIONS // 2).embed(texts)

    add_packages(bench.url, [package(8, "WARFARIN 5 MG TABLET", 6560)])
    with pytest.raises(RxindexError, match=r"\(1, 8\).*16 dimensions"):
        bench.run(Wrong(dimensions=DIMENSIONS))
    assert len(bench.drugs()) == 4
    assert bench.found("*") == 4


def test_other_settings_need_a_word_and_then_build_beside(bench: Bench) -> None:
    bench.run()
    first = bench.catalogue.require_live()
    with pytest.raises(GenerationMismatch, match=r"vector_type float16 \(now float32\)"):
        bench.run(index=IndexSettings(vector_type="float32"))
    report = bench.run(index=IndexSettings(vector_type="float32"), new_generation=True)
    # Same model: every vector is carried over, none is made.
    assert (report.added, report.vectors_carried, report.embedding_calls) == (4, 2, 0)
    live = bench.catalogue.require_live()
    assert live.name != first.name
    assert live.settings.vector_type == "float32"
    other = FakeEmbedder(dimensions=32)
    report = bench.run(other, index=IndexSettings(vector_type="float32"), new_generation=True)
    assert (report.vectors_carried, report.embedding_calls) == (0, 2)
    assert bench.catalogue.require_live().dimensions == 32


def test_leftovers_in_a_generation_that_was_begun_are_removed(bench: Bench) -> None:
    bench.run()
    settings = IndexSettings(vector_type="float32")
    begun = bench.catalogue.create(
        bench.embedder.model_id, DIMENSIONS, settings, bench.capabilities, 1
    )
    key = bench.catalogue.prefix(begun.name) + "stranger"
    bench.catalogue.client.hset(key, mapping={"name": "x", "count": "many"})
    report = bench.run(index=settings, new_generation=True)
    assert (report.added, report.deleted, report.completed) == (4, 1, True)
    assert bench.catalogue.require_live().name == begun.name
    assert bench.found("*") == 4


def test_documents_that_redis_cannot_index_stop_the_run_before_any_delete(bench: Bench) -> None:
    bench.run()

    class Spoiling(FakeEmbedder):
        """Spoils a document behind the run's back, as a fault in Redis would."""

        def embed(self, texts):  # type: ignore[no-untyped-def]
            live = bench.catalogue.require_live()
            key = bench.catalogue.prefix(live.name) + "spoiled"
            bench.catalogue.client.hset(key, mapping={"name": "x", "count": "many"})
            return super().embed(texts)

    add_packages(bench.url, [package(8, "WARFARIN 5 MG TABLET", 6560)])
    remove_packages(bench.url, ["00000000004"])
    with pytest.raises(IndexRejected, match=r"1 drugs that it could not index.*spoiled"):
        bench.run(Spoiling(dimensions=DIMENSIONS), allow_deletes=True)
    assert bench.found("@name:(atorvastatin 40)") == 1


def test_a_limit_stops_early_and_deletes_nothing(bench: Bench) -> None:
    report = bench.run(limit=2, batch_size=1)
    assert (report.total_processed, report.completed) == (2, False)
    assert len(bench.drugs()) == 2
    report = bench.run()
    assert (report.added, report.unchanged) == (2, 2)
    report = bench.run(limit=1)
    assert report.deleted == 0
    assert len(bench.drugs()) == 4


def test_obsolete_packages_become_so_with_time(bench: Bench) -> None:
    add_packages(bench.url, [package(4, "ATORVASTATIN 40 MG TABLET", 16367, OBSDTEC="20190601")])
    bench.run()
    assert bench.drugs()["ATORVASTATIN 40 MG TABLET generic"].status == "active"
    report = sync(
        open_source(bench.url), bench.embedder, bench.catalogue, bench.capabilities, bench.words,
        SyncOptions(today="2019-06-01"),
    )  # fmt: skip
    assert report.metadata_only == 1
    assert bench.drugs()["ATORVASTATIN 40 MG TABLET generic"].status == "obsolete"


def test_a_missing_table_is_named_and_nothing_is_made(bench: Bench, tmp_path: Path) -> None:
    import sqlite3

    empty = tmp_path / "empty.db"
    database = sqlite3.connect(empty)
    database.execute("CREATE TABLE other (x)")
    database.close()
    with (
        pytest.raises(SourceSchemaError, match="rndc14"),
        open_source(f"sqlite:///{empty}"),
    ):
        pass
    assert bench.catalogue.generations() == []


def test_progress_is_told_after_each_batch(bench: Bench) -> None:
    told: list[tuple[int, int]] = []
    sync(
        open_source(bench.url), bench.embedder, bench.catalogue, bench.capabilities, bench.words,
        SyncOptions(batch_size=1), lambda report, rows: told.append((report.packages, rows)),
    )  # fmt: skip
    assert told[-1] == (6, 6)
    assert told == sorted(told)
    assert len(told) >= 4
