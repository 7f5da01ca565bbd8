"""`python -m benchmarks`: how fast, how large, beside the raw limits in the same run.

Absolute figures say more about the machine than about rxindex; the ratios are what to compare.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rxindex import __version__
from rxindex.source.sample import write_demo_data

RESULTS = Path(__file__).parent / "results"
console = Console()


def case(*words: str) -> dict[str, Any]:
    """Run one case in its own process."""
    console.print(f"[dim]{' '.join(words)}[/]")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.case", *words],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_fda(folder: Path) -> dict[str, Any]:
    """The FDA's directory with the real model, beside the embedder alone."""
    index = str(folder / "fda")
    cold = case("sync", "sample", index, "minilm", "0", "auto")
    again = case("sync", "sample", index, "minilm", "0", "auto")
    alone = case("embed", "sample", "minilm")
    return {"cold": cold, "no_change": again, "embedder_alone": alone}


def measure_fdb(folder: Path, packages: int, dimensions: int) -> dict[str, Any]:
    """A demo catalogue in FDB's tables with the fake embedder, beside raw reads and writes."""
    url = f"sqlite:///{folder / f'fdb{packages}.db'}"
    if not (folder / f"fdb{packages}.db").exists():
        write_demo_data(url, packages, seed=1)
    index = str(folder / f"fdb{packages}x{dimensions}")
    cold = case("sync", url, index, "fake", str(dimensions), "auto")
    again = case("sync", url, index, "fake", str(dimensions), "auto")
    read = case("read", url)
    write = case("write", index, str(folder / f"raw{packages}x{dimensions}"))
    return {"cold": cold, "no_change": again, "read_alone": read, "write_alone": write}


def row(name: str, run: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    packages = run["packages"]
    return (
        name,
        f"{packages:,}",
        f"{run['total_processed']:,}",
        f"{run['embedding_calls']:,}",
        f"{run['seconds']:.1f}",
        f"{packages / run['seconds']:,.0f}",
        f"{run['redis_bytes'] / packages:,.0f}" if run["added"] else "",
        f"{run['peak_rss'] / 2**20:,.0f}",
    )


def main(
    packages: Annotated[
        list[int] | None, typer.Option(help="Sizes of the demo catalogue; may be repeated.")
    ] = None,
    dimensions: Annotated[int, typer.Option(help="Vector length of the fake embedder.")] = 1024,
) -> None:
    """Measure on this machine."""
    sizes = packages or [50_000, 500_000]
    with tempfile.TemporaryDirectory(prefix="rxindex-bench-") as name:
        folder = Path(name)
        found: dict[str, Any] = {"fda": measure_fda(folder)}
        for size in sizes:
            found[f"fdb{size}"] = measure_fdb(folder, size, dimensions)
    table = Table(title=f"rxindex {__version__}, {os.cpu_count()} cores")
    for heading in ("run", "packages", "drugs", "embedding calls", "seconds", "packages/s",
                    "Redis bytes/package", "peak RSS MB"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "run" else "right")
    ratios = Table(title="Ratios, in the same run")
    for heading in ("what", "ratio"):
        ratios.add_column(heading)
    for name, one in found.items():
        table.add_row(*row(f"{name} cold", one["cold"]))
        table.add_row(*row(f"{name} no change", one["no_change"]))
        cold = one["cold"]["seconds"]
        if "embedder_alone" in one:
            share = one["embedder_alone"]["seconds"] / cold
            ratios.add_row(f"{name}: embedder alone / cold sync", f"{share:.2f}")
        else:
            raw = one["write_alone"]["seconds"] / cold
            ratios.add_row(f"{name}: raw indexed HSET / cold sync", f"{raw:.2f}")
            bare = one["no_change"]["seconds"] / one["read_alone"]["seconds"]
            ratios.add_row(f"{name}: no-change sync / reading the rows alone", f"{bare:.2f}")
    console.print(table)
    console.print(ratios)
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    machine = {"python": platform.python_version(), "machine": platform.machine(),
               "cores": os.cpu_count(), "rxindex": __version__}  # fmt: skip
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps({"machine": machine, "date": now.isoformat(), **found}, indent=1))
    console.print(f"written to {path}")


if __name__ == "__main__":
    typer.run(main)
