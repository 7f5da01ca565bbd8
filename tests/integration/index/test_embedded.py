"""The embedded Redis: starting, sharing, surviving, refusing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rxindex.errors import DiskFull, EmbeddedRedisError, IndexFull
from rxindex.index.connect import command, redis_errors
from rxindex.index.embedded import EmbeddedRedis


def running(server: EmbeddedRedis) -> bool:
    return server.socket.exists()


def test_data_and_index_are_there_again_after_a_stop(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        client = server.start()
        command(client, "FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "a", "TEXT")
        command(client, "FT.ALIASUPDATE", "alias", "i")
        client.hset("d:1", mapping={"a": "hello"})
        assert (tmp_path.stat().st_mode & 0o077) == 0
    assert not running(server)
    with EmbeddedRedis(tmp_path) as server:
        assert command(server.start(), "FT.SEARCH", "alias", "hello", "NOCONTENT") == [1, b"d:1"]


def test_the_last_to_leave_stops_it(tmp_path: Path) -> None:
    first, second = EmbeddedRedis(tmp_path), EmbeddedRedis(tmp_path)
    first.start()
    second.start()
    first.leave()
    assert running(first)
    assert second.start().ping()
    second.leave()
    assert not running(first)
    second.leave()


def test_another_process_shares_it(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import sys\n"
        "from rxindex.index.embedded import EmbeddedRedis\n"
        f"with EmbeddedRedis(Path({str(tmp_path)!r})) as server:\n"
        "    server.start().incr('n'); print('up', flush=True); sys.stdin.readline()\n"
    )
    with (
        EmbeddedRedis(tmp_path) as server,
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "up\n"
        server.leave()
        assert running(server)
        assert server.start().get("n") == b"1"
        other.communicate("\n")
        assert server.start().ping()
    assert not running(server)


def test_what_was_written_survives_a_killed_server(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        client = server.start()
        client.set("kept", "yes")
        assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1  # type: ignore[no-untyped-call]
        process = psutil.Process(int(client.info("server")["process_id"]))
        process.send_signal(signal.SIGKILL)
        gone, _ = psutil.wait_procs([process], timeout=10)
        assert gone
    with EmbeddedRedis(tmp_path) as server:
        assert server.start().get("kept") == b"yes"


def test_a_folder_with_a_long_path_still_has_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with EmbeddedRedis(folder) as server:
        assert len(os.fsencode(server.socket)) < 100
        assert server.start().ping()


def test_another_temporary_folder_makes_no_second_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long" * 30)
    with EmbeddedRedis(folder) as first:
        (tmp_path / "tmp").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        with EmbeddedRedis(folder) as second:
            assert second.start().info("server")["run_id"] == first.start().info("server")["run_id"]


def test_data_that_a_server_holds_is_left_alone(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        first.start().set("a", "b")
        first.socket.rename(tmp_path / "elsewhere")
        with pytest.raises(EmbeddedRedisError, match="holds the data"):
            EmbeddedRedis(tmp_path).start()
        (tmp_path / "elsewhere").rename(first.socket)
        assert first.start().get("a") == b"b"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedRedisError, match=r"file/below.*--data-dir"):
        EmbeddedRedis(tmp_path / "file" / "below").start()


def test_a_broken_data_file_is_told_with_the_servers_own_words(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        server.start().set("a", "b")
    for file in (tmp_path / "appendonlydir").glob("*.manifest"):
        file.write_text("nonsense\n")
    with pytest.raises(EmbeddedRedisError, match=r"did not start.*manifest"):
        EmbeddedRedis(tmp_path).start()


def test_a_full_memory_is_told_as_such(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, max_memory=4 * 2**20) as server:
        client = server.start()
        with pytest.raises(IndexFull, match=r"maxmemory.*run the same command again"):
            for number in range(1000):
                with redis_errors("filling it"):
                    client.set(f"k{number}", b"x" * 100_000)


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        client = server.start()
        process = psutil.Process(int(client.info("server")["process_id"]))
        # The kernel refuses longer files from here on, as a full disk would.
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (1_000_000, hard))
        with pytest.raises(DiskFull, match="make room, then run the same command again"):
            for number in range(1000):
                with redis_errors("filling it"):
                    client.set(f"k{number}", b"x" * 100_000)
                time.sleep(0.01)
        process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))


def test_a_folder_without_room_is_refused_before_the_start(tmp_path: Path) -> None:
    class Crowded(EmbeddedRedis):
        minimum_disk = 2**60

    with pytest.raises(DiskFull, match=r"MB free.*--data-dir"):
        Crowded(tmp_path).start()
