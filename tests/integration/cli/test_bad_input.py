"""Bad input: a clear message, an exit code, nothing half-swapped, the live index untouched."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.aws.bedrock_endpoint import CREDENTIALS
from tests.integration.cli.conftest import Run
from tests.services.fdb import add_packages, create_tables, package, remove_packages
from tests.services.mariadb import MariaDB
from tests.services.redis import RedisServer, free_port

from rxindex.index.embedded import EmbeddedRedis

FAKE = ("--embedder", "fake")


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("postgres://h/d", 3, "is no kind of source"),
        ("mysql://", 3, "mysql"),
        ("sqlite:////nowhere/at/all.db", 4, "/nowhere/at/all.db"),
        ("ndc:/nowhere/ndctext.zip", 4, "/nowhere/ndctext.zip"),
    ],
)
def test_a_wrong_source_url(
    rxindex: Run, tmp_path: Path, url: str, code: int, message: str
) -> None:
    done = rxindex("sync", "--source", url, *FAKE, "--data-dir", str(tmp_path / "data"))
    assert done.code == code
    assert message in done.err
    assert done.out == ""


def test_no_source_at_all(rxindex: Run) -> None:
    done = rxindex("sync", *FAKE)
    assert done.code == 3
    assert "--source" in done.err


def test_a_wrong_database_password(rxindex: Run, mariadb: MariaDB, tmp_path: Path) -> None:
    mariadb.create_database("locked")
    url = f"mysql://rx:geheim@127.0.0.1:{mariadb.port}/locked"
    done = rxindex("sync", "--source", url, *FAKE, "--data-dir", str(tmp_path / "data"))
    assert done.code == 4
    assert "SourceAccessDenied" in done.err
    assert "geheim" not in done.err + done.out


def test_no_such_table(rxindex: Run, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE t (x)").connection.close()
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    done = rxindex("sync", "--source", url, *FAKE, "--data-dir", str(tmp_path / "data"))
    assert done.code == 4
    assert "rndc14" in done.err
    status = rxindex("status", "--data-dir", str(tmp_path / "data"), "--json").json
    assert status["generations"] == []


def test_an_empty_source_leaves_the_live_index(
    rxindex: Run, fdb: str, place: tuple[str, ...]
) -> None:
    assert rxindex("sync", "--source", fdb, *FAKE, *place).code == 0
    create_tables(fdb)
    done = rxindex("sync", "--source", fdb, *FAKE, *place)
    assert done.code == 4
    assert "EmptySource" in done.err
    assert rxindex("search", "lipitor", *FAKE, *place).code == 0


def test_nobody_at_the_redis_address(rxindex: Run, fdb: str) -> None:
    url = f"redis://:geheim@127.0.0.1:{free_port()}"
    done = rxindex("sync", "--source", fdb, "--redis", url, *FAKE)
    assert done.code == 5
    assert "IndexUnavailable" in done.err
    assert "geheim" not in done.err


@pytest.mark.parametrize("url", ["http://127.0.0.1:6379", "redis//x", "nonsense"])
def test_a_wrong_redis_url(rxindex: Run, fdb: str, url: str) -> None:
    done = rxindex("sync", "--source", fdb, "--redis", url, *FAKE)
    assert done.code == 3
    assert "is not a Redis URL" in done.err


def test_a_redis_without_its_query_engine(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path, search=False) as server:
        done = rxindex("sync", "--source", fdb, "--redis", server.url, *FAKE)
    assert done.code == 5
    assert "SearchModuleMissing" in done.err
    assert "Redis 8 or later" in done.err


def test_a_wrong_redis_password_and_a_right_one(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "geheim") as server:
        host = f"127.0.0.1:{server.port}"
        for given in (f"redis://{host}", f"redis://:falsch@{host}"):
            done = rxindex("sync", "--source", fdb, "--redis", given, *FAKE)
            assert done.code == 5
            assert "IndexAccessDenied" in done.err
            assert "falsch" not in done.err
        done = rxindex("sync", "--source", fdb, *FAKE, RXINDEX_REDIS=f"redis://:geheim@{host}")
        assert done.code == 0


def test_a_redis_user_with_the_documented_rights(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    # The rules are those of docs/configuration.md, word for word.
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    rules = next(line for line in page.splitlines() if line.startswith("ACL SETUSER rxindex"))
    words = rules.split()[3:]
    with RedisServer(tmp_path) as server:
        server.client().acl_setuser("rxindex", reset=True)
        server.client().execute_command("ACL", "SETUSER", "rxindex", *words)  # type: ignore[no-untyped-call]
        url = f"redis://rxindex:SECRET@127.0.0.1:{server.port}"
        assert rxindex("sync", "--source", fdb, "--redis", url, *FAKE).code == 0
        assert rxindex("search", "lipitor", "--redis", url, *FAKE).code == 0
        assert rxindex("status", "--redis", url).code == 0
        assert rxindex("history", "--redis", url).code == 0
        add_packages(fdb, [package("BAD", "WARFARIN 5 MG TABLET", 6560)])
        place = ("--source", fdb, "--redis", url, *FAKE)
        assert rxindex("sync", *place).code == 7
        assert rxindex("quarantine", "list", "--redis", url).code == 0
        assert rxindex("quarantine", "retry", "--all", *place).code == 7
        remove_packages(fdb, ["BAD"])
        assert rxindex("reindex", *place).code == 0
        assert rxindex("rollback", "--redis", url).code == 0
        server.client().hset(f"rx:drugs:g1:drug:{'x' * 16}", "name", "nobody's")
        assert rxindex("verify", *place, "--repair", "--allow-deletes").code == 0
        server.client().execute_command("ACL", "SETUSER", "rxindex", "-hset")  # type: ignore[no-untyped-call]
        add_packages(fdb, [package(8, "WARFARIN 5 MG TABLET", 6560)])
        done = rxindex("sync", "--source", fdb, "--redis", url, *FAKE)
        assert done.code == 5
        assert "lacks a right" in done.err


def test_a_read_only_redis(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    (tmp_path / "replica").mkdir()
    with (
        RedisServer(tmp_path, "--repl-diskless-sync-delay", "0") as primary,
        RedisServer(tmp_path / "replica", "--replicaof", f"127.0.0.1 {primary.port}") as replica,
    ):
        assert rxindex("sync", "--source", fdb, "--redis", primary.url, *FAKE).code == 0
        while replica.client().info("replication")["master_link_status"] != "up":
            time.sleep(0.02)  # between two looks; a replica tells nobody
        add_packages(fdb, [package(8, "WARFARIN 5 MG TABLET", 6560)])
        done = rxindex("sync", "--source", fdb, "--redis", replica.url, *FAKE)
        assert done.code == 5
        assert "IndexReadOnly" in done.err
        assert "address of the primary" in done.err
        assert rxindex("search", "lipitor", "--redis", replica.url, *FAKE).code == 0


def test_a_redis_that_is_out_of_memory(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        assert rxindex("sync", "--source", fdb, "--redis", server.url, *FAKE).code == 0
        server.client().config_set("maxmemory", 1)
        add_packages(fdb, [package(8, "WARFARIN 5 MG TABLET", 6560)])
        done = rxindex("sync", "--source", fdb, "--redis", server.url, *FAKE)
        assert done.code == 5
        assert "IndexFull" in done.err
        assert rxindex("search", "lipitor", "--redis", server.url, *FAKE).code == 0
        server.client().config_set("maxmemory", 0)
        done = rxindex("sync", "--source", fdb, "--redis", server.url, *FAKE, "--json")
        assert (done.code, done.json["added"], done.json["unchanged"]) == (0, 1, 4)


def test_a_full_disk_of_the_embedded_redis(rxindex: Run, fdb: str, tmp_path: Path) -> None:
    import psutil

    data = tmp_path / "data"
    with EmbeddedRedis(data) as server:
        words = ("--data-dir", str(data), *FAKE)
        assert rxindex("sync", "--source", fdb, *words).code == 0
        process = psutil.Process(int(server.start().info("server")["process_id"]))
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (1, hard))
        add_packages(fdb, [package(n, f"DRUG{n} 5 MG TABLET", n) for n in range(1000, 1600)])
        # The server notices at its next write to the file; its client at the write after that.
        codes = {rxindex("sync", "--source", fdb, *words).code for _ in range(3)}
        done = rxindex("sync", "--source", fdb, *words)
        assert 5 in codes | {done.code}
        assert "DiskFull" in done.err
        assert "make room" in done.err
        assert rxindex("search", "lipitor", *words).code == 0
        process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))


def test_other_dimensions_than_the_live_index(
    rxindex: Run, fdb: str, place: tuple[str, ...]
) -> None:
    assert rxindex("sync", "--source", fdb, *FAKE, *place).code == 0
    done = rxindex("sync", "--source", fdb, *FAKE, *place, RXINDEX_DIMENSIONS="64")
    assert done.code == 5
    assert "GenerationMismatch" in done.err
    assert "384 dimensions (now 64)" in done.err
    assert rxindex("search", "lipitor", *FAKE, *place).code == 0


def test_a_data_folder_that_is_a_file(rxindex: Run, fdb: str) -> None:
    done = rxindex("sync", "--source", fdb, *FAKE, "--data-dir", "/dev/null/x")
    assert done.code == 5
    assert "--data-dir" in done.err


@pytest.mark.parametrize("query", ["", "   ", "x" * 301])
def test_a_query_that_is_none(rxindex: Run, query: str, fdb: str, place: tuple[str, ...]) -> None:
    rxindex("sync", "--source", fdb, *FAKE, *place)
    done = rxindex("search", query, *FAKE, *place)
    assert done.code == 2
    assert "QueryError" in done.err


def test_an_ndc_that_is_none(rxindex: Run, fdb: str, place: tuple[str, ...]) -> None:
    rxindex("sync", "--source", fdb, *FAKE, *place)
    done = rxindex("info", "12-34", *place)
    assert done.code == 2
    assert "is not an NDC" in done.err


def test_an_interrupt_ends_a_run_that_waits_for_the_embedder(fdb: str, tmp_path: Path) -> None:
    words = ["sync", "--source", fdb, "--embedder", "titan", "--data-dir", str(tmp_path / "data")]
    environment = (
        os.environ
        | CREDENTIALS
        | {
            "RXINDEX_TITAN_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "RXINDEX_TITAN_REGION": "us-east-1",
        }
    )
    program = "from rxindex.cli import main; main()"
    with (
        EmbeddedRedis(tmp_path / "data") as server,
        subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process,
    ):
        # The generation is made before the first call; then the calls begin, and fail.
        deadline = time.monotonic() + 60
        while not server.start().exists("rx:drugs:g1:meta"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run again to go on" in said
