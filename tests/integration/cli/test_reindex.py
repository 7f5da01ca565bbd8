"""``rxindex reindex``, ``rollback``, ``follow`` and the options of a run, as they are used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Run
from tests.services.fdb import add_packages, create_tables, package
from tests.services.mariadb import MariaDB
from tests.services.pharmacy import write_pharmacy
from tests.services.redis import RedisServer

FAKE = ("--embedder", "fake")


@pytest.fixture
def server(tmp_path: Path) -> RedisServer:
    (tmp_path / "redis").mkdir()
    return RedisServer(tmp_path / "redis")


def test_another_index_is_built_and_left_again(rxindex: Run, fdb: str, server: RedisServer) -> None:
    with server:
        place = ("--source", fdb, "--redis", server.url, *FAKE)
        nothing = rxindex("rollback", "--redis", server.url)
        assert nothing.code == 5
        assert "no index answers" in nothing.err
        assert rxindex("sync", *place).code == 0
        assert "no generation was live before" in rxindex("rollback", "--redis", server.url).err

        dry = rxindex("reindex", *place, "--algorithm", "hnsw", "--dry-run", "--json")
        assert (dry.code, dry.json["embedding_calls"], dry.json["generation"]) == (0, 0, "(new)")
        done = rxindex("reindex", *place, "--algorithm", "hnsw", "--json")
        assert done.code == 0, done.err
        assert (done.json["generation"], done.json["recall"]) == ("g2", 1.0)
        assert (done.json["embedding_calls"], done.json["vectors_carried"] > 0) == (0, True)
        assert done.json["index"]["algorithm"] == "hnsw"

        # A sync with the settings of before would write another index than the live one.
        refused = rxindex("sync", *place)
        assert refused.code == 5
        assert "algorithm hnsw (now auto)" in refused.err

        assert rxindex("rollback", "--redis", server.url, "--dry-run", "--json").json == {
            "before": "g2", "live": "g1", "dry_run": True,
        }  # fmt: skip
        assert "searches go to g1" in rxindex("rollback", "--redis", server.url).out
        assert rxindex("sync", *place, "--json").json["unchanged"] == 4
        assert (
            rxindex("rollback", "--redis", server.url, "--to", "g2", "--json").json["live"] == "g2"
        )
        wrong = rxindex("rollback", "--redis", server.url, "--to", "g9")
        assert wrong.code == 5
        assert "there is no generation g9" in wrong.err
        assert "g1" in wrong.err
        runs = rxindex("history", "--redis", server.url, "--json").json["runs"]
        assert [one["command"] for one in runs][:2] == ["sync", "sync"]
        assert "reindex" in [one["command"] for one in runs]


def test_a_run_in_parts_and_from_the_start(rxindex: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    write_pharmacy(url, formulations=1200)  # with one to four packages each
    place = ("--source", url, *FAKE, "--data-dir", str(tmp_path / "data"), "--json")
    slow = {"RXINDEX_BATCH_SIZE": "20"}
    first = rxindex("sync", *place, "--max-seconds", "0.2", **slow)
    assert first.code == 9
    assert "seconds" in first.json["stopped"]
    parts = [first.json]
    while not parts[-1]["completed"]:
        parts.append(rxindex("sync", *place, "--max-seconds", "3", **slow).json)
        assert parts[-1]["resumed"]
    assert sum(one["packages"] for one in parts) == 3000
    assert sum(one["added"] for one in parts) == sum(one["total_processed"] for one in parts)
    last = rxindex("sync", *place, "--from-start")
    assert (last.code, last.json["resumed"]) == (0, False)
    assert last.json["unchanged"] == sum(one["added"] for one in parts)


def test_only_what_was_updated(rxindex: Run, fdb: str, place: tuple[str, ...]) -> None:
    words = ("--source", fdb, *FAKE, *place)
    early = rxindex("sync", *words, "--since", "last")
    assert early.code == 5
    assert rxindex("sync", *words).code == 0
    new = package(700, "WARFARIN 5 MG TABLET", 6560, DUPDC="20180102")
    old = package(701, "WARFARIN 1 MG TABLET", 6561, DUPDC="20100101")
    add_packages(fdb, [new, old])
    done = rxindex("sync", *words, "--since", "last", "--json")
    assert done.code == 0, done.err
    assert done.json["added"] == 1
    assert rxindex("sync", *words, "--since", "2010-01-01", "--json").json["added"] == 1
    wrong = rxindex("sync", *words, "--since", "yesterday")
    assert wrong.code == 3
    assert "no date" in wrong.err
    assert rxindex("sync", *words, "--since", "last", "--limit", "3").code == 3
    other = rxindex("sync", "--source", "sample", *FAKE, "--since", "last", *place)
    assert other.code == 3
    assert "no update times" in other.err


def test_what_cannot_be_followed_is_told_at_once(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    done = rxindex("follow", "--source", fdb, *FAKE, "--data-dir", str(tmp_path / "data"))
    assert done.code == 3
    assert "no binlog" in done.err
    assert not (tmp_path / "data").exists()


def test_following_until_it_is_told_to_stop(
    rxindex: Run, server: RedisServer, tmp_path: Path
) -> None:
    with MariaDB(binlog=True) as database, server:
        url = database.create_database("fdb")
        create_tables(url.replace("mysql://", "mysql+pymysql://"), [package(1, "ASPIRIN", 1)])
        place = ("--source", url, "--redis", server.url, *FAKE)
        once = rxindex("follow", *place, "--catch-up")
        assert once.code == 0, once.err
        assert "1 drugs written" in once.out
        words = ["-W", "error", "-c", "from rxindex.cli import main; main()", "follow", *place]
        with subprocess.Popen(
            [sys.executable, *words, "--json", "--metrics-port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
            env=os.environ,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            database.execute("UPDATE rndc14 SET LN60 = 'ASA'", database="fdb")
            told = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        # The label's long form is no part of the key nor of the text.
        assert (told["rows"], told["report"]["metadata_only"]) == (1, 1)
        assert (process.returncode, errors) == (0, "")
        status = rxindex("status", "--redis", server.url, "--json").json
        assert status["follow"]["rows"] == 1
