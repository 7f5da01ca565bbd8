"""What a run would do, what it does, and that it does nothing where nothing changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.integration.sync.bench import DIMENSIONS, Bench, refusing
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.sync.assemble import LONGEST_TEXT, LONGEST_VALUE
from rxindex.vocabulary import Vocabulary

NAMES = ("ZORBAXIL", "QUEMADOL", "WIBROXAT", "FAXTORIN", "LOMIVIR", "BANUMAB", "KERTIDE", "DUXANE")
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]
#: All that a run without a change writes: its lease, and that it was there.
WRITES_OF_A_QUIET_RUN = {
    "incrby",  # the lease's numbers
    "set",  # the lease; the newest completed run
    "evalsha",  # release of the lease; whether the documents are there
    "del",  # inside it
    "lrem",  # the history
    "lpush",
    "ltrim",
}
READS = {
    "get", "mget", "hmget", "hvals", "scan", "FT.AGGREGATE", "FT.INFO", "FT._LIST", "info",
    "module|list", "time", "hello", "client|setinfo", "select", "ping", "config|resetstat",
    "script|load", "hget", "hlen",
}  # fmt: skip
#: Keys that every run writes.
EVERY_RUN = ["history", "completed", "lease:number", "lease:held"]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)


def paid(price: float) -> FakeEmbedder:
    embedder = FakeEmbedder(DIMENSIONS)
    embedder.price = price
    return embedder


def change(bench: Bench) -> None:
    """Of each kind one: a new drug, another text, other packages, and two that vanish."""
    add_packages(
        bench.url,
        [
            package(100, "NEWDRUG 5 MG TABLET", 100),
            package(1, "ZORBAXIL 5 MG TABLET", 1, LN60="ZORBAXIL 5 MG CAPSULE"),
            package(2, "QUEMADOL 5 MG TABLET", 2, PS=30),
        ],
    )
    remove_packages(bench.url, ["00000000007", "00000000008"])


def test_a_dry_run_names_some_of_each_kind_and_what_it_would_cost(bench: Bench) -> None:
    bench.run()
    change(bench)
    before, indexes = bench.dump(), bench.indexes()
    dry = bench.run(paid(1000.0), dry_run=True, allow_deletes=True)
    assert dry.samples.keys() == {"added", "updated", "metadata_only", "deleted"}
    assert dry.samples["added"] == ["NEWDRUG 5 MG TABLET (generic)"]
    assert dry.samples["updated"] == ["ZORBAXIL 5 MG CAPSULE (generic)"]
    assert dry.samples["metadata_only"] == ["QUEMADOL 5 MG TABLET (generic)"]
    assert sorted(dry.samples["deleted"]) == [
        "DUXANE 5 MG TABLET (generic)", "KERTIDE 5 MG TABLET (generic)",
    ]  # fmt: skip
    characters = len("newdrug, oral tablet.") + len("zorbaxil, oral capsule.")
    assert (dry.embedding_calls, dry.embedding_tokens) == (2, characters // 4)
    assert dry.embedding_cost == pytest.approx(1000 * (characters // 4) / 1e6)
    assert (bench.dump(), bench.indexes()) == (before, indexes)
    # And that is what comes.
    real = bench.run(paid(1000.0), allow_deletes=True)
    for name in ("added", "updated", "metadata_only", "unchanged", "deleted", "embedding_calls",
                 "embedding_tokens", "embedding_cost", "total_processed", "packages"):  # fmt: skip
        assert getattr(real, name) == getattr(dry, name), name
    assert real.samples == {}


def test_a_dry_run_names_five_of_many(bench: Bench) -> None:
    dry = bench.run(dry_run=True)
    assert (dry.added, len(dry.samples["added"])) == (8, 5)
    assert dry.generation == "(new)"
    assert bench.dump() == {}


def test_a_dry_run_says_that_deletes_would_be_held(bench: Bench) -> None:
    bench.run()
    change(bench)
    dry = bench.run(dry_run=True)
    assert (dry.deleted, dry.delete_held, dry.completed) == (0, 2, False)
    assert any("--allow-deletes" in one for one in dry.warnings)


def test_a_dry_run_needs_no_lease_and_leaves_no_record(bench: Bench) -> None:
    bench.run()
    change(bench)
    before = bench.dump()
    bench.client.set(bench.catalogue.key("lease"), "somebody else's")
    assert bench.run(dry_run=True).added == 1
    bench.client.delete(bench.catalogue.key("lease"))
    assert bench.dump() == before


def test_a_run_without_a_change_only_says_that_it_was_there(bench: Bench) -> None:
    bench.run()
    bench.run()
    before = bench.dump(without=EVERY_RUN)
    bench.client.config_resetstat()

    class Forbidden(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            raise AssertionError(f"asked for {texts}")

    report = bench.run(Forbidden(DIMENSIONS), batch_size=2)
    said = bench.client.info("commandstats")
    assert (report.unchanged, report.embedding_calls, report.completed) == (8, 0, True)
    used = {name.removeprefix("cmdstat_") for name in said}
    assert used - READS == WRITES_OF_A_QUIET_RUN
    calls = {name.removeprefix("cmdstat_"): told["calls"] for name, told in said.items()}
    assert {name: calls[name] for name in WRITES_OF_A_QUIET_RUN} == {
        "incrby": 2, "set": 2, "evalsha": 1 + 4, "del": 1, "lrem": 1, "lpush": 1, "ltrim": 1,
    }  # fmt: skip
    # One question for each page of the source, none for each drug.
    assert calls["hmget"] == 4
    assert bench.dump(without=EVERY_RUN) == before


def test_a_change_of_anything_but_the_text_keeps_the_vector_as_it_is(bench: Bench) -> None:
    bench.run()
    drug = bench.drugs()["QUEMADOL 5 MG TABLET"]
    # Not what the embedder would make: it could not come from anywhere else.
    marked = np.full(DIMENSIONS, 0.25, dtype="<f2").tobytes()
    bench.client.hset(bench.text_key(drug.id), "vector", marked)
    for field in (
        {"PS": 30},
        {"DEA": "2"},
        {"OBSDTEC": "20180101"},
        {"LBLRID": "X"},
        {"PD": "JAR"},
    ):
        add_packages(bench.url, [package(2, "QUEMADOL 5 MG TABLET", 2, **field)])
        report = bench.run()
        assert (report.metadata_only, report.updated, report.embedding_calls) == (1, 0, 0)
        assert bench.vectors([drug.id]) == [marked]
    # Capitals and blanks of a name are no other text, and no other drug.
    add_packages(bench.url, [package(2, "Quemadol  5 mg Tablet", 2)])
    assert bench.run().metadata_only == 1
    assert bench.by_id()[drug.id].name == "Quemadol 5 mg Tablet"
    assert bench.vectors([drug.id]) == [marked]
    add_packages(bench.url, [package(2, "QUEMADOL 5 MG TABLET", 2, LN60="QUEMADOL 5 MG CAPSULE")])
    assert bench.run().updated == 1
    assert bench.vectors([drug.id]) != [marked]


# -- too long ------------------------------------------------------------------------------------


def widen(bench: Bench) -> None:
    """Give drugs ingredients and classes, of which real ones have few and short ones."""
    import sqlalchemy as sa

    engine = sa.create_engine(bench.url)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE retcgc0 (GCN_SEQNO INTEGER, ETC_ID INTEGER)",
            "CREATE TABLE retctbl0 (ETC_ID INTEGER, ETC_NAME TEXT)",
            "INSERT INTO retcgc0 VALUES (1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (2, 3)",
        ):
            connection.exec_driver_sql(statement)
        # Each is cut to the longest value; four of them are more than the longest text.
        names = [(number, f"class{number} " + "verylongword " * 60) for number in (1, 2, 3, 4)]
        connection.exec_driver_sql("INSERT INTO retctbl0 VALUES (?, ?)", names)
    engine.dispose()


class Recording(FakeEmbedder):
    """Keeps the texts that it was given."""

    def __init__(self) -> None:
        super().__init__(DIMENSIONS)
        self.texts: list[str] = []

    def embed(self, texts):  # type: ignore[no-untyped-def]
        self.texts += texts
        return super().embed(texts)


def test_a_text_that_is_too_long_is_cut_at_a_word_and_said(bench: Bench) -> None:
    widen(bench)
    long = "GARLICEXTRACT" * 46
    add_packages(bench.url, [package(1, "ZORBAXIL 5 MG TABLET", 1, LN60=f"{long} 5 MG TABLET")])
    embedder = Recording()
    report = bench.run(embedder)
    assert report.failed == report.quarantined == 0
    assert report.completed
    longest = max(embedder.texts, key=len)
    assert LONGEST_TEXT - 20 < len(longest) <= LONGEST_TEXT
    assert longest.endswith("verylongword")
    assert sum(len(text) > LONGEST_TEXT - 20 for text in embedder.texts) == report.shortened == 1
    [said] = [one for one in report.warnings if "cut" in one]
    assert said.startswith("1 drugs")
    assert f"{LONGEST_TEXT:,}" in said
    # The next run finds it in step: the rule is the same each time.
    assert bench.run().unchanged == 8


def test_a_value_that_is_too_long_is_cut_and_said(bench: Bench) -> None:
    add_packages(
        bench.url, [package(1, "ZORBAXIL 5 MG TABLET", 1, LN60="ZORBAXIL " + "X" * 700 + " TABLET")]
    )
    report = bench.run()
    assert (report.shortened, report.failed, report.completed) == (1, 0, True)
    assert any(str(LONGEST_VALUE) in one for one in report.warnings)
    assert max(len(one.name) for one in bench.by_id().values()) == LONGEST_VALUE
    assert bench.run().unchanged == 8


def test_a_text_that_a_model_refuses_however_short_does_not_hold_up_its_batch(
    bench: Bench,
) -> None:
    report = bench.run(refusing("quemadol"), batch_size=8)
    assert (report.added, report.failed) == (7, 1)
