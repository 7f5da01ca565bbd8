"""`python -m benchmarks.peers`: measure rxindex beside its peers, print tables, write JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from benchmarks.peers.catalogue import (
    directory_drugs,
    open_packages,
    read_drugs,
    write_catalogue,
)
from benchmarks.peers.measure import ROOT, Nights, console, measure
from benchmarks.peers.peer import read_rows
from benchmarks.peers.register import PEERS
from benchmarks.peers.relevance import Relevance
from benchmarks.peers.report import tables
from benchmarks.peers.server import fresh_redis
from benchmarks.peers.vectors import model_seconds, write_vectors
from rxindex import __version__
from rxindex.bench.raw import distinct_texts
from rxindex.embed import create_embedder
from rxindex.sync.options import SyncOptions
from rxindex.vocabulary import Vocabulary, load_vocabulary

RESULTS = ROOT / "benchmarks" / "results"
QUICK_PACKAGES = 2_000


def machine() -> dict[str, Any]:
    """Describe the machine, and the Redis that it has."""
    with (
        tempfile.TemporaryDirectory(prefix="rxindex-peers-") as folder,
        fresh_redis(Path(folder) / "redis", json=False) as (_, client),
    ):
        version = client.info("server")["redis_version"]
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "redis": version,
        "rxindex": __version__,
    }


def check_installed(name: str, python: str) -> None:
    """Refuse a peer whose packages are not there, before hours of measuring.

    Raises:
        BadParameter: they are not.
    """
    code = f"from importlib.metadata import version; [version(one) for one in {PEERS[name].needs}]"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise typer.BadParameter(
            f"{python} lacks the packages of {name} ({done.stderr.splitlines()[-1]}); install "
            "them as benchmarks/peers/__init__.py says, or choose others with --peer"
        )


def measure_all(pythons: Mapping[str, str], packages: int, model: str, path: Path) -> Any:
    """Measure peers on one catalogue.

    Args:
        pythons: name of each peer to the interpreter that has its packages.
        packages: about how many packages the catalogue has.
        model: name of the embedder.
        path: JSON file, written after each peer, so that nothing is lost if the next one fails.
    """
    with tempfile.TemporaryDirectory(prefix="rxindex-peers-") as made:
        folder = Path(made)
        vocabulary = load_vocabulary()
        first, second = folder / "first.db", folder / "second.db"
        count, change = write_catalogue(first, second, directory_drugs(vocabulary), packages)
        drugs = read_drugs(first, vocabulary)
        nights = Nights(first, second, count, Relevance(drugs), model, folder)
        times = _Times(model, nights, vocabulary)
        found: dict[str, Any] = {}
        result = {
            "machine": machine(),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "embedder": model,
            "packages": count,
            "drugs": len(drugs),
            "change": msgspec.to_builtins(change),
            "queries": len(nights.relevance.queries),
            "queries_left_out": nights.relevance.left_out,
            "peers": found,
        }
        for name, python in pythons.items():
            found[name] = measure(name, python, nights, folder / name)
            times.add_to(found[name])
            path.write_text(json.dumps(result, indent=1))
    return result


class _Times:
    """What the model takes, which is not among what the loads take.

    Args:
        name: of the embedder.
        nights: of the catalogue; the vectors of all its texts are written here.
        vocabulary: that rxindex' own texts are made with.
    """

    def __init__(self, name: str, nights: Nights, vocabulary: Vocabulary) -> None:
        console.print("[dim]embedding all texts[/]")
        self._model = create_embedder(name)
        files = (nights.first, nights.second)
        texts = [row.text for file in files for row in read_rows(file)]
        for file in files:
            texts += distinct_texts(open_packages(file), vocabulary, SyncOptions().day)
        self._texts = write_vectors(nights.vectors, self._model, texts)
        self._seconds: dict[int, float] = {}

    def add_to(self, peer: dict[str, Any]) -> None:
        """Add to each load of a peer what the model would have taken for it."""
        for run in ("cold", "no_change", "changed"):
            load = peer[run]
            at_once = round(load["embedding_calls"] / max(1, load["asked"]))
            load["model_seconds"] = load["embedding_calls"] * self._of(max(1, at_once))

    def _of(self, at_once: int) -> float:
        """Give the seconds of a text among so many."""
        if at_once not in self._seconds:
            self._seconds[at_once] = model_seconds(self._model, self._texts, at_once)
        return self._seconds[at_once]


def show(result: Mapping[str, Any]) -> None:
    """Print the tables."""
    for one in tables(result):
        table = Table(title=one.title, caption=one.note)
        for number, heading in enumerate(one.headings):
            table.add_column(heading, justify="right" if number and one.figures else "left")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)


def main(
    packages: Annotated[int, typer.Option(help="About how many packages to load.")] = 50_000,
    peer: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(PEERS)}; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="2,000 packages, the fake embedder.")
    ] = False,
    llamaindex_python: Annotated[
        str, typer.Option(help="Interpreter of the environment with LlamaIndex.")
    ] = sys.executable,
) -> None:
    """Measure on this machine."""
    names = list(dict.fromkeys(peer or PEERS))
    if unknown := [name for name in names if name not in PEERS]:
        raise typer.BadParameter(f"no peer {unknown[0]!r}; choose from {', '.join(PEERS)}")
    pythons = dict.fromkeys(names, sys.executable)
    if "llamaindex" in pythons:
        pythons["llamaindex"] = llamaindex_python
    for name, python in pythons.items():
        check_installed(name, python)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("peers-quick.json" if quick else "peers.json")
    if quick:
        result = measure_all(pythons, QUICK_PACKAGES, "fake", path)
    else:
        result = measure_all(pythons, packages, "minilm", path)
    show(result)
    console.print(f"written to {path}")


if __name__ == "__main__":
    typer.run(main)
