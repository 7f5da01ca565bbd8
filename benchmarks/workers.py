"""`python -m benchmarks.workers`: what a second worker is worth where the model is slow.

A local endpoint, in a process of its own, answers as Bedrock does in 70 ms. The demo catalogue is
loaded into an empty index by one process, then by one and by two workers of ``sync --workers``,
each with the same number of calls under way.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import typer
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour

from benchmarks.kept import console, show, write
from benchmarks.ratios import ratio
from benchmarks.tables import table
from rxindex.cluster.sync import sync_on_workers
from rxindex.cluster.workers import local_workers
from rxindex.config import Settings, load_settings
from rxindex.source.sample import write_demo_data
from rxindex.sync.run import sync
from rxindex.sync.stop import Stop
from rxindex.wiring import load_words, open_catalogue, open_rows, sync_options

__all__ = ["NAME", "markdown", "measure"]

NAME = "workers"

#: Seconds that each call takes; calls that a worker may have under way.
LATENCY, CONCURRENCY = 0.07, 8


def _answer(latency: float, told: Connection) -> None:
    """Be the endpoint until somebody says that it is enough."""
    with BedrockEndpoint(Behaviour(latency=latency)) as endpoint:
        told.send(endpoint.url)
        told.recv()


@contextmanager
def _endpoint() -> Iterator[str]:
    """Run the endpoint, and give its address; the credentials for it are in the environment."""
    os.environ.update(CREDENTIALS)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(LATENCY, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("enough")
        process.join()


def load_alone(settings: Settings) -> dict[str, Any]:
    """Load an empty index in this process."""
    words = load_words(settings)
    with open_catalogue(settings) as (index, capabilities), closing(settings.make_embedder()) as it:
        report = sync(
            open_rows(settings, words), it, index, capabilities, words, sync_options(settings)
        )
    assert report.completed, report.warnings
    return {
        "seconds": report.duration,
        "packages": report.packages,
        "drugs": report.total_processed,
        "calls": report.embedding_calls,
    }


def load_with(settings: Settings, workers: int) -> dict[str, Any]:
    """Load an empty index on so many workers.

    Returns:
        Seconds: to start the workers, to load, to check what they loaded, and the last two
        together.
    """
    moments: dict[str, float] = {}

    def tell(doing: str, done: int, total: int) -> None:
        del done, total
        moments.setdefault(doing, time.perf_counter())

    begun = time.perf_counter()
    with local_workers(workers) as client, open_catalogue(settings) as (index, capabilities):
        ready = time.perf_counter()
        report = sync_on_workers(
            client, settings, index, capabilities, sync_options(settings), tell, stop=Stop()
        )
    assert report.completed, report.warnings
    loading = max(one.seconds for one in report.workers)
    return {
        "workers": workers,
        "seconds": report.duration,
        "packages": report.packages,
        "drugs": report.total_processed,
        "calls": report.embedding_calls,
        "start_seconds": round(ready - begun, 3),
        "loading_seconds": loading,
        "shares": [one.drugs for one in report.workers],
    }


def measure_all(folder: Path, packages: int, counts: list[int]) -> dict[str, Any]:
    """Load the demo catalogue alone, then with each number of workers."""
    url = f"sqlite:///{folder / 'fdb.db'}"
    write_demo_data(url, packages, seed=1)
    with _endpoint() as endpoint:

        def settings(name: str) -> Settings:
            return load_settings(
                source=url, data_dir=folder / name, catalogue="bench", embedder="titan",
                dimensions=256, titan_endpoint=endpoint, titan_concurrency=CONCURRENCY,
            )  # fmt: skip

        console.print("[dim]one process[/]")
        alone = load_alone(settings("alone"))
        points = []
        for count in counts:
            console.print(f"[dim]workers: {count}[/]")
            points.append(load_with(settings(f"workers{count}"), count))
    first, last = points[0], points[-1]
    return {
        "latency": LATENCY,
        "concurrency": CONCURRENCY,
        "alone": alone,
        "points": points,
        "ratios": {
            "speed_up": ratio(
                f"loading on {first['workers']} / on {last['workers']} workers",
                first["loading_seconds"] / last["loading_seconds"], "higher",
            ),
            "whole": ratio(
                f"one process / {last['workers']} workers, all in all",
                alone["seconds"] / last["seconds"], "higher",
            ),
        },
    }  # fmt: skip


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Measure 20,000 packages, or 1,500."""
    return measure_all(folder, 1_500 if quick else 20_000, [1, 2])


def markdown(result: dict[str, Any]) -> str:
    """Write the section."""
    alone, points = result["alone"], result["points"]
    rows: list[tuple[object, ...]] = [
        ("one process, without Dask", f"{alone['seconds']:.1f}", "", "", alone["calls"],
         f"{alone['calls'] / alone['seconds']:,.0f}"),
    ]  # fmt: skip
    rows += [
        (
            f"workers: {one['workers']}", f"{one['seconds']:.1f}", f"{one['loading_seconds']:.1f}",
            f"{one['start_seconds']:.1f}", one["calls"],
            f"{one['calls'] / one['loading_seconds']:,.0f}",
        )
        for one in points
    ]  # fmt: skip
    return (
        f"`rxindex sync` of {alone['packages']:,} packages ({alone['drugs']:,} drugs) into an "
        "empty index, with Titan's client against an endpoint that answers in "
        f"{result['latency'] * 1000:.0f} ms; each process has at most {result['concurrency']} "
        "calls under way. The seconds are those of the whole run, of the workers' part of it (the "
        "rest is the run in one process that checks what they loaded), and, before it, of "
        "starting them.\n\n"
        + table(("", "seconds", "loading", "starting", "calls", "calls a second"), rows)
    )


def main(
    packages: Annotated[int, typer.Option(help="Size of the demo catalogue.")] = 20_000,
    workers: Annotated[
        list[int] | None, typer.Option(help="How many workers; may be repeated. [default: 1, 2]")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small catalogue.")] = False,
) -> None:
    """Measure on this machine."""
    with tempfile.TemporaryDirectory(prefix="rxindex-bench-") as folder:
        if quick:
            found = measure(Path(folder), quick)
        else:
            found = measure_all(Path(folder), packages, workers or [1, 2])
    show(markdown(found))
    write(NAME, found)


if __name__ == "__main__":
    typer.run(main)
