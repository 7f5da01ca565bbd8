"""Each command, as it is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Run
from tests.services.fdb import add_packages, package

from rxindex import __version__
from rxindex.index.embedded import EmbeddedRedis

FAKE = ("--embedder", "fake")


def test_sync_search_info_and_status_work_together(
    rxindex: Run, rxindex_anew: Run, fdb: str, tmp_path: Path
) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    dry = rxindex("sync", "--source", fdb, *FAKE, *data, "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert (dry.json["dry_run"], dry.json["added"]) == (True, 4)
    assert rxindex("status", *data, "--json").json["generations"] == []

    first = rxindex_anew("sync", "--source", fdb, *FAKE, *data, "--json")
    assert first.code == 0, first.err
    for name in ("total_processed", "successful", "failed", "drugs_per_second", "duration",
                 "completed", "packages", "added", "updated", "metadata_only", "unchanged",
                 "deleted", "quarantined", "embedding_calls", "embedding_calls_saved",
                 "generation", "index"):  # fmt: skip
        assert name in first.json
    assert first.json["completed"] is True
    assert first.err == ""

    again = rxindex("sync", "--source", fdb, *FAKE, *data)
    assert again.code == 0
    assert "unchanged" in again.out
    assert "sqlite:///" in again.out

    # From here on there is a server already, which the commands neither start nor stop.
    with EmbeddedRedis(tmp_path / "data"):
        hits = rxindex_anew("search", "lipitor", *FAKE, *data, "--json").json["hits"]
        assert hits[0]["name"] == "LIPITOR 20 MG TABLET"
        assert hits[0]["match"] == "brand"
        assert {one["name"] for one in hits} >= {"ATORVASTATIN 20 MG TABLET"}
        for name in ("id", "name", "brand", "generic", "strength", "form", "class", "schedule",
                     "score", "match", "packages"):  # fmt: skip
            assert name in hits[0]
        table = rxindex("search", "atorvastatin", "40", "mg", *FAKE, *data)
        assert table.code == 0
        assert "40 mg" in table.out
        assert "20 mg" not in table.out

        info = rxindex_anew("info", "00071015525", *data, "--json")
        assert info.json["drugs"][0]["name"] == "LIPITOR 20 MG TABLET"
        assert info.json["drugs"][0]["packages"][0][0] == "00071015525"
        assert "ACME PHARMA" in rxindex("info", "0071-0155-25", *data).out
        missing = rxindex("info", "99999-9999-99", *data)
        assert missing.code == 1
        assert "no drug" in missing.out

        status = rxindex_anew("status", *data, "--json").json
        assert status["live"] == "g1"
        assert status["generations"][0]["drugs"] == 4
        assert status["generations"][0]["asked"] == "auto float16"
        assert status["generations"][0]["in_effect"] == "flat float16"
        assert "g1 (live)" in rxindex("status", *data).out


def test_nothing_found_is_an_exit_code(rxindex: Run, fdb: str, place: tuple[str, ...]) -> None:
    rxindex("sync", "--source", fdb, *FAKE, *place)
    found = rxindex("search", "99999999999", *FAKE, *place)
    assert found.code == 1
    assert "nothing found" in found.out


def test_some_failed_is_an_exit_code(rxindex: Run, fdb: str, place: tuple[str, ...]) -> None:
    add_packages(fdb, [package("BAD", "ATORVASTATIN 20 MG TABLET", 16366)])
    done = rxindex("sync", "--source", fdb, *FAKE, *place)
    assert done.code == 7
    assert "ATORVASTATIN 20 MG TABLET BAD" in done.out


def test_config_shows_what_is_in_effect_without_secrets(rxindex: Run, tmp_path: Path) -> None:
    (tmp_path / "rxindex.toml").write_text('source = "mysql://reader:geheim@db/fdb"\n')
    done = rxindex("config", "--json", RXINDEX_CATALOGUE="fdb")
    assert done.json["catalogue"] == "fdb"
    assert done.json["source"] == "mysql://reader:***@db/fdb"
    table = rxindex("config")
    assert "geheim" not in table.out + done.out
    assert "page_size" in table.out


def test_demo_data_fills_a_database(rxindex: Run, place: tuple[str, ...], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    done = rxindex("demo-data", "--to", url, "--packages", "500", "--json")
    assert done.code == 0, done.err
    assert done.json["packages"] == 500
    refused = rxindex("demo-data", "--to", url, "--packages", "500")
    assert refused.code == 3
    assert "--replace" in refused.err
    synced = rxindex("sync", "--source", url, *FAKE, *place, "--json")
    assert synced.json["packages"] == 500


def test_help_has_an_example_for_every_command(rxindex: Run) -> None:
    commands = (
        "demo", "demo-data", "sync", "follow", "verify", "reindex", "rollback",
        "search", "info", "status", "history", "serve", "config",
    )  # fmt: skip
    listed = rxindex("--help").out
    for command in commands:
        assert command in listed
        shown = rxindex(command, "--help")
        assert shown.code == 0
        assert "Example" in shown.out, command
    assert __version__ in rxindex("--version").out


@pytest.mark.parametrize("words", [["sync", "--limit", "0"], ["search"], ["nonsense"]])
def test_wrong_usage_is_exit_code_two(rxindex: Run, words: list[str]) -> None:
    done = rxindex(*words)
    assert done.code == 2
    assert done.out == ""


def test_errors_are_json_where_json_was_asked_for(rxindex: Run, place: tuple[str, ...]) -> None:
    done = rxindex("search", "x", *FAKE, *place, "--json")
    assert done.code == 5
    assert json.loads(done.out)["error"] == "CatalogueNotIndexed"
    assert "rxindex sync" in done.json["message"]
