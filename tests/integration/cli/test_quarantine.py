"""``rxindex quarantine`` as a person or a script uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    """A catalogue with two bad rows of one drug and one of another; the words that name it."""
    add_packages(
        fdb,
        [
            package("BAD1", "ATORVASTATIN 20 MG TABLET", 16366),
            package("BAD2", "ATORVASTATIN 20 MG TABLET", 16366),
            package("BAD3", "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2"),
        ],
    )
    done = rxindex("sync", "--source", fdb, "--redis", server.url, *FAKE, "--json")
    assert done.code == 7, done.err
    assert (done.json["quarantined"], done.json["completed"]) == (3, True)
    return ("--redis", server.url)


def entries(rxindex: Run, place: tuple[str, ...]) -> dict[str, str]:
    """Ids by NDC."""
    listed = rxindex("quarantine", "list", *place, "--json")
    assert listed.code == 0, listed.err
    return {one["ndc"]: one["id"] for one in listed.json["entries"]}


def state(server: RedisServer) -> dict[bytes, object]:
    client = server.client()
    found: list[Any] = client.keys("*")
    keys = [key for key in found if not key.endswith((b"history", b"lease:number", b"lease:held"))]
    return {key: client.dump(key) for key in sorted(keys)}


def test_list_says_what_failed_and_show_has_the_row(rxindex: Run, place: tuple[str, ...]) -> None:
    shown = rxindex("quarantine", "list", *place)
    assert shown.code == 0, shown.err
    for word in ("BAD1", "BAD3", "OXYCODONE", "not an", "each run"):
        assert word in shown.out, shown.out
    listed = rxindex("quarantine", "list", *place, "--json").json
    assert listed["catalogue"] == "drugs"
    ids = {one["ndc"]: one["id"] for one in listed["entries"]}
    assert len(ids) == 3
    [entry] = [one for one in listed["entries"] if one["ndc"] == "BAD3"]
    assert (entry["error"], entry["attempts"]) == ("NDCError", 1)
    assert "row" not in entry
    shown = rxindex("quarantine", "show", ids["BAD3"], *place)
    assert shown.code == 0, shown.err
    for word in ("OXYCODONE HCL 5 MG TABLET", "BAD3", "ACME PHARMA", "the next run"):
        assert word in shown.out, shown.out
    drug = ids["BAD1"].partition("-")[0]
    of_drug = rxindex("quarantine", "show", drug, *place, "--json")
    assert {one["row"]["ndc"] for one in of_drug.json["entries"]} == {"BAD1", "BAD2"}


def test_an_id_that_is_not_there_changes_nothing(
    rxindex: Run, place: tuple[str, ...], server: RedisServer, fdb: str
) -> None:
    some = entries(rxindex, place)["BAD1"]
    before = state(server)
    for words in (
        ("drop", some, "nobody"),
        ("retry", some, "nobody", "--dry-run"),
        ("retry", some, "nobody", "--source", fdb, *FAKE),
    ):
        done = rxindex("quarantine", *words, *place, "--json")
        assert (done.code, done.json["error"]) == (2, "QueryError"), words
    shown = rxindex("quarantine", "show", "nobody", *place)
    assert shown.code == 2
    assert "nobody" in shown.err
    assert "rxindex quarantine list" in shown.err
    assert state(server) == before


def test_ids_or_all_have_to_be_given(rxindex: Run, tmp_path: Path) -> None:
    place = ("--redis", f"unix://{tmp_path / 'nobody-is-asked.sock'}")
    for action, words in (("retry", ()), ("drop", ("some", "--all"))):
        done = rxindex("quarantine", action, *words, *place)
        assert done.code == 3
        assert "--all" in done.err


def test_what_is_dropped_is_forgotten(
    rxindex: Run, place: tuple[str, ...], server: RedisServer
) -> None:
    ids = entries(rxindex, place)
    before = state(server)
    dry = rxindex("quarantine", "drop", "--all", "--dry-run", *place, "--json")
    assert dry.json == {"catalogue": "drugs", "dropped": dry.json["dropped"], "dry_run": True}
    assert set(dry.json["dropped"]) == set(ids.values())
    assert state(server) == before
    drug = ids["BAD1"].partition("-")[0]
    assert "2 dropped" in rxindex("quarantine", "drop", drug, *place).out
    assert entries(rxindex, place) == {"BAD3": ids["BAD3"]}
    assert rxindex("quarantine", "drop", "--all", *place, "--json").code == 0
    empty = rxindex("quarantine", "list", *place)
    assert (empty.code, "nothing of 'drugs' is in quarantine" in empty.out) == (0, True)


def test_a_retry_with_a_source_mends_what_was_mended_there(
    rxindex: Run, place: tuple[str, ...], server: RedisServer, fdb: str
) -> None:
    ids = entries(rxindex, place)
    remove_packages(fdb, ["BAD3", "BAD1"])
    add_packages(fdb, [package(55, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2")])
    source = ("--source", fdb, *FAKE)
    before = state(server)
    dry = rxindex("quarantine", "retry", ids["BAD3"], *source, *place, "--dry-run", "--json")
    assert (dry.json["metadata_only"], dry.json["dry_run"]) == (1, True)
    assert state(server) == before
    done = rxindex("quarantine", "retry", ids["BAD3"], *source, *place, "--json")
    assert (done.code, done.json["metadata_only"]) == (0, 1), done.out
    assert set(entries(rxindex, place)) == {"BAD1", "BAD2"}
    # One row is mended and the other is not, which the exit code says.
    again = rxindex("quarantine", "retry", "--all", *source, *place, "--json")
    assert (again.code, again.json["quarantined"], again.json["in_quarantine"]) == (7, 1, 1)
    assert set(entries(rxindex, place)) == {"BAD2"}


def test_a_retry_without_a_source_leaves_it_to_the_next_sync(
    rxindex: Run, place: tuple[str, ...], server: RedisServer
) -> None:
    before = state(server)
    dry = rxindex("quarantine", "retry", "--all", *place, "--dry-run")
    assert (dry.code, "3 would be released" in dry.out) == (0, True)
    assert state(server) == before
    done = rxindex("quarantine", "retry", "--all", *place, "--json")
    assert (done.code, len(done.json["released"]), done.json["dry_run"]) == (0, 3, False)


def test_help_has_examples(rxindex: Run) -> None:
    shown = rxindex("quarantine", "--help")
    assert shown.code == 0
    for word in ("list", "show", "retry", "drop"):
        assert word in shown.out
