"""What is committed while a run reads, or late, or with the same time as something else."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.integration.sync.bench import DIMENSIONS, Bench, throttling
from tests.services.fdb import RNDC14, add_packages, package, remove_packages
from tests.services.mariadb import MariaDB

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed, SourceSchemaError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.sync.promote import Standards
from rxindex.sync.report import SyncReport
from rxindex.sync.since import read_latest_update
from rxindex.vocabulary import Vocabulary

NAMES = [a + b for a in ("ZORB", "QUEM", "WIBR") for b in ("AXIL", "EDOL", "OXAT", "UMAB")]
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]
DAY = dt.timedelta(days=1)
NONE = dt.timedelta(0)

_numbers = itertools.count(1)


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)


@pytest.fixture
def busy(
    mariadb: MariaDB,
    tmp_path: Path,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
) -> Bench:
    """The same in MariaDB, where others can write while a run reads."""
    url = mariadb.create_database(f"late_commits_{next(_numbers)}")
    url = url.replace("mysql://", "mysql+pymysql://")
    return Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS, url=url)


@pytest.fixture
def writer(busy: Bench) -> Iterator[sa.Connection]:
    """Somebody else's connection, with a transaction that is open until it is committed."""
    engine = sa.create_engine(busy.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def new(code: int, name: str, gcn: int, day: str = "20180101") -> dict[str, object]:
    return package(code, f"{name} 5 MG TABLET", gcn, DUPDC=day)


def names(bench: Bench) -> set[str]:
    return {one.removesuffix(" 5 MG TABLET") for one in bench.drugs()}


def seen(bench: Bench) -> dt.datetime | None:
    return read_latest_update(bench.catalogue, bench.catalogue.require_live().name)


# -- in the middle of a run ------------------------------------------------------------------------


def test_what_is_committed_while_a_run_reads_is_in_the_next_ones_drugs(busy: Bench) -> None:
    embedder = FakeEmbedder(DIMENSIONS)
    embedder.batch_size = 1
    changed: list[int] = []

    def change(report: SyncReport, packages: int) -> None:
        if not changed:
            changed.append(report.total_processed)
            add_packages(
                busy.url,
                [
                    new(100, "BEHIND", 1),
                    new(101, "AHEAD", 12),
                    new(102, NAMES[11], 12),
                    package(11, f"{NAMES[11]} 5 MG TABLET", 12),  # from the drug before it
                ],
            )
            remove_packages(busy.url, ["00000000010"])

    first = busy.run(embedder, batch_size=1, source=busy.source(1), progress=change)
    assert changed == [1]
    # The run is whole, and knows of none of it.
    assert (first.completed, first.added, first.packages) == (True, 12, 12)
    assert names(busy) == set(NAMES)
    assert len(busy.drugs()[f"{NAMES[11]} 5 MG TABLET"].packages) == 1
    second = busy.run(batch_size=1, allow_deletes=True)
    assert (second.added, second.metadata_only, second.deleted) == (2, 1, 2)
    assert names(busy) == {*NAMES, "BEHIND", "AHEAD"} - {NAMES[9], NAMES[10]}
    packages = busy.drugs()[f"{NAMES[11]} 5 MG TABLET"].packages
    assert [one.ndc for one in packages] == ["00000000011", "00000000012", "00000000102"]


def test_a_transaction_that_is_open_during_a_run_is_not_lost(
    busy: Bench, writer: sa.Connection
) -> None:
    writer.execute(sa.insert(RNDC14), [new(100, "OPEN", 3), new(101, NAMES[4], 5)])
    assert busy.run().added == 12
    writer.commit()
    second = busy.run()
    assert (second.added, second.metadata_only) == (1, 1)


# -- update times --------------------------------------------------------------------------------


def test_a_row_that_is_committed_late_with_the_latest_time_is_found(
    busy: Bench, writer: sa.Connection
) -> None:
    writer.execute(sa.insert(RNDC14), [new(100, "TWIN", 3, "20180301")])
    add_packages(busy.url, [new(101, "LATEST", 4, "20180301")])
    busy.run()
    assert seen(busy) == dt.datetime(2018, 3, 1)  # noqa: DTZ001
    writer.commit()
    report = busy.since(lag=NONE)
    assert (report.completed, report.added, report.unchanged) == (True, 1, 3)
    assert "TWIN" in names(busy)


@pytest.mark.parametrize(("days", "found"), [(1, True), (2, True), (3, False)])
def test_a_row_that_is_committed_late_with_an_older_time_is_found_within_the_lag(
    busy: Bench, writer: sa.Connection, days: int, found: bool
) -> None:
    late = (dt.date(2018, 3, 10) - days * DAY).strftime("%Y%m%d")
    writer.execute(sa.insert(RNDC14), [new(100, "LATE", 3, late)])
    add_packages(busy.url, [new(101, "LATEST", 4, "20180310")])
    busy.run()
    writer.commit()
    assert busy.since(lag=2 * DAY).completed
    assert ("LATE" in names(busy)) is found
    assert busy.run().added == (not found)


def test_more_rows_of_one_time_than_a_page_holds_are_all_found(bench: Bench) -> None:
    bench.run()
    more = [f"{name}NEW" for name in NAMES]
    add_packages(bench.url, [new(100 + n, name, n, "20180301") for n, name in enumerate(more, 1)])
    report = bench.since(source=bench.source(2), batch_size=5)
    assert (report.added, report.completed) == (12, True)
    assert names(bench) == {*NAMES, *more}
    # Another run finds the same rows, and has nothing to do.
    again = bench.since(lag=NONE)
    assert (again.unchanged, again.added, again.embedding_calls) == (24, 0, 0)


def test_what_a_later_update_takes_along_moves_the_bound(bench: Bench) -> None:
    bench.run()
    assert seen(bench) == dt.datetime(2018, 1, 1)  # noqa: DTZ001
    add_packages(bench.url, [new(100, "MARCH", 3, "20180301")])
    assert bench.since().added == 1
    assert seen(bench) == dt.datetime(2018, 3, 1)  # noqa: DTZ001
    add_packages(bench.url, [new(101, "FEBRUARY", 7, "20180201")])
    assert bench.since().added == 0
    # A time that is given is taken as it is, and does not move the bound back.
    report = bench.since(dt.datetime(2018, 2, 1))  # noqa: DTZ001
    assert (report.added, report.completed) == (1, True)
    assert seen(bench) == dt.datetime(2018, 3, 1)  # noqa: DTZ001


def test_a_time_that_lies_ahead_does_not_hide_all_others(bench: Bench) -> None:
    add_packages(bench.url, [new(100, "TYPO", 3, "20991231")])
    bench.run()
    today = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    noted = seen(bench)
    assert noted is not None
    assert noted <= today
    add_packages(bench.url, [new(101, "TODAY", 4, today.strftime("%Y%m%d"))])
    report = bench.since()
    assert (report.added, report.completed) == (1, True)
    noted = seen(bench)
    assert noted is not None
    assert noted <= dt.datetime.now(dt.UTC).replace(tzinfo=None)


def test_drugs_that_had_to_wait_are_not_behind_the_bound(bench: Bench) -> None:
    add_packages(bench.url, [new(100, "LATEST", 3, "20180601")])
    first = bench.run(throttling("zorbaxil"), standards=Standards(most_missing=0.5))
    assert (first.deferred, first.completed) == (1, False)
    assert seen(bench) is None
    assert (bench.run().added, seen(bench)) == (1, dt.datetime(2018, 6, 1))  # noqa: DTZ001
    add_packages(bench.url, [new(101, "NEXTMAB", 3, "20180701")])
    busy = bench.since(embedder=throttling("nextmab"))
    assert (busy.deferred, busy.completed) == (1, False)
    assert seen(bench) == dt.datetime(2018, 6, 1)  # noqa: DTZ001
    assert bench.since(lag=NONE).added == 1


def test_each_generation_has_a_bound_of_its_own(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [new(100, "MARCH", 3, "20180301")])
    bench.run(FakeEmbedder(8), new_generation=True)
    assert seen(bench) == dt.datetime(2018, 3, 1)  # noqa: DTZ001
    assert read_latest_update(bench.catalogue, "g1") == dt.datetime(2018, 1, 1)  # noqa: DTZ001


def test_a_dry_run_since_a_time_leaves_no_trace(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [new(100, "MARCH", 3, "20180301")])
    before = bench.dump()
    report = bench.since(dry_run=True)
    assert (report.added, report.embedding_calls) == (1, 1)
    assert bench.dump() == before


def test_before_a_full_sync_it_is_not_known_where_to_begin(bench: Bench) -> None:
    with pytest.raises(CatalogueNotIndexed, match="rxindex sync"):
        bench.since()
    bench.run(limit=3)
    with pytest.raises(CatalogueNotIndexed, match="full sync once, or give a date"):
        bench.since()
    assert bench.since(dt.datetime(2018, 1, 1)).added == 9  # noqa: DTZ001


def test_a_source_without_update_times_says_so(bench: Bench) -> None:
    engine = sa.create_engine(bench.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rndc14 DROP COLUMN DUPDC")
    engine.dispose()
    assert bench.run().completed
    assert seen(bench) is None
    with pytest.raises(SourceSchemaError, match="DUPDC"):
        bench.since(dt.datetime(2018, 1, 1))  # noqa: DTZ001
