"""What was typed is shown as it was typed, whatever a terminal could make of it."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cli.conftest import Run
from tests.services.fdb import create_tables, package

from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis


def test_brackets_are_shown_as_they_were_typed(
    rxindex: Run, redis_server: EmbeddedRedis, catalogue: Catalogue, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, [package("00071015523", "ATORVASTATIN 20 MG TABLET", 16366)])
    place = ("--redis", redis_server.url, "--catalogue", catalogue.name)
    fake = ("--embedder", "fake")
    assert rxindex("sync", "--source", url, *fake, *place).code == 0
    scanned = "(01)00300021433802(21)[/x]"
    for words in (("search", scanned, *fake, *place), ("info", scanned, *place)):
        done = rxindex(*words)
        assert (done.code, done.err) == (1, "")
        assert scanned in done.out
