"""``rxindex quarantine`` as a person or a script uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Run
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.index.catalogue import Catalogue

FAKE = ("--embedder", "fake")


@pytest.fixture
def spoilt(place: tuple[str, ...], fdb: str, rxindex: Run) -> tuple[str, ...]:
    """A catalogue with two bad rows of one drug and one of another; the words that name it."""
    add_packages(
        fdb,
        [
            package("BAD1", "ATORVASTATIN 20 MG TABLET", 16366),
            package("BAD2", "ATORVASTATIN 20 MG TABLET", 16366),
            package("BAD3", "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2"),
        ],
    )
    done = rxindex("sync", "--source", fdb, *place, *FAKE, "--json")
    assert done.code == 7, done.err
    assert (done.json["quarantined"], done.json["completed"]) == (3, True)
    return place


def entries(rxindex: Run, spoilt: tuple[str, ...]) -> dict[str, str]:
    """Ids by NDC."""
    listed = rxindex("quarantine", "list", *spoilt, "--json")
    assert listed.code == 0, listed.err
    return {one["ndc"]: one["id"] for one in listed.json["entries"]}


def state(catalogue: Catalogue) -> dict[bytes, object]:
    client = catalogue.client
    found: list[Any] = client.keys(catalogue.key("*"))
    keys = [key for key in found if not key.endswith((b"history", b"lease:number", b"lease:held"))]
    return {key: client.dump(key) for key in sorted(keys)}


def test_list_says_what_failed_and_show_has_the_row(
    rxindex: Run, spoilt: tuple[str, ...], catalogue: Catalogue
) -> None:
    shown = rxindex("quarantine", "list", *spoilt)
    assert shown.code == 0, shown.err
    for word in ("BAD1", "BAD3", "OXYCODONE", "not an", "each run"):
        assert word in shown.out, shown.out
    listed = rxindex("quarantine", "list", *spoilt, "--json").json
    assert listed["catalogue"] == catalogue.name
    ids = {one["ndc"]: one["id"] for one in listed["entries"]}
    assert len(ids) == 3
    [entry] = [one for one in listed["entries"] if one["ndc"] == "BAD3"]
    assert (entry["error"], entry["attempts"]) == ("NDCError", 1)
    assert "row" not in entry
    shown = rxindex("quarantine", "show", ids["BAD3"], *spoilt)
    assert shown.code == 0, shown.err
    for word in ("OXYCODONE HCL 5 MG TABLET", "BAD3", "ACME PHARMA", "the next run"):
        assert word in shown.out, shown.out
    drug = ids["BAD1"].partition("-")[0]
    of_drug = rxindex("quarantine", "show", drug, *spoilt, "--json")
    assert {one["row"]["ndc"] for one in of_drug.json["entries"]} == {"BAD1", "BAD2"}


def test_an_id_that_is_not_there_changes_nothing(
    rxindex: Run, spoilt: tuple[str, ...], catalogue: Catalogue, fdb: str
) -> None:
    some = entries(rxindex, spoilt)["BAD1"]
    before = state(catalogue)
    for words in (
        ("drop", some, "nobody"),
        ("retry", some, "nobody", "--dry-run"),
        ("retry", some, "nobody", "--source", fdb, *FAKE),
    ):
        done = rxindex("quarantine", *words, *spoilt, "--json")
        assert (done.code, done.json["error"]) == (2, "QueryError"), words
    shown = rxindex("quarantine", "show", "nobody", *spoilt)
    assert shown.code == 2
    assert "nobody" in shown.err
    assert "rxindex quarantine list" in shown.err
    assert state(catalogue) == before


def test_ids_or_all_have_to_be_given(rxindex: Run, tmp_path: Path) -> None:
    place = ("--redis", f"unix://{tmp_path / 'nobody-is-asked.sock'}")
    for action, words in (("retry", ()), ("drop", ("some", "--all"))):
        done = rxindex("quarantine", action, *words, *place)
        assert done.code == 3
        assert "--all" in done.err


def test_what_is_dropped_is_forgotten(
    rxindex: Run, spoilt: tuple[str, ...], catalogue: Catalogue
) -> None:
    ids = entries(rxindex, spoilt)
    before = state(catalogue)
    dry = rxindex("quarantine", "drop", "--all", "--dry-run", *spoilt, "--json")
    assert dry.json == {
        "catalogue": catalogue.name,
        "dropped": dry.json["dropped"],
        "dry_run": True,
    }
    assert set(dry.json["dropped"]) == set(ids.values())
    assert state(catalogue) == before
    drug = ids["BAD1"].partition("-")[0]
    assert "2 dropped" in rxindex("quarantine", "drop", drug, *spoilt).out
    assert entries(rxindex, spoilt) == {"BAD3": ids["BAD3"]}
    assert rxindex("quarantine", "drop", "--all", *spoilt, "--json").code == 0
    empty = rxindex("quarantine", "list", *spoilt)
    assert (empty.code, f"nothing of '{catalogue.name}' is in quarantine" in empty.out) == (0, True)


def test_a_retry_with_a_source_mends_what_was_mended_there(
    rxindex: Run, spoilt: tuple[str, ...], catalogue: Catalogue, fdb: str
) -> None:
    ids = entries(rxindex, spoilt)
    remove_packages(fdb, ["BAD3", "BAD1"])
    add_packages(fdb, [package(55, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2")])
    source = ("--source", fdb, *FAKE)
    before = state(catalogue)
    dry = rxindex("quarantine", "retry", ids["BAD3"], *source, *spoilt, "--dry-run", "--json")
    assert (dry.json["metadata_only"], dry.json["dry_run"]) == (1, True)
    assert state(catalogue) == before
    done = rxindex("quarantine", "retry", ids["BAD3"], *source, *spoilt, "--json")
    assert (done.code, done.json["metadata_only"]) == (0, 1), done.out
    assert set(entries(rxindex, spoilt)) == {"BAD1", "BAD2"}
    # One row is mended and the other is not, which the exit code says.
    again = rxindex("quarantine", "retry", "--all", *source, *spoilt, "--json")
    assert (again.code, again.json["quarantined"], again.json["in_quarantine"]) == (7, 1, 1)
    assert set(entries(rxindex, spoilt)) == {"BAD2"}


def test_a_retry_without_a_source_leaves_it_to_the_next_sync(
    rxindex: Run, spoilt: tuple[str, ...], catalogue: Catalogue
) -> None:
    before = state(catalogue)
    dry = rxindex("quarantine", "retry", "--all", *spoilt, "--dry-run")
    assert (dry.code, "3 would be released" in dry.out) == (0, True)
    assert state(catalogue) == before
    done = rxindex("quarantine", "retry", "--all", *spoilt, "--json")
    assert (done.code, len(done.json["released"]), done.json["dry_run"]) == (0, 3, False)


def test_help_has_examples(rxindex: Run) -> None:
    shown = rxindex("quarantine", "--help")
    assert shown.code == 0
    for word in ("list", "show", "retry", "drop"):
        assert word in shown.out
