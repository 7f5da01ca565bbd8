"""Services that go away, come back, stall, fill up or refuse in the middle of a run.

Whatever happens: the run goes on, or ends with an error that says what to do; searches are
answered from what was there; and the next run leaves what a run that nobody disturbed leaves.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour
from tests.services.gate import Gate
from tests.services.indexed import assert_tidy, contents, doubled
from tests.services.mariadb import MariaDB
from tests.services.pharmacy import REWORD, write_pharmacy
from tests.services.redis import RedisServer
from tests.services.runs import TODAY

from rxindex.embed.base import Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.embed.titan import TitanEmbedder
from rxindex.errors import (
    EmbedRejected,
    ErrorBudgetSpent,
    IndexFull,
    IndexUnavailable,
    LeaseLost,
    RxindexError,
    SourceUnavailable,
)
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.quarantine import read_entries, release
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

pytestmark = [pytest.mark.xdist_group("outages"), pytest.mark.lasts(35)]

Strike = Callable[[], object]


class Place:
    """A catalogue, an index, and runs between them that something strikes."""

    def __init__(self, folder: Path, server: RedisServer, words: Vocabulary) -> None:
        self.path = folder / "fdb.db"
        self.source = f"sqlite:///{self.path}"
        write_pharmacy(self.source)
        self.redis = server.url
        self.server = server
        self.words = words
        self.page_size = 100

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.server.client(), "fdb")

    def change(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            for statement in statements:
                database.execute(statement)

    def run(
        self,
        strike: Strike | None = None,
        *,
        at: int = 3,
        name: str = "fdb",
        embedder: Embedder | None = None,
        timeout: float = 30.0,
        patience: int = 3,
        **options: Any,
    ) -> SyncReport:
        """Run; after so many batches something happens."""
        batches = 0

        def progress(report: SyncReport, packages: int) -> None:
            nonlocal batches
            batches += 1
            if batches == at and strike is not None:
                strike()

        given: dict[str, Any] = {
            "batch_size": 25,
            "checkpoint_seconds": 0.0,
            "today": TODAY,
        } | options
        with closing(connect(self.redis, timeout=timeout, patience=patience)) as client:
            return sync(
                open_source(self.source, page_size=self.page_size),
                embedder or _embedder(),
                Catalogue(client, name),
                probe(client),
                self.words,
                SyncOptions(**given),
                progress,
            )

    def struck(self, kind: type[RxindexError], words: str, code: int, *args: Any, **kw: Any) -> str:
        """Run into an error of this kind, with these words and this exit code."""
        with pytest.raises(kind, match=words) as caught:
            self.run(*args, **kw)
        assert caught.value.exit_code == code
        return str(caught.value)

    def check(self, embedder: Embedder | None = None) -> None:
        """Hold the index against one of the same source that was built in one go."""
        assert self.run(name="once", embedder=embedder, new_generation=True).completed
        once = Catalogue(self.server.client(), "once")
        assert contents(self.catalogue) == contents(once)
        assert doubled(self.catalogue) == []
        assert_tidy(self.catalogue)


def _embedder() -> FakeEmbedder:
    """An embedder that takes a batch at a time, so that no run has read everything too soon."""
    embedder = FakeEmbedder(16)
    embedder.batch_size = 1
    return embedder


@pytest.fixture
def redis_of_its_own(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder, "--appendonly", "yes") as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, redis_of_its_own: RedisServer, vocabulary: Vocabulary) -> Place:
    return Place(tmp_path, redis_of_its_own, vocabulary)


# -- Redis -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loaded", [False, True], ids=["first load", "changes"])
def test_a_restart_of_redis_is_survived(place: Place, loaded: bool) -> None:
    if loaded:
        assert place.run().completed
        place.change(REWORD)

    def restart() -> None:
        place.server.kill()
        place.server.start()

    assert place.run(restart).completed
    place.check()


def test_a_redis_that_stays_away_ends_the_run_and_the_next_one_goes_on(place: Place) -> None:
    assert place.run().completed
    before = contents(place.catalogue)
    place.change(REWORD)
    place.struck(
        IndexUnavailable, r"Redis does not answer \((writing|reading|saving|taking|entering)", 5,
        place.server.kill, patience=1,
    )  # fmt: skip
    place.server.start()
    assert contents(place.catalogue).keys() == before.keys()
    # The lease could not be given back; this process, its holder, need not wait for its end.
    report = place.run()
    assert (report.completed, report.resumed) == (True, True)
    place.check()


def test_a_redis_that_comes_back_empty_is_loaded_anew(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        place = Place(tmp_path, server, vocabulary)
        assert place.run().completed
        place.change(REWORD)

        def restart() -> None:
            server.kill()
            server.start()

        place.struck(LeaseLost, "lost its lease", 8, restart)
        assert place.run().completed
        place.check()


def test_connections_to_redis_that_break_are_made_anew(place: Place) -> None:
    with Gate(place.server.port) as gate:
        place.redis = f"redis://127.0.0.1:{gate.port}"
        assert place.run(gate.cut).completed
        place.change(REWORD)
        assert place.run(gate.cut).completed
        place.check()


def test_a_redis_that_stalls_ends_the_run_in_time(place: Place) -> None:
    with Gate(place.server.port) as gate:
        place.redis = f"redis://127.0.0.1:{gate.port}"
        assert place.run().completed
        place.change(REWORD)
        began = 0.0

        def stall() -> None:
            nonlocal began
            began = time.monotonic()
            gate.stall()

        place.struck(IndexUnavailable, "Redis does not answer", 5, stall, timeout=0.5)
        # Besides the call that failed: the checkpoint, the lease and the record are tried.
        assert time.monotonic() - began < 10
        gate.resume()
        assert place.run().completed
        place.check()


def test_a_redis_that_is_full_ends_the_run_and_once_there_is_room_the_next_goes_on(
    place: Place,
) -> None:
    client = place.server.client()
    assert place.run().completed
    place.change(REWORD)

    def fill() -> None:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"]) // 2)

    message = place.struck(IndexFull, "Redis reached maxmemory", 5, fill)
    assert "raise maxmemory" in message
    assert "run the same command again" in message
    # Reading goes on, and a run that can't even begin says why.
    assert len(contents(place.catalogue)) > 100
    place.struck(IndexFull, "maxmemory", 5)
    client.config_set("maxmemory", 0)
    report = place.run()
    assert (report.completed, report.resumed) == (True, True)
    place.check()


def test_a_first_load_into_too_small_a_redis_leaves_nothing_to_search_until_it_is_larger(
    place: Place,
) -> None:
    client = place.server.client()
    client.config_set("maxmemory", int(client.info("memory")["used_memory"]) + 400_000)
    place.struck(IndexFull, "Redis reached maxmemory", 5)
    assert place.catalogue.live() is None
    client.config_set("maxmemory", 0)
    assert place.run().completed
    place.check()


# -- the database ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database() -> Iterator[MariaDB]:
    """A server that may be restarted: no other test's."""
    with MariaDB() as server:
        yield server


@pytest.fixture
def away(place: Place, database: MariaDB) -> Place:
    """The same catalogue in MariaDB, loaded once, then changed."""
    url = database.create_database("fdb")
    write_pharmacy(
        sa.URL.create(
            "mysql+pymysql", database.user, database.password, "127.0.0.1", database.port, "fdb"
        )
    )
    place.source = url
    assert place.run().completed
    database.execute(REWORD, (), "fdb")
    return place


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_of_the_database_ends_the_run_and_the_next_one_goes_on(
    away: Place, database: MariaDB, how: str
) -> None:
    def restart() -> None:
        getattr(database, how)()
        database.start()

    message = away.struck(SourceUnavailable, "127.0.0.1|database", 4, restart)
    assert MariaDB.password not in message
    report = away.run()
    assert (report.completed, report.resumed) == (True, True)
    away.check()


def test_a_database_that_is_not_there_is_told_before_anything_else(
    away: Place, database: MariaDB
) -> None:
    before = contents(away.catalogue)
    database.stop()
    away.struck(SourceUnavailable, "127.0.0.1", 4)
    assert contents(away.catalogue) == before
    database.start()
    assert away.run().completed
    away.check()


def test_a_connection_to_the_database_that_breaks_ends_the_run_and_the_next_one_goes_on(
    away: Place, database: MariaDB
) -> None:
    whole = away.source
    with Gate(database.port) as gate:
        away.source = whole.replace(f":{database.port}/", f":{gate.port}/")
        away.struck(SourceUnavailable, "127.0.0.1|database", 4, gate.cut)
        assert away.run().resumed
        away.source = whole
        away.check()


def test_a_database_that_stalls_ends_the_run_in_time(away: Place, database: MariaDB) -> None:
    whole = away.source
    with Gate(database.port) as gate:
        away.source = whole.replace(f":{database.port}/", f":{gate.port}/") + "?read_timeout=1"
        began = time.monotonic()
        away.struck(SourceUnavailable, "127.0.0.1|database", 4, gate.stall)
        assert time.monotonic() - began < 20
        gate.resume()
        assert away.run().completed
        away.source = whole
        away.check()


# -- the model ---------------------------------------------------------------------------------


def refuses(share: float) -> Callable[[str], RxindexError | None]:
    """Refuse this share of all texts, always the same ones."""

    def fail(text: str) -> RxindexError | None:
        dice = hashlib.blake2b(text.encode(), digest_size=2).digest()
        if int.from_bytes(dice, "big") < share * 65_536:
            return EmbedRejected("the model does not like this text")
        return None

    return fail


def test_five_in_a_hundred_texts_that_fail_keep_their_old_documents(place: Place) -> None:
    assert place.run().completed
    old = contents(place.catalogue)
    place.change(REWORD)
    report = place.run(embedder=FakeEmbedder(16, fail_on=refuses(0.05)))
    assert report.completed
    waiting = {one.drug_id: one for one in read_entries(place.catalogue)}
    assert 0.01 * len(old) < len(waiting) < 0.12 * len(old)
    assert report.failed == report.quarantined == report.in_quarantine == len(waiting)
    assert report.successful == report.total_processed - len(waiting)
    assert {one.error for one in waiting.values()} == {"EmbedRejected"}
    assert all("does not like" in one.reason and one.text for one in waiting.values())
    now = contents(place.catalogue)
    assert place.run(name="once").completed
    right = contents(Catalogue(place.server.client(), "once"))
    assert now == {one: old[one] if one in waiting else right[one] for one in right}
    assert doubled(place.catalogue) == []
    # The fault is mended.
    release(place.catalogue, None)
    assert place.run().updated == len(waiting)
    place.check()


def test_a_model_that_refuses_everything_ends_the_run_and_changes_nothing(place: Place) -> None:
    assert place.run().completed
    old = contents(place.catalogue)
    place.change(REWORD)
    message = place.struck(
        ErrorBudgetSpent, "in a row failed", 7, embedder=FakeEmbedder(16, fail_on=refuses(1.0))
    )
    assert "does not like" in message
    assert "quarantine list" in message
    assert contents(place.catalogue) == old
    assert len(read_entries(place.catalogue)) >= 50
    release(place.catalogue, None)
    assert place.run().completed
    place.check()


Titan = Callable[..., TitanEmbedder]


@pytest.fixture
def bedrock() -> Iterator[BedrockEndpoint]:
    with BedrockEndpoint(Behaviour(retry_after=0.2)) as endpoint:
        yield endpoint


@pytest.fixture
def titan(bedrock: BedrockEndpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Titan]:
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    made: list[TitanEmbedder] = []

    def make(**options: Any) -> TitanEmbedder:
        made.append(TitanEmbedder(dimensions=256, endpoint_url=bedrock.url, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_time_of_throttling_slows_a_run_down_and_fails_nothing(
    place: Place, bedrock: BedrockEndpoint, titan: Titan
) -> None:
    model = titan()
    ending: list[threading.Timer] = []

    def throttle() -> None:
        bedrock.behaviour.throttle_first = 1_000_000
        ending.append(threading.Timer(4.0, end))
        ending[0].start()

    def end() -> None:
        bedrock.behaviour.throttle_first = 0

    report = place.run(throttle, at=1, embedder=model)
    ending[0].join()
    assert report.completed, report.warnings
    assert (report.failed, report.quarantined, report.deferred) == (0, 0, 0)
    assert report.successful == report.added == report.total_processed
    assert report.failures == []
    assert model.counters.throttles > 0
    # Refusals are no calls that were made, and cost nothing.
    assert report.embedding_calls == bedrock.counts.answered
    assert read_entries(place.catalogue) == []
    place.check(titan())


def test_throttling_without_an_end_leaves_drugs_for_the_next_run(
    place: Place, bedrock: BedrockEndpoint, titan: Titan
) -> None:
    assert place.run(embedder=titan()).completed
    old = contents(place.catalogue)
    place.change(REWORD)
    bedrock.behaviour.throttle_first = 1_000_000
    report = place.run(embedder=titan(retry_seconds=0.3))
    assert not report.completed
    assert report.deferred > 50
    assert (report.failed, report.quarantined, report.in_quarantine) == (0, 0, 0)
    assert any("asked to slow down" in one and "run again" in one for one in report.warnings)
    assert contents(place.catalogue) == old
    bedrock.behaviour.throttle_first = 0
    report = place.run(embedder=titan())
    assert (report.completed, report.updated) == (True, report.total_processed - report.unchanged)
    place.check(titan())
