"""`python -m benchmarks.nightly`: what a night costs, and how far behind a follower is.

A real MariaDB holds the demo catalogue in FDB's tables. Measured are a first load, a night without
a change beside reading the same rows with the bare driver, a night on which 1 % of the packages
changed, a comparison drug by drug, a reindex with its memory, and the time from a commit to the
moment at which a search finds it.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import pymysql
import redis
import typer
from tests.services.mariadb import MariaDB
from tests.services.redis import RedisServer

from benchmarks.kept import console, show, write
from benchmarks.parts import Skipped
from benchmarks.ratios import ratio
from benchmarks.tables import megabytes, ratio_table, table
from rxindex.bench.raw import read_bare
from rxindex.index.connect import command
from rxindex.source.sample import write_demo_data

__all__ = ["NAME", "markdown", "measure"]

NAME = "nightly"


def run(name: str, place: list[str], *words: str) -> dict[str, Any]:
    """Run one command in its own process; its report, wall time and peak memory."""
    console.print(f"[dim]rxindex {name} {' '.join(words)}[/]")
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.measured", name, *place, *words, "--json"],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    if not lines:
        raise RuntimeError(f"rxindex {name} ended with {process.returncode} and no report")
    report: dict[str, Any] = json.loads(lines[0]) | json.loads(lines[-1])
    return report | {"seconds": time.perf_counter() - begun, "exit_code": process.returncode}


@contextmanager
def most_memory(client: redis.Redis) -> Iterator[dict[str, int]]:
    """Watch what Redis uses: before, at most, after."""
    found = {"before": client.info("memory")["used_memory"], "most": 0}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            found["most"] = max(found["most"], client.info("memory")["used_memory"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()
        found["after"] = client.info("memory")["used_memory"]


def change_some(database: MariaDB, share: float) -> int:
    """Change every so many-th package: its label name, and with it its drug."""
    every = round(1 / share)
    database.execute(
        "UPDATE rndc14 SET LN60 = CONCAT(LEFT(LN60, 50), ' V2'), LN = CONCAT(LEFT(LN, 26), ' V2') "
        "WHERE CRC32(NDC) %% %s = 0",
        (every,),
        "fdb",
    )
    return int(str(database.execute(
        "SELECT COUNT(*) FROM rndc14 WHERE CRC32(NDC) %% %s = 0", (every,), "fdb"
    )[0][0]))  # fmt: skip


class Terminated:
    """Ends a process, however the work with it ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def follow(database: MariaDB, client: redis.Redis, place: list[str], commits: int) -> Any:
    """Time from a commit to the moment at which a search finds it."""
    connection = pymysql.connect(
        unix_socket=str(database.socket), user="root", database="fdb", autocommit=True
    )
    with (
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.measured", "follow", *place, "--json"],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
        ) as process,
        connection,
        connection.cursor() as cursor,
        closing(Terminated(process)),
    ):  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()  # everything was compared
        # A line for each commit follows; a pipe that nobody reads would fill and stop it.
        threading.Thread(target=process.stdout.read, daemon=True).start()

        def found(word: str) -> int:
            query = ("FT.SEARCH", "rx:drugs", f"@name:{word}", "LIMIT", 0, 0)
            return int(command(client, *query)[0])

        cursor.execute("SELECT NDC FROM rndc14 WHERE GCN_SEQNO > 0 LIMIT %s", (commits,))
        seconds = []
        for number, (ndc,) in enumerate(cursor.fetchall()):
            name = f"ZZFOL{number}"
            cursor.execute("UPDATE rndc14 SET LN = %s, LN60 = %s WHERE NDC = %s", (name, name, ndc))
            seconds.append(_until(lambda word=f"zzfol{number}": found(word) > 0))
            time.sleep(0.037 * (number % 5))  # so that commits come at every phase of its rounds
        values = ", ".join(
            f"('{code:011d}', 'ZZBULK {code // 4}', 'ZZBULK', {9_000_000 + code // 4}, '0')"
            for code in range(10_000)
        )
        cursor.execute(f"INSERT INTO rndc14 (NDC, LN, BN, GCN_SEQNO, INNOV) VALUES {values}")
        bulk = _until(lambda: found("zzbulk") == 2_500)
    seconds.sort()
    return {
        "commits": commits,
        "median": statistics.median(seconds),
        "p95": seconds[int(0.95 * len(seconds))],
        "most": seconds[-1],
        "ten_thousand_rows": bulk,
    }


def _until(condition: Any) -> float:
    begun = time.perf_counter()
    while not condition():
        if time.perf_counter() - begun > 120:
            raise TimeoutError
        time.sleep(0.005)
    return time.perf_counter() - begun


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Measure 500,000 packages, or 5,000; see `measure_night`."""
    return measure_night(folder, 5_000, 384, 20) if quick else measure_night(folder)


def measure_night(
    folder: Path, packages: int = 500_000, dimensions: int = 384, commits: int = 200
) -> dict[str, Any]:
    """Measure everything, in a database and a Redis of its own.

    Args:
        folder: of the Redis.
        packages: size of the demo catalogue.
        dimensions: vector length of the fake embedder.
        commits: to time a follower with.

    Raises:
        Skipped: there is no MariaDB.
    """
    if shutil.which("mariadbd") is None:
        raise Skipped("mariadbd is not installed (scripts/setup-mariadb)")
    found: dict[str, Any] = {}
    with (
        MariaDB(binlog=True, options=["--max-allowed-packet=64M"]) as database,
        RedisServer(folder, "--hash-max-listpack-value", "8192") as server,
    ):
        url = database.create_database("fdb")
        write_demo_data(url, packages, seed=1)
        place = ["--source", url, "--redis", server.url, "--embedder", "fake"]
        settings = folder / "rxindex.toml"
        settings.write_text(f"dimensions = {dimensions}\n")
        place += ["--config", str(settings)]
        client = server.client()
        found["cold"] = run("sync", place)
        found["no change"] = run("sync", place)
        found["bare driver"] = _bare(url)
        changed = change_some(database, 0.01)
        found["1 % changed"] = run("sync", place) | {"changed": changed}
        found["verify"] = run("verify", place)
        with most_memory(client) as memory:
            found["reindex"] = run("reindex", place)
        found["reindex"]["redis"] = memory
        found["follow"] = follow(database, client, place, commits)
    share = found["no change"]["duration"] / found["bare driver"]["seconds"]
    found["ratios"] = {
        f"no change, {packages}": ratio(
            f"sync without changes / bare driver (MariaDB, pymysql), {packages:,} packages",
            share, "lower", 2,
        )
    }  # fmt: skip
    return found


def _bare(url: str) -> dict[str, Any]:
    """Read what a sync reads with nothing but the driver, in the same order."""
    spent = read_bare(url)
    return {"seconds": spent.seconds, "duration": spent.seconds, "packages": spent.count}


def main(
    packages: Annotated[int, typer.Option(help="Size of the demo catalogue.")] = 500_000,
    dimensions: Annotated[int, typer.Option(help="Vector length of the fake embedder.")] = 384,
    commits: Annotated[int, typer.Option(help="Commits to time a follower with.")] = 200,
) -> None:
    """Measure on this machine."""
    with tempfile.TemporaryDirectory(prefix="rxindex-bench-") as folder:
        found = measure_night(Path(folder), packages, dimensions, commits)
    show(markdown(found))
    write("nightly", found)


def markdown(result: dict[str, Any]) -> str:
    """Write the section: each run beside the bare driver, a reindex's memory, and a follower."""
    bare = result["bare driver"]["seconds"]
    rows = []
    for name in ("bare driver", "cold", "no change", "1 % changed", "verify", "reindex"):
        one = result[name]
        reported = name != "bare driver"
        written = sum(one.get(kind, 0) for kind in ("added", "updated", "metadata_only"))
        own = one.get("duration", one["seconds"])
        rows.append((
            name, f"{one['seconds']:.1f}", f"{own:.1f}", f"{own / bare:.1f}",
            one.get("total_processed", one.get("drugs", "")), written if reported else "",
            one.get("deleted", ""),
            one.get("embedding_calls", ""),
            megabytes(one["peak_rss"]) if "peak_rss" in one else "",
        ))  # fmt: skip
    memory, following = result["reindex"]["redis"], result["follow"]
    return "\n".join((
        f"{result['cold']['packages']:,} packages in a real MariaDB, the fake embedder. `seconds` "
        "has the start of the command in it, the run itself has not.\n",
        table(("run", "seconds", "of them the run", "of the bare driver", "drugs", "written",
               "deleted", "embedding calls", "peak MB"), rows),
        ratio_table(result["ratios"]),
        f"A reindex holds two generations: {megabytes(memory['before'])} MB of Redis became "
        f"{megabytes(memory['after'])} MB, {megabytes(memory['most'])} MB at most. A follower had "
        f"a committed change searchable after {following['median']:.2f} s at the median and "
        f"{following['p95']:.2f} s at the 95th percentile ({following['commits']} commits), and "
        f"10,000 rows of one INSERT after {following['ten_thousand_rows']:.1f} s.\n",
    ))  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
