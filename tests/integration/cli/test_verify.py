"""``rxindex verify`` as a person or a script uses it."""

from __future__ import annotations

import re

import pytest
from tests.integration.cli.conftest import Run
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.index.catalogue import Catalogue

FAKE = ("--embedder", "fake")


@pytest.fixture
def synced(place: tuple[str, ...], fdb: str, rxindex: Run) -> tuple[str, ...]:
    """The words that say where a catalogue is that was synced."""
    where = ("--source", fdb, *place)
    done = rxindex("sync", *where, *FAKE)
    assert done.code == 0, done.err
    return where


def spoil(catalogue: Catalogue) -> None:
    """Change one drug, lose another, and leave a stray key."""
    client = catalogue.client
    for key in client.keys(catalogue.key("g1:drug:*")):
        name = client.hget(key, "name")
        if name == b"OXYCODONE HCL 5 MG TABLET":
            client.hset(key, "schedule", "CV")
        elif name == b"LIPITOR 20 MG TABLET":
            client.unlink(key)
    client.set(catalogue.key("g1:drug:stray"), "x")


def test_clean_is_exit_code_zero_and_different_is_ten(
    rxindex: Run, synced: tuple[str, ...], catalogue: Catalogue
) -> None:
    clean = rxindex("verify", *synced)
    assert clean.code == 0, clean.err
    assert "all 4 drugs are in the index" in clean.out
    assert clean.err == ""

    spoil(catalogue)
    told = rxindex("verify", *synced)
    assert told.code == 10
    for kind, count in (("missing", 1), ("stale", 1), ("extra", 1), ("vector", 0)):
        assert re.search(rf"^\s*{kind}\s+{count}\b", told.out, re.MULTILINE), told.out
    assert "LIPITOR 20 MG TABLET" in told.out
    assert "differs in schedule" in told.out
    assert "a Redis string" in told.out
    assert "rxindex verify --repair" in told.out


def test_repair_holds_what_it_may_not_delete_and_then_mends_all(
    rxindex: Run, synced: tuple[str, ...], catalogue: Catalogue
) -> None:
    spoil(catalogue)
    held = rxindex("verify", *synced, *FAKE, "--repair")
    assert held.code == 10
    assert "--allow-deletes" in held.out
    assert "repaired: 2 of 3" in held.out
    assert "stray" in held.out
    assert "LIPITOR" not in held.out

    mended = rxindex("verify", *synced, *FAKE, "--repair", "--allow-deletes", "--json")
    assert mended.code == 0, mended.err
    assert (mended.json["different"], mended.json["repaired"]) == (1, 1)
    again = rxindex("verify", *synced, "--json")
    assert again.code == 0
    assert (again.json["clean"], again.json["different"]) == (True, 0)


def test_json_has_the_whole_report(
    rxindex: Run, synced: tuple[str, ...], catalogue: Catalogue
) -> None:
    spoil(catalogue)
    done = rxindex("verify", *synced, "--json")
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
    rxindex: Run, synced: tuple[str, ...]
) -> None:
    first = rxindex("verify", *synced, "--sample", "2", "--json").json
    assert (first["sampled"], first["drugs"], first["clean"]) == (2, 2, True)
    again = rxindex("verify", *synced, "--sample", "2", "--seed", str(first["seed"]))
    assert again.code == 0
    assert f"--seed {first['seed']}" in again.out
    assert "of the sample, all 2 drugs" in again.out


def test_rows_that_are_set_aside_are_told_and_make_no_difference(
    rxindex: Run, synced: tuple[str, ...], fdb: str
) -> None:
    remove_packages(fdb, ["00000000054"])
    add_packages(fdb, [package("BAD", "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2")])
    done = rxindex("verify", *synced)
    assert done.code == 0
    assert "1 rows of the source" in done.out


def test_a_repair_with_another_model_is_refused(rxindex: Run, synced: tuple[str, ...]) -> None:
    done = rxindex("verify", *synced, *FAKE, "--repair", "--json", RXINDEX_DIMENSIONS="64")
    assert done.code == 5
    assert done.json["error"] == "GenerationMismatch"


def test_before_the_first_load_there_is_nothing_to_compare(
    rxindex: Run, fdb: str, place: tuple[str, ...]
) -> None:
    done = rxindex("verify", "--source", fdb, *place)
    assert done.code == 5
    assert "rxindex sync" in done.err


def test_help_has_examples(rxindex: Run) -> None:
    shown = rxindex("verify", "--help")
    assert shown.code == 0
    assert "Examples" in shown.out
    for word in ("--repair", "--sample", "--seed", "--allow-deletes", "--json"):
        assert word in shown.out
    assert rxindex("verify", "--sample", "0").code == 2
