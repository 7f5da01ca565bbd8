"""Searches that go on while generations are built, swapped, rolled back and removed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.services.indexed import assert_tidy, contents
from tests.services.pharmacy import REWORD, write_pharmacy

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.lease import hold
from rxindex.search.searcher import Searcher
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.promote import roll_back
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

DRUGS = 600
#: A name, a form, the drug's own NDC: what each must always find.
ASKED = {"BABABACOXINE": 1, "capsule": 5, "00000-0001-01": 1}


class Reader:
    """Asks in a loop, in a thread of its own, and notes what was wrong."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._over = threading.Event()
        self._asked = threading.Condition()
        self._thread = threading.Thread(target=self._ask)
        self.rounds = 0
        self.wrong: list[object] = []
        self.generations: set[str] = set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Ask from before enter until after exit, at least a few times at both ends."""
        self._thread.start()
        try:
            self.wait()
            yield
            self.wait()
        finally:
            self._over.set()
            self._thread.join()

    def wait(self, rounds: int = 3) -> None:
        """Wait until everything was asked so many times more."""
        with self._asked:
            until = self.rounds + rounds
            assert self._asked.wait_for(lambda: self.rounds >= until, timeout=60)

    def _ask(self) -> None:
        while not self._over.is_set():
            for question, least in ASKED.items():
                try:
                    hits = self._searcher.search(question, 10).hits
                except Exception as error:  # whatever it is, the test tells
                    self.wrong.append((question, error))
                else:
                    if len(hits) < least:
                        self.wrong.append((question, hits))
            with self._asked:
                self.rounds += 1
                self._asked.notify_all()


class Place:
    """A catalogue with an index."""

    def __init__(
        self, folder: Path, server: EmbeddedRedis, name: str, able: Capabilities, words: Vocabulary
    ) -> None:
        self.url = f"sqlite:///{folder / 'fdb.db'}"
        self.path = folder / "fdb.db"
        self.catalogue = Catalogue(server.start(), name)
        self.able = able
        self.words = words
        write_pharmacy(self.url, DRUGS)
        assert self.run().completed

    def run(self, dimensions: int = 16, **options: object) -> SyncReport:
        return sync(
            open_source(self.url, page_size=200),
            FakeEmbedder(dimensions),
            self.catalogue,
            self.able,
            self.words,
            SyncOptions(batch_size=50, allow_deletes=True, **options),  # type: ignore[arg-type]
        )

    def reader(self, dimensions: int = 16) -> Reader:
        return Reader(Searcher(self.catalogue, FakeEmbedder(dimensions), self.words))

    def roll_back(self) -> str:
        with hold(self.catalogue, "rollback") as held:
            return roll_back(held)[1]


@pytest.fixture
def place(
    tmp_path: Path,
    redis_server: EmbeddedRedis,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
) -> Place:
    return Place(tmp_path, redis_server, catalogue.name, capabilities, vocabulary)


def change(place: Place) -> None:
    """Change every text, add a package to each drug, and take some drugs away."""
    with closing(sqlite3.connect(place.path)) as database, database:
        database.execute(REWORD)
        database.execute("DELETE FROM rndc14 WHERE GCN_SEQNO > 500")


def test_a_reader_sees_nothing_of_a_run_that_rewrites_everything(place: Place) -> None:
    reader = place.reader()
    change(place)
    with reader.reading():
        report = place.run()
        assert (report.updated, report.deleted) == (500, DRUGS - 500)
    assert reader.wrong == []


def test_a_reader_sees_nothing_of_generations_that_come_and_go(place: Place) -> None:
    reader = place.reader()
    with reader.reading():
        for _ in range(4):  # from the third on, each removes one
            assert place.run(rebuild=True).completed
            reader.wait(1)
    assert reader.wrong == []
    assert [one.name for one in place.catalogue.generations()] == ["g4", "g5"]
    assert_tidy(place.catalogue)


def test_a_reader_sees_nothing_of_going_back_and_forth(place: Place) -> None:
    assert place.run(rebuild=True).completed
    reader = place.reader()
    with reader.reading():
        lives = [place.roll_back() for _ in range(20)]
    assert lives == ["g1", "g2"] * 10
    assert reader.wrong == []
    assert contents(place.catalogue, "g1") == contents(place.catalogue, "g2")


def test_a_reader_whose_model_is_not_the_new_generations_still_gets_answers(place: Place) -> None:
    """It can't compare vectors any more, and goes on by names and codes."""
    reader = place.reader(16)
    with reader.reading():
        assert place.run(32, rebuild=True).completed
        reader.wait(2)
        assert place.run(24, rebuild=True).completed
        reader.wait(2)
        place.roll_back()
    assert reader.wrong == []


def test_a_reader_sees_nothing_of_a_run_that_failed_halfway(place: Place) -> None:
    """A reindex that ends before it goes live, and the one that completes what it began."""
    reader = place.reader()
    with reader.reading():
        report = place.run(rebuild=True, limit=100)
        assert (report.completed, report.generation) == (False, "g2")
        assert place.catalogue.live() == "g1"
        report = place.run(rebuild=True)
        assert (report.completed, report.generation, report.unchanged) == (True, "g2", 100)
    assert reader.wrong == []
