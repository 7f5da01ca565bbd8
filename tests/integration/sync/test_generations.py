"""Building another generation, checking it, going to it, and going back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.integration.sync.bench import DIMENSIONS, Bench
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.embed.base import Embedded
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed, IndexRejected
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.lease import hold
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore
from rxindex.sync.promote import Standards, previous_generation, roll_back, rollback_target
from rxindex.vocabulary import Vocabulary

NAMES = ("ZORBAXIL", "QUEMADOL", "WIBROXAT", "FAXTORIN")
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)


def kept(bench: Bench) -> list[str]:
    return [one.name for one in bench.catalogue.generations()]


def back(bench: Bench, to: str | None = None) -> tuple[str, str]:
    with hold(bench.catalogue, "rollback") as held:
        return roll_back(held, to)


class Forbidden(FakeEmbedder):
    """Must not be asked."""

    def embed(self, texts: Sequence[str]) -> Embedded:
        raise AssertionError(f"asked for {texts}")


# -- building ------------------------------------------------------------------------------------


def test_the_same_settings_carry_every_vector_over(bench: Bench) -> None:
    bench.run()
    drugs, vectors = bench.by_id(), bench.vectors(sorted(bench.by_id()))
    report = bench.run(Forbidden(DIMENSIONS), rebuild=True)
    assert (report.generation, report.added, report.completed) == ("g2", 4, True)
    assert (report.vectors_carried, report.embedding_calls) == (4, 0)
    assert report.recall == 1.0
    assert bench.catalogue.live() == "g2"
    assert bench.by_id() == drugs
    assert bench.vectors(sorted(drugs)) == vectors


def test_other_dimensions_need_new_vectors(bench: Bench) -> None:
    bench.run()
    report = bench.run(FakeEmbedder(8), rebuild=True)
    assert (report.vectors_carried, report.embedding_calls) == (0, 4)
    assert {len(one or b"") for one in bench.vectors(list(bench.by_id()))} == {16}


def test_another_vector_type_only_writes_vectors_differently(bench: Bench) -> None:
    bench.run()
    before = bench.store
    ids = sorted(bench.by_id())
    old = [before.decode_vector(one or b"") for one in bench.vectors(ids, before)]
    bench.run(Forbidden(DIMENSIONS), rebuild=True, index=IndexSettings(vector_type="float32"))
    new = [bench.store.decode_vector(one or b"") for one in bench.vectors(ids)]
    assert np.array_equal(old, new)


def test_a_damaged_vector_is_made_anew_and_not_carried(bench: Bench) -> None:
    bench.run()
    good = bench.vectors(sorted(bench.by_id()))
    first, second, *_ = sorted(bench.by_id())
    numbers = np.full(DIMENSIONS, np.nan, dtype="<f2").tobytes()
    bench.client.hset(bench.text_key(first), "vector", numbers)
    bench.client.hset(bench.text_key(second), "vector", b"short")
    report = bench.run(rebuild=True)
    assert (report.vectors_carried, report.embedding_calls, report.completed) == (2, 2, True)
    assert bench.vectors(sorted(bench.by_id())) == good


def test_what_changed_since_goes_into_the_new_generation_alone(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 9)])
    remove_packages(bench.url, ["00000000001"])
    report = bench.run(rebuild=True)
    assert (report.added, report.deleted, report.embedding_calls) == (4, 0, 1)
    old = DrugStore(bench.catalogue, bench.catalogue.read_generation("g1"))
    assert {one.name.split()[0] for one in bench.by_id(old).values()} == set(NAMES)


def test_a_rebuild_that_was_stopped_is_completed_and_not_begun_anew(bench: Bench) -> None:
    bench.run()
    embedder = FakeEmbedder(8)
    embedder.batch_size = 1
    first = bench.stopped(1, embedder, rebuild=True, batch_size=1)
    # Little enough to be under way at once: whether it stopped is a matter of moments.
    assert first.generation == "g2"
    second = bench.run(embedder, rebuild=True, batch_size=1)
    assert second.completed
    assert bench.catalogue.live() == ("g3" if first.completed else "g2")


# -- checking ------------------------------------------------------------------------------------


def test_an_index_that_finds_too_little_does_not_go_live(bench: Bench) -> None:
    bench.run()
    strict = Standards(least_recall=1.01, loss=-1)
    report = bench.run(rebuild=True, standards=strict)
    assert (report.completed, report.recall, bench.catalogue.live()) == (False, 1.0, "g1")
    [warning] = [one for one in report.warnings if "nearest neighbours" in one]
    assert "100.0%" in warning
    assert "stay at g1" in warning
    assert kept(bench) == ["g1", "g2"]
    # With the usual standards the same generation is good enough.
    again = bench.run(rebuild=True)
    assert (again.generation, again.unchanged, again.completed) == ("g2", 4, True)
    assert bench.catalogue.live() == "g2"


def test_one_that_finds_as_much_as_the_live_one_goes_live_with_a_warning(bench: Bench) -> None:
    strict = Standards(least_recall=1.01)
    first = bench.run(standards=strict)
    second = bench.run(rebuild=True, standards=strict)
    for report in (first, second):
        assert (report.completed, report.recall) == (True, 1.0)
        assert any("moved to it all the same" in one for one in report.warnings)
    assert bench.catalogue.live() == "g2"


def test_recall_is_not_measured_unless_asked(bench: Bench) -> None:
    report = bench.run(standards=Standards(sample=0, least_recall=1.01))
    assert (report.recall, report.completed) == (None, True)


def test_documents_that_the_index_lost_keep_it_from_going_live(bench: Bench) -> None:
    bench.run()

    class Spoiling(FakeEmbedder):
        """Spoils a document that was written, as a fault in Redis would."""

        def embed(self, texts: Sequence[str]) -> Embedded:
            key = bench.catalogue.prefix("g2") + "spoiled"
            bench.client.hset(key, mapping={"name": "x", "count": "many"})
            return super().embed(texts)

    with pytest.raises(IndexRejected):
        bench.run(Spoiling(8), rebuild=True)
    assert bench.catalogue.live() == "g1"
    assert bench.run(FakeEmbedder(8), rebuild=True).deleted == 1  # the stray


# -- going back ----------------------------------------------------------------------------------


def test_rolling_back_twice_leads_to_where_one_was(bench: Bench) -> None:
    bench.run()
    bench.run(FakeEmbedder(8), rebuild=True)
    assert previous_generation(bench.catalogue) == "g1"
    assert back(bench) == ("g2", "g1")
    assert (bench.catalogue.live(), previous_generation(bench.catalogue)) == ("g1", "g2")
    assert bench.found("*") == 4
    # What changes now goes to the one that is live again, with its own settings.
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 9)])
    report = bench.run()
    assert (report.generation, report.added, report.completed) == ("g1", 1, True)
    assert back(bench) == ("g1", "g2")
    assert len(bench.by_id()) == 4
    assert bench.run(FakeEmbedder(8)).added == 1


def test_before_there_were_two_there_is_nothing_to_go_back_to(bench: Bench) -> None:
    with pytest.raises(CatalogueNotIndexed):
        back(bench)
    bench.run()
    with pytest.raises(CatalogueNotIndexed, match=r"no generation was live before.*none"):
        back(bench)
    with pytest.raises(CatalogueNotIndexed, match="g1 is live already"):
        back(bench, "g1")
    with pytest.raises(CatalogueNotIndexed, match="no generation g7"):
        back(bench, "g7")
    assert bench.catalogue.live() == "g1"


def test_a_generation_may_be_named(bench: Bench) -> None:
    bench.run()
    bench.run(FakeEmbedder(8), rebuild=True)
    bench.run(FakeEmbedder(8), rebuild=True, standards=Standards(least_recall=1.01, loss=-1))
    assert kept(bench) == ["g1", "g2", "g3"]
    assert rollback_target(bench.catalogue) == ("g2", "g1")
    assert rollback_target(bench.catalogue, "g3") == ("g2", "g3")
    assert back(bench, "g3") == ("g2", "g3")
    assert bench.catalogue.live() == "g3"
    assert previous_generation(bench.catalogue) == "g2"


def test_an_empty_or_damaged_generation_is_not_gone_back_to(bench: Bench) -> None:
    bench.run()
    bench.catalogue.create(
        bench.embedder.model_id, DIMENSIONS, IndexSettings(), bench.capabilities, 1
    )
    with pytest.raises(CatalogueNotIndexed, match="g2 has no drug"):
        back(bench, "g2")
    bench.run(rebuild=True)
    old = DrugStore(bench.catalogue, bench.catalogue.read_generation("g1"))
    drug_id = next(iter(bench.by_id(old)))
    bench.client.hset(old.key(drug_id), "count", "many")
    with pytest.raises(IndexRejected, match="should hold 4 drugs but a search can find 3"):
        back(bench)
    bench.client.hset(old.key(drug_id), "count", "1")
    bench.client.hset(bench.text_key(drug_id, old), "vector", b"short")
    with pytest.raises(IndexRejected, match="vectors of 4 texts but a search can find 3"):
        back(bench)
    assert bench.catalogue.live() == "g2"


def test_one_that_was_left_is_not_rebuilt_in_place(bench: Bench) -> None:
    bench.run()
    bench.run(rebuild=True)
    back(bench)
    report = bench.run(rebuild=True)
    assert (report.generation, report.completed) == ("g3", True)
    assert kept(bench) == ["g1", "g3"]


# -- what is left --------------------------------------------------------------------------------


def test_only_the_live_one_and_the_one_before_are_kept(bench: Bench) -> None:
    for _ in range(4):
        assert bench.run(rebuild=True).completed or bench.run().completed
    assert kept(bench) == ["g3", "g4"]
    own = {key.decode().split(":")[2] for key in bench.dump()} - {"g3", "g4"}
    assert own == {"generation", "previous", "history", "lease"}
    own_indexes = {bench.catalogue.index(name) for name in ("g3", "g4")}
    assert bench.indexes() == own_indexes | {f"{name}:texts" for name in own_indexes}


def test_leftovers_of_what_was_interrupted_are_removed(bench: Bench) -> None:
    bench.run()
    # Made by hand: a record whose index was not made yet, and one whose index was dropped already.
    records = bench.catalogue
    made = records.create(bench.embedder.model_id, 8, IndexSettings(), bench.capabilities, 1)
    command(bench.client, "FT.DROPINDEX", records.index(made.name))
    bench.client.hset(records.prefix(made.name) + "abc", mapping={"name": "left"})
    other = records.create(bench.embedder.model_id, 8, IndexSettings(), bench.capabilities, 1)
    command(bench.client, "FT.DROPINDEX", records.index(other.name))
    assert records.leftovers() == ["g2", "g3"]
    report = bench.run(rebuild=True)
    assert (report.generation, report.completed) == ("g4", True)
    assert records.leftovers() == []
    assert not [key for key in bench.dump() if b":g2:" in key or b":g3:" in key]
    assert kept(bench) == ["g1", "g4"]


def test_an_abandoned_generation_goes_with_the_next_that_goes_live(bench: Bench) -> None:
    bench.run()
    strict = Standards(least_recall=1.01, loss=-1)
    bench.run(FakeEmbedder(8), rebuild=True, standards=strict)
    bench.run(FakeEmbedder(24), rebuild=True, standards=strict)
    assert kept(bench) == ["g1", "g2", "g3"]
    bench.run(FakeEmbedder(24), rebuild=True)
    assert (kept(bench), bench.catalogue.live()) == (["g1", "g3"], "g3")


def test_a_dry_rebuild_tells_what_it_would_carry(bench: Bench) -> None:
    bench.run()
    before, indexes = bench.dump(), bench.indexes()
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 9)])
    same = bench.run(Forbidden(DIMENSIONS), rebuild=True, dry_run=True)
    assert (same.added, same.vectors_carried, same.embedding_calls) == (5, 4, 1)
    other = bench.run(Forbidden(8), rebuild=True, dry_run=True)
    assert (other.added, other.vectors_carried, other.embedding_calls) == (5, 0, 5)
    assert (bench.dump(), bench.indexes()) == (before, indexes)
