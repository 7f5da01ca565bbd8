"""The raw limits do the same work as a sync and a search, and leave nothing behind."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.services.fdb import create_tables, package
from tests.services.indexed import contents
from tests.services.mariadb import MariaDB

from rxindex.bench.questions import judged_requests, searches
from rxindex.bench.raw import copy_raw, distinct_texts, embed_alone, read_bare
from rxindex.bench.recording import Recorder, replay
from rxindex.bench.scratch import scratch_catalogue
from rxindex.bench.searching import measure_search
from rxindex.bench.syncing import measure_sync, write_alone
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import ConfigurationError, SourceNotFound
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.evaluation.judged import read_judged
from rxindex.search.request import SearchRequest
from rxindex.search.searcher import Searcher
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary


def quiet(doing: str, done: int, total: int) -> None:
    """Say nothing."""


INGREDIENTS = (
    "ATORVASTATIN", "LISINOPRIL", "METFORMIN", "AMLODIPINE", "SERTRALINE", "PREDNISONE",
    "ALPRAZOLAM", "OMEPRAZOLE",
)  # fmt: skip
#: Each ingredient in four strengths, each strength in three packages.
PACKAGES = [
    package(1000 * number + 10 * place + size, f"{name} {strength} MG TABLET", 10 * number + place)
    for number, name in enumerate(INGREDIENTS, start=1)
    for place, strength in enumerate((5, 10, 20, 40))
    for size in range(3)
]


@pytest.fixture(scope="module")
def fdb(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A catalogue in FDB's tables, with classes."""
    file = tmp_path_factory.mktemp("fdb") / "fdb.db"
    url = f"sqlite:///{file}"
    create_tables(url, PACKAGES)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE retcgc0 (GCN_SEQNO INTEGER, ETC_ID INTEGER)")
        database.execute("CREATE TABLE retctbl0 (ETC_ID INTEGER, ETC_NAME TEXT)")
        database.execute("INSERT INTO retcgc0 VALUES (10, 1), (11, 1)")
        database.execute("INSERT INTO retctbl0 VALUES (1, 'Statins')")
    return url


@pytest.fixture
def loaded(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, fdb: str
) -> Iterator[Catalogue]:
    sync(open_source(fdb), FakeEmbedder(), catalogue, capabilities, vocabulary, SyncOptions())
    yield catalogue


def test_the_bare_driver_reads_every_package_of_sqlite(fdb: str) -> None:
    assert read_bare(fdb).count == len(PACKAGES)


def test_the_bare_driver_reads_every_package_of_mariadb(mariadb: MariaDB) -> None:
    url = mariadb.create_database("barely")
    create_tables(url.replace("mysql:", "mysql+pymysql:"), PACKAGES)
    assert read_bare(url).count == len(PACKAGES)


def test_a_catalogue_without_the_lookups_is_read_all_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, PACKAGES[:7])
    assert read_bare(url).count == 7


def test_the_directory_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "product.txt").write_bytes(b"PRODUCTID\tX\r\n1\ta\r\n")
    (tmp_path / "package.txt").write_bytes(b"PRODUCTID\tX\r\n1\ta\r\n1\tb\xe9\r\n1\tc\r\n")
    assert read_bare(f"ndc:{tmp_path}").count == 3
    with pytest.raises(SourceNotFound):
        read_bare(f"ndc:{tmp_path / 'nowhere'}")


def test_texts_are_those_that_a_sync_embeds(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, fdb: str
) -> None:
    options = SyncOptions()
    texts = distinct_texts(open_source(fdb), vocabulary, options.day)
    report = sync(open_source(fdb), FakeEmbedder(), catalogue, capabilities, vocabulary, options)
    assert len(set(texts)) == len(texts) == report.embedding_calls
    assert embed_alone(FakeEmbedder(), texts).count == len(texts)


def test_raw_writing_makes_the_same_documents(
    loaded: Catalogue, capabilities: Capabilities
) -> None:
    live = loaded.require_live()
    other = loaded.create(live.model_id, live.dimensions, live.settings, capabilities, 100)
    spent = copy_raw(loaded, live, other)
    assert contents(loaded, other.name) == contents(loaded, live.name)
    drugs = loaded.counts(live.name).documents
    assert loaded.counts(other.name).documents == drugs
    assert spent.count >= drugs
    assert spent.redis_cpu > 0


def test_writing_alone_leaves_the_catalogue_as_it_was(
    loaded: Catalogue, capabilities: Capabilities
) -> None:
    before = contents(loaded)
    spent = write_alone(loaded, capabilities)
    assert spent.count >= len(before)
    assert contents(loaded) == before
    assert len(loaded.generations()) == 1


def test_a_scratch_catalogue_goes_and_others_stay(
    loaded: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, fdb: str
) -> None:
    client = loaded.client
    keys = set(client.scan_iter(count=10_000))
    indexes = set(command(client, "FT._LIST"))
    with scratch_catalogue(client) as scratch:
        sync(open_source(fdb), FakeEmbedder(), scratch, capabilities, vocabulary, SyncOptions())
        assert scratch.live() is not None
    assert set(client.scan_iter(count=10_000)) == keys
    assert set(command(client, "FT._LIST")) == indexes
    assert scratch.live() is None


def test_a_scratch_catalogue_goes_when_the_measurement_fails(redis_server: EmbeddedRedis) -> None:
    client = redis_server.start()
    with pytest.raises(ValueError, match="stop"), scratch_catalogue(client) as scratch:
        client.set(scratch.key("something"), 1)
        raise ValueError("stop")
    assert list(client.scan_iter(match=f"{scratch.alias}*", count=10_000)) == []


def test_a_scratch_server_of_its_own_is_empty(
    capabilities: Capabilities, vocabulary: Vocabulary, fdb: str
) -> None:
    with scratch_catalogue() as scratch:
        assert command(scratch.client, "FT._LIST") == []
        figures = measure_sync(
            lambda: open_source(fdb), lambda: read_bare(fdb), FakeEmbedder(), scratch,
            capabilities, vocabulary, SyncOptions(), sample=3, tell=quiet,
        )  # fmt: skip
    assert figures.packages == figures.read.count == figures.cold.count
    assert figures.drugs <= figures.write.count
    assert figures.embed.count == 3
    assert figures.texts == len(INGREDIENTS)
    assert figures.drugs == 4 * len(INGREDIENTS)
    assert figures.redis_bytes > 0
    assert figures.no_change_factor == pytest.approx(
        figures.no_change.seconds / figures.read.seconds, abs=1e-3
    )


def test_recorded_searches_get_the_same_replies_again(
    loaded: Catalogue, vocabulary: Vocabulary
) -> None:
    recorder = Recorder(loaded.client)
    with closing(recorder.client) as client:
        searcher = Searcher(Catalogue(client, loaded.name), FakeEmbedder(), vocabulary)
        searcher.warm()
        recorder.take()
        assert searcher.search("tablet").hits
        trips = recorder.take()
        assert recorder.take() == []
    assert trips
    assert all(one.replies for one in trips)
    found = replay(loaded.client, [trips], 0.05)
    assert found.answers > 1
    # A reply too many or too few would be the next command's.
    assert loaded.client.ping()
    assert loaded.client.echo("still in step") == b"still in step"


def test_questions_are_about_the_catalogue(loaded: Catalogue, vocabulary: Vocabulary) -> None:
    made = list(searches(loaded, vocabulary, 200, repeat=False))
    assert len(set(made)) == 200
    again = list(searches(loaded, vocabulary, 200, repeat=False))
    assert made == again
    searcher = Searcher(loaded, FakeEmbedder(), vocabulary)
    found = sum(bool(searcher.search(one).hits) for one in made)
    assert found > 100
    assert len(set(searches(loaded, vocabulary, 200, repeat=True))) < 200


def test_judged_questions_are_those_with_an_answer_here(loaded: Catalogue) -> None:
    asked = judged_requests(loaded)
    assert 0 < len(asked) < len(read_judged(None))


def test_a_search_is_measured_beside_its_commands(
    loaded: Catalogue, vocabulary: Vocabulary
) -> None:
    made = list(searches(loaded, vocabulary, 500, repeat=False))
    figures = measure_search(loaded, FakeEmbedder(), vocabulary, made, seconds=0.2, tell=quiet)
    assert figures.drugs == loaded.counts(loaded.require_live().name).documents
    assert 1 <= figures.searches.answers <= 200
    assert figures.raw.answers >= 300
    assert figures.round_trips >= 1
    assert figures.embedder.answers == 200


def test_too_few_questions_are_refused(loaded: Catalogue, vocabulary: Vocabulary) -> None:
    few = [SearchRequest(f"drug {random.Random(number).random()}") for number in range(5)]
    with pytest.raises(ConfigurationError, match="of 5 queries too few"):
        measure_search(loaded, FakeEmbedder(), vocabulary, few, seconds=1, tell=quiet)
