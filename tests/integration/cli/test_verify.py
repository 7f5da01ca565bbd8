"""``rxindex verify`` as a person or a script uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Run
from tests.services.fdb import add_packages, package, remove_packages
from tests.services.redis import RedisServer

FAKE = ("--embedder", "fake")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as started:
        yield started


@pytest.fixture
def place(server: RedisServer, fdb: str, rxindex: Run) -> tuple[str, ...]:
    """A catalogue that was synced, and the words that say where it is."""
    where = ("--source", fdb, "--redis", server.url)
    done = rxindex("sync", *where, *FAKE)
    assert done.code == 0, done.err
    return where


def spoil(server: RedisServer) -> None:
    """Change one drug, lose another, and leave a stray key."""
    client = server.client()
    for key in client.keys("rx:drugs:g1:drug:*"):
        name = client.hget(key, "name")
        if name == b"OXYCODONE HCL 5 MG TABLET":
            client.hset(key, "schedule", "CV")
        elif name == b"LIPITOR 20 MG TABLET":
            client.unlink(key)
    client.set("rx:drugs:g1:drug:stray", "x")


def test_clean_is_exit_code_zero_and_different_is_ten(
    rxindex: Run, place: tuple[str, ...], server: RedisServer
) -> None:
    clean = rxindex("verify", *place)
    assert clean.code == 0, clean.err
    assert "all 4 drugs are in the index" in clean.out
    assert clean.err == ""

    spoil(server)
    told = rxindex("verify", *place)
    assert told.code == 10
    for kind, count in (("missing", 1), ("stale", 1), ("extra", 1), ("vector", 0)):
        assert re.search(rf"^\s*{kind}\s+{count}\b", told.out, re.MULTILINE), told.out
    assert "LIPITOR 20 MG TABLET" in told.out
    assert "differs in schedule" in told.out
    assert "a Redis string" in told.out
    assert "rxindex verify --repair" in told.out


def test_repair_holds_what_it_may_not_delete_and_then_mends_all(
    rxindex: Run, place: tuple[str, ...], server: RedisServer
) -> None:
    spoil(server)
    held = rxindex("verify", *place, *FAKE, "--repair")
    assert held.code == 10
    assert "--allow-deletes" in held.out
    assert "repaired: 2 of 3" in held.out
    assert "stray" in held.out
    assert "LIPITOR" not in held.out

    mended = rxindex("verify", *place, *FAKE, "--repair", "--allow-deletes", "--json")
    assert mended.code == 0, mended.err
    assert (mended.json["different"], mended.json["repaired"]) == (1, 1)
    again = rxindex("verify", *place, "--json")
    assert again.code == 0
    assert (again.json["clean"], again.json["different"]) == (True, 0)


def test_json_has_the_whole_report(
    rxindex: Run, place: tuple[str, ...], server: RedisServer
) -> None:
    spoil(server)
    done = rxindex("verify", *place, "--json")
    assert done.code == 10
    report = done.json
    assert report["counts"] == {
        "missing": 1, "extra": 1, "stale": 1, "vector": 0, "not_indexed": 0, "dangling": 0,
    }  # fmt: skip
    assert (report["clean"], report["drugs"], report["packages"]) == (False, 4, 4)
    assert (report["generation"], report["sampled"], report["repair"]) == ("g1", None, False)
    assert {one["kind"] for one in report["differences"]} == {"missing", "extra", "stale"}
    assert done.err == ""


def test_a_sample_says_that_it_is_one_and_can_be_drawn_again(
    rxindex: Run, place: tuple[str, ...]
) -> None:
    first = rxindex("verify", *place, "--sample", "2", "--json").json
    assert (first["sampled"], first["drugs"], first["clean"]) == (2, 2, True)
    again = rxindex("verify", *place, "--sample", "2", "--seed", str(first["seed"]))
    assert again.code == 0
    assert f"--seed {first['seed']}" in again.out
    assert "of the sample, all 2 drugs" in again.out


def test_rows_that_are_set_aside_are_told_and_make_no_difference(
    rxindex: Run, place: tuple[str, ...]
) -> None:
    remove_packages(place[1], ["00000000054"])
    add_packages(place[1], [package("BAD", "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2")])
    done = rxindex("verify", *place)
    assert done.code == 0
    assert "1 rows of the source" in done.out


def test_a_repair_with_another_model_is_refused(rxindex: Run, place: tuple[str, ...]) -> None:
    done = rxindex("verify", *place, *FAKE, "--repair", "--json", RXINDEX_DIMENSIONS="64")
    assert done.code == 5
    assert done.json["error"] == "GenerationMismatch"


def test_before_the_first_load_there_is_nothing_to_compare(
    rxindex: Run, fdb: str, server: RedisServer
) -> None:
    done = rxindex("verify", "--source", fdb, "--redis", server.url)
    assert done.code == 5
    assert "rxindex sync" in done.err


def test_help_has_examples(rxindex: Run) -> None:
    shown = rxindex("verify", "--help")
    assert shown.code == 0
    assert "Examples" in shown.out
    for word in ("--repair", "--sample", "--seed", "--allow-deletes", "--json"):
        assert word in shown.out
    assert rxindex("verify", "--sample", "0").code == 2
