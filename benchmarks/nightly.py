"""`python -m benchmarks.nightly`: what a night costs, and how far behind a follower is.

A real MariaDB holds the demo catalogue in FDB's tables. Measured are a first load, a night without
a change beside reading the same rows with the bare driver, a night on which 1 % of the packages
changed, a comparison drug by drug, a reindex with its memory, and the time from a commit to the
moment at which a search finds it.
"""

from __future__ import annotations

import datetime
import json
import platform
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
from pymysql.cursors import SSCursor
from rich.console import Console
from rich.table import Table
from tests.services.mariadb import MariaDB
from tests.services.redis import RedisServer

from rxindex.index.connect import command
from rxindex.source.sample import write_demo_data

RESULTS = Path(__file__).parent / "results"
console = Console()


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


def read_bare(database: MariaDB) -> dict[str, Any]:
    """Read the rows that a sync reads with nothing but the driver, in the same order."""
    query = """
        SELECT * FROM rndc14 p
        LEFT JOIN rlblrid3 l ON l.LBLRID = p.LBLRID
        LEFT JOIN rgcnseq4 f ON f.GCN_SEQNO = p.GCN_SEQNO
        LEFT JOIN rhiclsq1 h ON h.HICL_SEQNO = f.HICL_SEQNO
        LEFT JOIN rdosed2 d ON d.GCDF = f.GCDF
        LEFT JOIN rrouted3 r ON r.GCRT = f.GCRT
        ORDER BY p.GCN_SEQNO, p.NDC
    """
    begun = time.perf_counter()
    connection = pymysql.connect(
        host="127.0.0.1", port=database.port, user=database.user, password=database.password,
        database="fdb",
    )  # fmt: skip
    with connection, connection.cursor(SSCursor) as cursor:
        cursor.execute(query)
        rows = sum(1 for _ in cursor)
    return {"seconds": time.perf_counter() - begun, "packages": rows}


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


def main(
    packages: Annotated[int, typer.Option(help="Size of the demo catalogue.")] = 500_000,
    dimensions: Annotated[int, typer.Option(help="Vector length of the fake embedder.")] = 384,
    commits: Annotated[int, typer.Option(help="Commits to time a follower with.")] = 200,
) -> None:
    """Measure on this machine."""
    found: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="rxindex-bench-") as folder,
        MariaDB(binlog=True, options=["--max-allowed-packet=64M"]) as database,
        RedisServer(Path(folder), "--hash-max-listpack-value", "8192") as server,
    ):
        url = database.create_database("fdb")
        write_demo_data(url, packages, seed=1)
        place = ["--source", url, "--redis", server.url, "--embedder", "fake"]
        Path(folder, "rxindex.toml").write_text(f"dimensions = {dimensions}\n")
        place += ["--config", str(Path(folder, "rxindex.toml"))]
        client = server.client()
        found["cold"] = run("sync", place)
        found["no change"] = run("sync", place)
        found["bare driver"] = read_bare(database)
        changed = change_some(database, 0.01)
        found["1 % changed"] = run("sync", place) | {"changed": changed}
        found["verify"] = run("verify", place)
        with most_memory(client) as memory:
            found["reindex"] = run("reindex", place)
        found["reindex"]["redis"] = memory
        found["follow"] = follow(database, client, place, commits)
    show(found)
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    path = RESULTS / f"nightly-{now:%Y%m%dT%H%M%SZ}.json"
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    path.write_text(json.dumps({"machine": machine, "date": now.isoformat(), **found}, indent=1))
    console.print(f"written to {path}")


def show(found: dict[str, Any]) -> None:
    """Print the tables."""
    table = Table(title="A night")
    for heading in ("run", "seconds", "of bare driver", "drugs", "written", "deleted",
                    "embedding calls", "peak RSS MB"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "run" else "right")
    bare = found["bare driver"]["seconds"]
    for name, one in found.items():
        if name == "follow":
            continue
        drugs = one.get("total_processed", one.get("drugs", 0))
        written = sum(one.get(kind, 0) for kind in ("added", "updated", "metadata_only"))
        table.add_row(
            name, f"{one['seconds']:.1f}", f"{one['seconds'] / bare:.1f}", f"{drugs:,}",
            f"{written:,}", f"{one.get('deleted', 0):,}", f"{one.get('embedding_calls', 0):,}",
            f"{one.get('peak_rss', 0) / 2**20:,.0f}",
        )  # fmt: skip
    console.print(table)
    memory, following = found["reindex"]["redis"], found["follow"]
    console.print(
        f"reindex: Redis {memory['before'] / 2**20:,.0f} MB before, {memory['most'] / 2**20:,.0f} "
        f"at most, {memory['after'] / 2**20:,.0f} after (two generations)"
    )
    console.print(
        f"follow, commit to hit, {following['commits']} commits: median "
        f"{following['median']:.3f} s, p95 {following['p95']:.3f} s, most "
        f"{following['most']:.3f} s; 10,000 rows of one statement "
        f"{following['ten_thousand_rows']:.1f} s"
    )


if __name__ == "__main__":
    typer.run(main)
