"""``rxindex bench``, as it is used."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Run
from tests.services.commands import TERMINAL, CommandServer
from tests.services.fdb import create_tables, package
from tests.services.http import HttpService

from rxindex.api.app import create_app
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

FAKE = ("--embedder", "fake")
SHORT = ("--seconds", "0.2")


@pytest.fixture
def index(rxindex: Run, fdb: str, place: tuple[str, ...]) -> tuple[str, ...]:
    """The options that lead to an indexed catalogue."""
    assert rxindex("sync", "--source", fdb, *FAKE, *place).code == 0
    return (*FAKE, *place)


@pytest.fixture
def service(index: tuple[str, ...], catalogue: Catalogue, vocabulary: Vocabulary) -> Iterator[str]:
    """The address of a service over that catalogue."""
    searcher = Searcher(catalogue, FakeEmbedder(), vocabulary)
    with HttpService(create_app(searcher)) as running:
        yield running.url


def test_a_sync_is_measured_in_a_redis_of_its_own(
    rxindex: Run, fdb: str, redis_server: EmbeddedRedis
) -> None:
    client = redis_server.start()
    before = set(client.scan_iter(count=10_000))
    # The setting is not taken for an invitation.
    done = rxindex("bench", "sync", fdb, *FAKE, "--json", RXINDEX_REDIS="redis://127.0.0.1:1")
    assert done.code == 0, done.err
    assert done.json["packages"] == done.json["read"]["count"] == 4
    assert done.json["drugs"] == 4
    assert done.json["write"]["count"] >= 4
    assert done.json["cold"]["seconds"] > 0
    assert set(client.scan_iter(count=10_000)) == before


def test_a_sync_is_measured_in_a_redis_that_is_named_and_leaves_nothing(
    rxindex: Run, fdb: str, redis_server: EmbeddedRedis, index: tuple[str, ...]
) -> None:
    client = redis_server.start()
    keys = set(client.scan_iter(count=10_000))
    indexes = set(command(client, "FT._LIST"))
    done = rxindex("bench", "sync", fdb, *FAKE, "--redis", redis_server.url)
    assert done.code == 0, done.err
    assert "4 packages, 4 drugs" in done.out
    assert "sync without changes / bare driver" in done.out
    assert set(client.scan_iter(count=10_000)) == keys
    assert set(command(client, "FT._LIST")) == indexes


def test_a_measurement_that_is_terminated_leaves_nothing(
    commands: CommandServer, tmp_path: Path, redis_server: EmbeddedRedis
) -> None:
    url = f"sqlite:///{tmp_path / 'large.db'}"
    create_tables(url, (package(code, f"DRUG {code} TABLET", code) for code in range(1, 3_000)))
    client = redis_server.start()
    words = ("bench", "sync", url, *FAKE, "--redis", redis_server.url)
    running = commands.start(words, cwd=tmp_path, env=os.environ | TERMINAL)
    deadline = time.monotonic() + 60
    while not client.keys("rx:bench-*:drug:*"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.send_signal(signal.SIGTERM)
    assert running.wait(60).returncode == 130
    assert client.keys("rx:bench-*") == []


def test_a_sync_without_a_source_says_which_are_known(rxindex: Run) -> None:
    done = rxindex("bench", "sync", *FAKE)
    assert done.code == 3
    assert "which catalogue?" in done.err


def test_searches_are_measured_beside_their_commands(rxindex: Run, index: tuple[str, ...]) -> None:
    done = rxindex("bench", "search", *SHORT, *index, "--json")
    assert done.code == 0, done.err
    assert done.json["drugs"] == 4
    assert done.json["searches"]["answers"] > 0
    assert done.json["raw"]["answers"] >= 300
    assert done.json["service"] is None
    table = rxindex("bench", "search", *SHORT, *index)
    assert "their commands alone" in table.out
    assert "p99 ms" in table.out


def test_a_service_is_measured_over_its_connections(
    rxindex: Run, index: tuple[str, ...], service: str
) -> None:
    words = ("bench", "search", *SHORT, *index, "--url", service)
    done = rxindex(*words, "--connections", "2", "--json")
    assert done.code == 0, done.err
    assert done.json["service"]["connections"] == 2
    assert done.json["service"]["statuses"].keys() == {"200"}
    assert "the service, 8 connections" in rxindex(*words).out


def test_own_queries_are_asked_and_so_are_judged_ones(
    rxindex: Run, index: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "queries.txt").write_text("lipitor 20\natorvastatin\n")
    own = rxindex("bench", "search", *SHORT, *index, "--queries", "queries.txt", "--json")
    assert own.code == 0, own.err
    judged = rxindex("bench", "search", *SHORT, *index, "--judged", "--json")
    assert judged.code == 0, judged.err
    both = rxindex("bench", "search", "--judged", "--queries", "queries.txt", *index)
    assert both.code == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense"])
def test_a_service_that_is_not_there_is_an_error(
    rxindex: Run, index: tuple[str, ...], url: str
) -> None:
    done = rxindex("bench", "search", *SHORT, *index, "--url", url, "--json")
    assert done.code == 3
    assert done.json["error"] == "ConfigurationError"
    assert "service" in done.json["message"]


def test_nothing_indexed_is_an_error(rxindex: Run, place: tuple[str, ...]) -> None:
    done = rxindex("bench", "search", *FAKE, *place)
    assert done.code == 5
    assert "rxindex sync" in done.err
