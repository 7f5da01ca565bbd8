"""Names in the source with bytes that no encoding explains, which also make a drug's group."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.sync.bench import Bench, refusing
from tests.services.commands import TERMINAL, CommandServer
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.sync.checkpoint import Checkpoints
from rxindex.sync.history import History
from rxindex.sync.promote import Standards
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

Shown = Callable[..., str]
LAX = Standards(most_missing=0.9)


def bad(ndc: int | str, name: bytes = b"BAD\xff NAME", **other: object) -> dict[str, object]:
    """A package that nothing but this name groups."""
    return package(ndc, "X", 0) | {"LN": name, "LN60": name, "BN": name} | other


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    rows = [bad(number, b"BAD%d\xff NAME" % number) for number in range(1, 6)]
    rows.append(package(9, "ZORBAXIL 5 MG TABLET", 1))
    return Bench(tmp_path, catalogue, capabilities, vocabulary, rows)


def test_a_checkpoint_on_such_a_group_is_kept_as_it_is(bench: Bench) -> None:
    stop = Stop()
    stop.ask("no time")
    report = bench.run(batch_size=1, stop=stop)
    assert (report.completed, report.added) == (False, 1)
    cursor = (0, "BAD1\udcff NAME")
    assert tuple(json.loads(report.next_cursor)) == cursor
    kept = Checkpoints(bench.catalogue, "g1", 5.0).resume(report.source)
    assert kept is not None
    assert (kept.cursor, kept.unbroken) == (cursor, True)
    assert History(bench.catalogue).last(1)[0].next_cursor == report.next_cursor


@pytest.mark.parametrize("page_size", [1, 2, 3])
def test_reading_goes_on_behind_such_a_group(bench: Bench, page_size: int) -> None:
    stop = Stop()
    stop.ask("no time")
    assert not bench.run(batch_size=1, source=bench.source(page_size), stop=stop).completed
    report = bench.run(batch_size=1, source=bench.source(page_size))
    assert (report.resumed, report.completed, report.added) == (True, True, 5)
    assert len(bench.by_id()) == 6


def test_a_run_that_saves_each_such_group_on_its_way_completes(bench: Bench) -> None:
    report = bench.run(batch_size=1, checkpoint_seconds=0)
    assert (report.completed, report.added, report.next_cursor) == (True, 6, "")
    assert len(bench.by_id()) == 6


def test_a_drug_of_such_a_group_is_found_again_and_deleted(bench: Bench) -> None:
    assert bench.run().completed
    again = bench.run()
    assert (again.completed, again.unchanged) == (True, 6)
    remove_packages(bench.url, ["00000000003"])
    assert bench.run(allow_deletes=True).deleted == 1
    assert len(bench.by_id()) == 5


def test_such_a_row_that_is_no_package_lands_in_quarantine(bench: Bench) -> None:
    add_packages(bench.url, [bad("NO-NDC", AD=b"more \xfe")])
    report = bench.run(standards=LAX)
    assert (report.completed, report.failed, report.quarantined) == (True, 1, 1)
    [entry] = bench.entries().values()
    assert (entry.ndc, entry.error, entry.group) == ("NO-NDC", "NDCError", ())
    assert entry.row is not None
    assert "BAD" in str(entry.row["name"])
    # It is known the next time, and goes when the row does.
    again = bench.run(standards=LAX)
    assert (again.failed, again.quarantined, again.in_quarantine) == (1, 0, 1)
    remove_packages(bench.url, ["NO-NDC"])
    assert bench.run().in_quarantine == 0


def test_such_a_text_that_is_refused_lands_in_quarantine_and_is_tried_again(bench: Bench) -> None:
    report = bench.run(refusing("bad3"), standards=LAX)
    assert (report.completed, report.failed, report.added) == (True, 1, 5)
    [entry] = bench.entries().values()
    assert (entry.error, entry.group) == ("EmbedRejected", ())
    assert entry.text.encode()
    # What has no group that could be written is not read again by itself, and nothing is lost.
    retried = bench.retry()
    assert (retried.completed, retried.total_processed, retried.in_quarantine) == (True, 0, 1)
    assert bench.run(rebuild=True).added == 6
    assert bench.entries() == {}


@pytest.fixture
def shown(
    bench: Bench, redis_server: EmbeddedRedis, commands: CommandServer, tmp_path: Path
) -> Shown:
    add_packages(bench.url, [bad("NO-NDC")])
    bench.run(refusing("bad3"), standards=LAX)

    def run(*words: str) -> str:
        place = ("--redis", redis_server.url, "--catalogue", bench.catalogue.name)
        done = commands.start(
            ["quarantine", *words, *place], cwd=tmp_path, env=os.environ | TERMINAL
        ).wait(60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_command_line_shows_such_entries(shown: Shown) -> None:
    listed = json.loads(shown("list", "--json"))["entries"]
    assert {one["ndc"] for one in listed} == {"NO-NDC", ""}
    assert "NO-NDC" in shown("list")
    for one in listed:
        [entry] = json.loads(shown("show", one["id"], "--json"))["entries"]
        assert entry["id"] == one["id"]
        assert "BAD" in shown("show", one["id"])
