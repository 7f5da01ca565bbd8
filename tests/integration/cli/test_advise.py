"""``rxindex advise`` on a real index."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Run
from tests.services.commands import TERMINAL, CommandServer
from tests.services.fdb import create_tables, package
from tests.services.indexed import everything

from rxindex.advise.server import PREFIX
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command

FAKE = ("--embedder", "fake")


@pytest.fixture
def index(rxindex: Run, place: tuple[str, ...], tmp_path: Path) -> tuple[str, ...]:
    """The options that lead to a catalogue of 1,200 different texts."""
    first, second = ("LARO", "MIVE", "TOSU", "BENI"), ("PRIL", "STATIN", "OLOL", "AZOLE", "MYCIN")
    names = [
        f"{one}{middle}{other} CAPSULE"
        for one in first
        for other in second
        for middle in map("X{:02d}".format, range(60))
    ]
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, [package(1000 + n, name, 1 + n) for n, name in enumerate(names)])
    assert rxindex("sync", "--source", url, *FAKE, *place).code == 0
    return place


@pytest.mark.lasts(20)
def test_advice_is_measured_and_the_catalogue_is_left_as_it_was(
    rxindex: Run, index: tuple[str, ...], catalogue: Catalogue
) -> None:
    before = everything(catalogue)
    done = rxindex("advise", "--sample", "500", *FAKE, *index, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert (found["distinct"], found["sample"], found["neighbours"]) == (1200, 500, 10)
    assert (found["near_queries"], found["text_queries"]) == (100, 200)
    assert {one["way"] for one in found["measurements"]} == {"code", "redis", "svs"}
    assert {one["vectors"] for one in found["measurements"]} == {500}
    assert found["measured_in"].startswith("a Redis of its own")
    assert found["advice"]["variables"] == {
        "RXINDEX_ALGORITHM": "flat",
        "RXINDEX_VECTOR_TYPE": "float16",
    }
    assert found["unchanged"]
    assert everything(catalogue) == before


@pytest.mark.lasts(20)
def test_a_person_sees_a_table_and_what_to_paste(
    rxindex: Run, index: tuple[str, ...], catalogue: Catalogue
) -> None:
    # A model other than the catalogue's: its queries say nothing.
    other = ("--embedder", "fake", *index, "--recall", "1", "--neighbours", "3")
    done = rxindex("advise", "--on-server", *other, RXINDEX_DIMENSIONS="64")
    assert done.code == 0, done.err
    for word in (
        "1,200 distinct vectors", "0 of prescribers' words", "recall@3", "FLAT float16",
        "HNSW float16, degree 32", "LeanVec4x8", "SVS SQ8", "the connected Redis",
        "no SVS-VAMANA", "stays in its hash", "there is nothing to change",
    ):  # fmt: skip
        assert word in done.out, word
    assert done.err == ""
    assert not list(catalogue.client.scan_iter(match=f"{PREFIX}*", count=5000))


def test_settings_other_than_the_live_ones_can_be_pasted(
    rxindex: Run, fdb: str, index: tuple[str, ...], tmp_path: Path
) -> None:
    source = f"sqlite:///{tmp_path / 'fdb.db'}"
    hnsw = ("--algorithm", "hnsw")
    again = rxindex("reindex", "--source", source, *hnsw, *FAKE, *index)
    assert again.code == 0, again.err
    done = rxindex("advise", "--sample", "200", *index)
    assert "export RXINDEX_ALGORITHM=flat" in done.out
    assert "rxindex reindex --catalogue" in done.out


@pytest.mark.lasts(10)
def test_ctrl_c_leaves_no_scratch_index_in_the_connected_redis(
    commands: CommandServer, index: tuple[str, ...], catalogue: Catalogue, tmp_path: Path
) -> None:
    words = ("advise", "--on-server", *FAKE, *index)
    running = commands.start(words, cwd=tmp_path, env=os.environ | TERMINAL)
    deadline = time.monotonic() + 60
    while not scratch(catalogue) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert scratch(catalogue)
    running.send_signal(signal.SIGINT)
    assert running.wait(60).returncode == 130
    assert not scratch(catalogue)
    assert not list(catalogue.client.scan_iter(match=f"{PREFIX}*", count=5000))


def scratch(catalogue: Catalogue) -> list[bytes]:
    names = command(catalogue.client, "FT._LIST")
    return [one for one in names if one.startswith(PREFIX.encode())]


def test_a_catalogue_that_is_not_there_or_too_small_is_told(
    rxindex: Run, fdb: str, place: tuple[str, ...]
) -> None:
    missing = rxindex("advise", *place, "--json")
    assert (missing.code, missing.json["error"]) == (5, "CatalogueNotIndexed")
    assert rxindex("sync", "--source", fdb, *FAKE, *place).code == 0
    small = rxindex("advise", *place, "--json")
    assert (small.code, small.json["error"]) == (3, "ConfigurationError")
    assert "2 distinct vectors" in small.json["message"]


@pytest.mark.parametrize(
    "words",
    [("--sample", "99"), ("--neighbours", "0"), ("--neighbours", "51"), ("--recall", "1.1")],
)
def test_options_out_of_range_are_wrong_usage(rxindex: Run, words: tuple[str, ...]) -> None:
    assert rxindex("advise", *words).code == 2
