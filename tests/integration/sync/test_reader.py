"""A first load whose rows are read by another process."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.sync.bench import TODAY, Bench, Stopper, refusing
from tests.services.fdb import add_packages, package, remove_packages
from tests.services.mariadb import MariaDB

from rxindex.errors import SourceDataError, SourceUnavailable
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.source.sql import SqlSource
from rxindex.sync.assemble import RowCounts
from rxindex.sync.batch import DrugBatch
from rxindex.sync.reader import Reader
from rxindex.sync.reading import changed_batches
from rxindex.sync.report import SyncReport
from rxindex.sync.verify import VerifyOptions, verify
from rxindex.vocabulary import Vocabulary

#: More than fits into the pipe between the processes.
COUNT = 700
ROWS = [
    package(ndc, f"ZORB{ndc % 300:03d} 5 MG TABLET", 1 + ndc % 300, PD=f"BOX {ndc}")
    for ndc in range(1, COUNT)
]
#: What a run reads of a source.
ALL = Partition("all")
#: A bad NDC, a code that is none, and a row without a group.
ODD = [
    package("12", "ZORB001 5 MG TABLET", 2),
    package(COUNT + 1, "ZORB005 5 MG TABLET", 6, DEA="X"),
    package(COUNT, "LOOSE 5 MG TABLET", 0),
]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary, [*ROWS, *ODD])


def readers() -> list[int]:
    """Process ids of the readers that this process has started and that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid() and b"rxindex.sync.reader" in command:
            found.append(int(folder.name))
    return found


class Watch:
    """Notes the readers that are at work while a run is."""

    def __init__(self, then: Callable[[int], None] = lambda pid: None) -> None:
        self.seen: set[int] = set()
        self._then = then

    def __call__(self, report: SyncReport, packages: int) -> None:
        for pid in readers():
            if pid not in self.seen:
                self.seen.add(pid)
                self._then(pid)


def content(bench: Bench) -> dict[str, object]:
    """Everything that the live generation has of each drug, and what its ledger says."""
    store = bench.store
    ids = [one for some in store.ids() for one in some]
    drugs = dict(zip(ids, store.get(ids), strict=True))
    return {**drugs, "ledger": dict(store.ledger.entries())}


def facts(report: SyncReport) -> dict[str, object]:
    return {
        name: getattr(report, name)
        for name in (
            "total_processed", "packages", "added", "failed", "shortened", "warnings",
            "embedding_calls", "in_quarantine", "completed",
        )
    }  # fmt: skip


def reader_of(bench: Bench, vocabulary: Vocabulary, size: int = 1) -> Reader:
    return Reader(SqlSource(bench.url, page_size=3), vocabulary, TODAY, size)


def nobody() -> Generator[DrugBatch, None, None]:
    raise AssertionError("the other process was to read")


def comparable(batch: DrugBatch) -> tuple[DrugBatch, list[tuple[str, str, bool]]]:
    """Take the errors out of a batch: two that say the same are not equal."""
    rejected = [(one.drug_id, repr(one.error), one.drug_lost) for one in batch.rejected]
    return msgspec.structs.replace(batch, rejected=[]), rejected


def test_batches_are_those_that_this_process_would_make(
    bench: Bench, vocabulary: Vocabulary
) -> None:
    here, there = RowCounts(), RowCounts()
    with bench.source() as source:
        wanted = list(changed_batches(source.chunks(ALL), None, vocabulary, TODAY, here, 50))
        notes = source.notes()
    reader = reader_of(bench, vocabulary, 50)

    found = list(reader.batches(ALL, None, there, nobody))

    assert [comparable(one) for one in found] == [comparable(one) for one in wanted]
    assert (there, reader.notes()) == (here, notes)
    assert sum(len(one.rejected) for one in wanted) == 1
    assert readers() == []


def test_it_goes_on_behind_a_group(bench: Bench, vocabulary: Vocabulary) -> None:
    batches = reader_of(bench, vocabulary).batches(ALL, (290,), RowCounts(), nobody)

    assert [one.after for one in batches] == [(group,) for group in range(291, 301)]


def test_a_load_writes_what_one_without_a_reader_writes(bench: Bench) -> None:
    alone = bench.run(reader_from=None)
    expected = content(bench)
    watch = Watch()

    report = bench.run(reader_from=COUNT, progress=watch, rebuild=True, batch_size=5)

    assert len(watch.seen) == 1
    assert readers() == []
    assert content(bench) == expected
    assert report.completed
    ours = facts(report) | {"embedding_calls": alone.embedding_calls}  # vectors are carried over
    assert ours == facts(alone)
    assert bench.run().unchanged == alone.added


def test_what_is_odd_about_the_rows_is_told(bench: Bench) -> None:
    with_reader = bench.run(reader_from=1)
    assert with_reader.warnings == bench.run(reader_from=None, full=True).warnings


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"reader_from": COUNT + 2}, 1),
        ({"reader_from": COUNT + 3}, 0),
        ({"reader_from": None}, 0),
        ({"reader_from": 1, "max_drugs": 200}, 0),
        ({"reader_from": 1, "limit": 200}, 0),
        ({"reader_from": 1, "skip": 5}, 0),
    ],
)
def test_when_there_is_one(bench: Bench, options: dict[str, Any], expected: int) -> None:
    watch = Watch()
    bench.run(progress=watch, batch_size=5, **options)
    assert len(watch.seen) == expected


def test_it_is_left_out_when_something_is_known(bench: Bench) -> None:
    watch = Watch()
    bench.run()
    add_packages(bench.url, [package(9_000, "NEW 5 MG TABLET", 9_000)])

    assert bench.run(progress=watch, reader_from=1, batch_size=5).added == 1
    assert not watch.seen


def test_a_full_look_has_one_and_finds_what_was_removed(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, [f"{ndc:011d}" for ndc in (7, 307, 607)])
    watch = Watch()

    report = bench.run(progress=watch, reader_from=1, full=True, batch_size=5)

    assert (report.deleted, len(watch.seen)) == (1, 1)


@pytest.mark.parametrize("options", [{}, {"repair": True}, {"sample": 40, "seed": 1}], ids=str)
def test_a_comparison_has_one_and_finds_the_same(bench: Bench, options: dict[str, Any]) -> None:
    bench.run()
    store, ids = bench.store, sorted(bench.by_id())
    seen: set[int] = set()

    def compared(reader_from: int | None) -> dict[str, object]:
        store.delete(ids[:3])
        bench.client.hset(store.key(ids[3]), "brand", "Oldbrand")
        chosen = VerifyOptions(today=TODAY, batch_size=5, reader_from=reader_from, **options)
        with bench.source() as source:
            report = verify(
                source, bench.embedder, bench.catalogue, bench.words, chosen,
                lambda rows, packages: seen.update(readers()),
            )  # fmt: skip
        report.duration = 0.0
        return msgspec.structs.asdict(report)

    alone = compared(None)
    assert not seen
    with_reader = compared(COUNT)
    assert len(seen) == 1
    assert readers() == []
    assert with_reader == alone
    assert alone["rejected"] == 1
    assert alone["different"] == 4 or "sample" in options


def test_a_reader_that_is_killed_ends_the_run_which_is_resumed(bench: Bench) -> None:
    kill = Watch(lambda pid: os.kill(pid, signal.SIGKILL))
    with pytest.raises(SourceUnavailable, match=r"exit code -9 .*Run again"):
        bench.run(reader_from=1, progress=kill, batch_size=5, checkpoint_seconds=0)
    assert readers() == []

    report = bench.run(reader_from=1)

    assert report.resumed
    expected = content(bench)
    bench.run(reader_from=None, rebuild=True)
    assert content(bench) == expected


def test_a_run_that_stops_leaves_no_reader(bench: Bench) -> None:
    stopper = Stopper(2)
    stopped = bench.run(reader_from=1, progress=stopper, stop=stopper.stop, batch_size=5)
    assert (stopped.completed, readers()) == (False, [])

    report = bench.run(reader_from=1)

    assert report.resumed
    assert report.completed
    assert stopped.added + report.added == len(content(bench)) - 1


def test_batches_that_nobody_wants_end_the_reader(bench: Bench, vocabulary: Vocabulary) -> None:
    batches = reader_of(bench, vocabulary).batches(ALL, None, RowCounts(), nobody)
    assert isinstance(next(batches), DrugBatch)
    [_] = readers()

    batches.close()

    assert readers() == []


#: Begins to read, says so, and waits to be killed.
_BEGIN = """
import sys, time
from rxindex.source.base import Partition
from rxindex.source.sql import SqlSource
from rxindex.sync.assemble import RowCounts
from rxindex.sync.reader import Reader
from rxindex.vocabulary import load_vocabulary

reader = Reader(SqlSource(sys.argv[1]), load_vocabulary(), "2019-05-01", 1)
batches = reader.batches(Partition("all"), None, RowCounts(), lambda: 1 / 0)
next(batches)
print("reading", flush=True)
time.sleep(60)
"""


def test_a_reader_whose_run_was_killed_ends(bench: Bench) -> None:
    words = [sys.executable, "-c", _BEGIN, bench.url]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"reading\n"
        assert len(users(bench.url)) >= 1
        run.kill()

    deadline = time.monotonic() + 20
    while users(bench.url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not users(bench.url)


def users(url: str) -> list[Path]:
    """Processes that have the database's file open."""
    name, found = url.removeprefix("sqlite:///"), []
    for one in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if one.readlink() == Path(name) and one.parts[2] != str(os.getpid()):
                found.append(one)
    return found


def test_errors_of_the_source_come_through(bench: Bench) -> None:
    add_packages(bench.url, [package(COUNT + 5, "NO NUMBER 5 MG TABLET", 1) | {"GCN_SEQNO": "x"}])
    with pytest.raises(SourceDataError, match="no whole number") as told:
        bench.run(reader_from=1)
    with pytest.raises(SourceDataError) as alone:
        bench.run(reader_from=None)
    assert str(told.value) == str(alone.value)


def test_where_a_second_process_cannot_begin_the_first_reads(
    mariadb: MariaDB, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:  # fmt: skip
    url = mariadb.create_database("alone")
    Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS, url.replace(":", "+pymysql:", 1))
    mariadb.execute(
        "GRANT SELECT ON alone.* TO single@'127.0.0.1' IDENTIFIED BY 'one' "
        "WITH MAX_USER_CONNECTIONS 1"
    )
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary)
    source = open_source(mariadb.url("alone", user="single", password="one"))

    report = bench.run(source=source, reader_from=1)

    assert (report.completed, report.packages) == (True, len(ROWS))
    [warning] = [one for one in report.warnings if "in one process" in one]
    assert "max_user_connections" in warning


def test_a_password_is_nowhere_to_be_seen(
    mariadb: MariaDB, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:  # fmt: skip
    url = mariadb.create_database("apart").replace("mysql:", "mysql+pymysql:")
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS, url)
    shown: list[bytes] = []

    def look(pid: int) -> None:
        folder = Path("/proc") / str(pid)
        shown.extend((folder / name).read_bytes() for name in ("cmdline", "environ"))

    report = bench.run(reader_from=1, progress=Watch(look), batch_size=5)

    assert report.packages == len(ROWS)
    assert len(shown) == 2
    assert not any(mariadb.password.encode() in one for one in shown)


def test_failed_drugs_count_as_ever(bench: Bench) -> None:
    alone = bench.run(refusing("zorb007"), reader_from=None)
    report = bench.run(refusing("zorb007"), reader_from=1, rebuild=True)
    assert alone.failed
    assert (report.failed, report.in_quarantine) == (alone.failed, alone.in_quarantine)


def test_a_vocabulary_can_be_sent(vocabulary: Vocabulary) -> None:
    sent = pickle.loads(pickle.dumps(vocabulary))

    assert sent.fingerprint == vocabulary.fingerprint
    assert sent.prescribed == vocabulary.prescribed
    assert sent.facts(("atorvastatin",)) == vocabulary.facts(("atorvastatin",))
