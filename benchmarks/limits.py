"""`python -m benchmarks --only limits`: a sync beside the raw limits, and how it grows.

Three questions. How near is a cold sync to Redis taking the same documents alone (fake embedder,
FLAT), and to the model embedding the same texts alone (MiniLM)? How near is a sync without changes
to the bare driver reading the rows, from a file and from a server? And do time and memory grow as
they should with the catalogue?

A machine's speed may change by a third from one minute to the next. What is divided is therefore
measured by turns, three times, and the pair of the middle ratio counts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.services.mariadb import MariaDB

from benchmarks.case import case
from benchmarks.ratios import ratio
from benchmarks.tables import megabytes, ratio_table, table
from rxindex.source.sample import write_demo_data

__all__ = ["NAME", "markdown", "measure"]

NAME = "limits"

#: Packages beside raw writing, and of the series; a FLAT index throughout, whose insertion costs
#: the same however many there are.
SIZE, QUICK_SIZE = 50_000, 2_000
#: Packages in a MariaDB.
SERVED, QUICK_SERVED = 100_000, 5_000
SERIES, QUICK_SERIES = (100_000, 250_000, 500_000, 1_000_000), (5_000, 20_000)
#: How much longer a million may take than four times a quarter of a million.
_LINEAR = 1.1
#: How often what is divided is measured.
_TURNS = 3
#: Memory of the process at the largest size, in MB.
_MOST_MEMORY = 400


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Measure each case in a process of its own.

    Args:
        folder: for databases and indexes.
        quick: some thousands of packages, and MiniLM on these too.
    """
    small = _database(folder, QUICK_SIZE if quick else SIZE)
    turns = 1 if quick else _TURNS
    written = _beside_writing(folder, small, turns)
    embedded = _beside_embedding(folder, small if quick else "sample", turns)
    served = _from_server(folder, QUICK_SERVED if quick else SERVED, turns)
    series = [
        _one_size(folder, _database(folder, size), size, turns)
        for size in (QUICK_SERIES if quick else SERIES)
    ]
    return {
        "written": written,
        "embedded": embedded,
        "served": served,
        "series": series,
        "ratios": _ratios(written, embedded, served, series),
    }


def _database(folder: Path, packages: int) -> str:
    """Write FDB's tables once; gives their URL."""
    file = folder / f"fdb{packages}.db"
    url = f"sqlite:///{file}"
    if not file.exists():
        write_demo_data(url, packages, seed=1)
    return url


def _by_turns(
    turns: int, ours: Callable[[int], dict[str, Any]], limit: Callable[[int], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure two things by turns; gives the pair of the middle ratio of their seconds.

    Args:
        turns: how often.
        ours: measures what rxindex takes; called with the number of the turn.
        limit: measures what it is held against, likewise.
    """
    pairs = [(ours(turn), limit(turn)) for turn in range(turns)]
    pairs.sort(key=lambda pair: float(pair[1]["seconds"]) / float(pair[0]["seconds"]))
    return pairs[turns // 2]


def _beside_writing(folder: Path, source: str, turns: int) -> dict[str, Any]:
    """A cold sync with the fake embedder, and the same documents written raw."""
    cold, alone = _by_turns(
        turns,
        lambda turn: case("sync", source, folder / f"written{turn}", "fake", "flat"),
        lambda turn: case("write", folder / f"written{turn}"),
    )
    return {"cold": cold, "alone": alone}


def _beside_embedding(folder: Path, source: str, turns: int) -> dict[str, Any]:
    """A cold sync with the real model, and the model alone on the same texts."""
    cold, alone = _by_turns(
        turns,
        lambda turn: case("sync", source, folder / f"embedded{turn}", "minilm", "auto"),
        lambda turn: case("embed", source, "minilm"),
    )
    again = case("sync", source, folder / "embedded0", "minilm", "auto")
    return {"cold": cold, "no_change": again, "alone": alone}


def _from_server(folder: Path, packages: int, turns: int) -> dict[str, Any]:
    """The same as `_one_size`, out of a MariaDB, which makes digests itself."""
    with MariaDB() as database:
        source = database.create_database("fdb")
        write_demo_data(source, packages, seed=1)
        return _one_size(folder / "served", source, packages, turns)


def _one_size(folder: Path, source: str, packages: int, turns: int) -> dict[str, Any]:
    """A cold sync, one without changes, and the bare driver's reading, of one catalogue."""
    index = folder / f"series{packages}"
    cold = case("sync", source, index, "fake", "flat")
    no_change, read = _by_turns(
        turns,
        lambda turn: case("sync", source, index, "fake", "flat"),
        lambda turn: case("read", source),
    )
    return {"packages": packages, "cold": cold, "no_change": no_change, "read": read}


def _ratios(
    written: dict[str, Any],
    embedded: dict[str, Any],
    served: dict[str, Any],
    series: list[dict[str, Any]],
) -> dict[str, Any]:
    def per_package(name: str, one: dict[str, Any]) -> float:
        return float(one[name]["seconds"]) / int(one["packages"])

    # From a quarter of the largest on: smaller ones say more about starting than about growing.
    last = series[-1]
    first = next(one for one in series if one["packages"] * 4 >= last["packages"])
    packages = written["cold"]["packages"]
    found = {
        f"raw HSET, {packages}": ratio(
            f"raw pipelined HSET / cold sync, fake embedder, {packages:,} packages",
            written["alone"]["seconds"] / written["cold"]["seconds"], "higher", 0.8,
        ),
        f"model alone, {embedded['cold']['packages']}": ratio(
            f"the model alone / cold sync, MiniLM, {embedded['cold']['packages']:,} packages",
            embedded["alone"]["seconds"] / embedded["cold"]["seconds"], "higher", 0.9,
        ),
    }  # fmt: skip
    found["no change, MariaDB"] = ratio(
        f"sync without changes / bare driver (MariaDB), {served['packages']:,} packages",
        served["no_change"]["seconds"] / served["read"]["seconds"], "lower", 2,
    )  # fmt: skip
    for one in series:
        found[f"no change, {one['packages']}"] = ratio(
            f"sync without changes / bare driver (SQLite), {one['packages']:,} packages",
            one["no_change"]["seconds"] / one["read"]["seconds"], "lower", 2,
        )  # fmt: skip
    for name, words in (("cold", "cold sync"), ("no_change", "sync without changes")):
        found[f"linear {name}, {last['packages']}"] = ratio(
            f"{words}: seconds a package, {last['packages']:,} / {first['packages']:,} packages",
            per_package(name, last) / per_package(name, first), "lower", _LINEAR,
        )  # fmt: skip
    found[f"memory, {last['packages']}"] = ratio(
        f"peak memory of a cold sync of {last['packages']:,} packages, in {_MOST_MEMORY} MB",
        last["cold"]["peak_rss"] / (_MOST_MEMORY * 2**20), "lower", 1,
    )  # fmt: skip
    found[f"memory grows, {last['packages']}"] = ratio(
        f"peak memory, {last['packages']:,} / {series[0]['packages']:,} packages",
        last["cold"]["peak_rss"] / series[0]["cold"]["peak_rss"], "lower", _LINEAR,
    )  # fmt: skip
    return found


def markdown(result: dict[str, Any]) -> str:
    """Write the section: every run, the limits, the ratios, and what the design saves."""
    written, embedded = result["written"], result["embedded"]
    runs = [
        _run("FDB tables, fake, cold", written["cold"]),
        _run(f"{_place(embedded)}, MiniLM, cold", embedded["cold"]),
        _run("the same again", embedded["no_change"]),
    ]
    for name, one in [("FDB in MariaDB", result["served"])] + [
        ("FDB tables", one) for one in result["series"]
    ]:
        runs += [
            _run(f"{name}, fake, cold", one["cold"]),
            _run("the same again", one["no_change"]),
        ]
    limits = [
        _limit("raw pipelined HSET, documents", written["alone"]),
        _limit("MiniLM alone, distinct texts", embedded["alone"]),
        _limit("the bare driver (MariaDB), packages", result["served"]["read"]),
        *(_limit("the bare driver (SQLite), packages", one["read"]) for one in result["series"]),
    ]
    return "\n".join(
        (
            table(
                ("run", "packages", "drugs", "embedding calls", "seconds", "CPU s",
                 "CPU s of Redis", "packages/s", "Redis bytes/package", "peak MB"), runs,
            ),
            "Each limit alone, in the same run:\n",
            table(("limit", "count", "seconds", "a second", "CPU s", "CPU s of Redis"), limits),
            ratio_table(result["ratios"]),
            _saved(result),
        )
    )  # fmt: skip


def _place(embedded: dict[str, Any]) -> str:
    return "FDB tables" if embedded["cold"]["source"].startswith("sqlite") else "FDA directory"


def _run(name: str, one: dict[str, Any]) -> tuple[object, ...]:
    packages = int(one["packages"])
    return (
        name, packages, int(one["total_processed"]), int(one["embedding_calls"]),
        f"{one['seconds']:.1f}", f"{one['cpu']:.1f}", f"{one['redis_cpu']:.1f}",
        round(packages / one["seconds"]),
        f"{one['redis_bytes'] / packages:,.0f}" if one["added"] else "",
        megabytes(one["peak_rss"]),
    )  # fmt: skip


def _limit(name: str, one: dict[str, Any]) -> tuple[object, ...]:
    return (
        name, int(one["count"]), f"{one['seconds']:.1f}", round(one["count"] / one["seconds"]),
        f"{one['cpu']:.1f}", f"{one['redis_cpu']:.1f}" if one["redis_cpu"] else "",
    )  # fmt: skip


def _saved(result: dict[str, Any]) -> str:
    """Say what one vector a text saves over one call and one vector a package."""
    rows = [
        (f"embedding calls, {place}", int(one["packages"]), int(one["embedding_calls"]))
        for place, one in (
            (_place(result["embedded"]), result["embedded"]["cold"]),
            ("FDB tables", result["series"][-1]["cold"]),
        )
    ]
    last = result["series"][-1]["no_change"]
    rows.append(("the same when nothing changed", last["packages"], last["embedding_calls"]))
    headings = ("what the design saves", "one call a package", "rxindex")
    return table(headings, rows)
