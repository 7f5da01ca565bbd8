"""One measured piece of work, in a process of its own so that its peak memory is its own.

Prints one JSON object: what it took (wall and processor time), peak resident set in bytes, and what
the work itself reports.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.drugs import SomeDrugs
from rxindex.bench.raw import distinct_texts, embed_alone, read_bare
from rxindex.bench.syncing import write_alone
from rxindex.bench.timing import PeakMemory, Spent, peak_memory, stopwatch
from rxindex.config import load_settings
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.schema import IndexSettings, choose_algorithm
from rxindex.source import open_source
from rxindex.source.base import Source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import load_vocabulary

__all__ = ["CATALOGUE", "case"]

#: Name of the catalogue in every index that is made here.
CATALOGUE = "bench"


def case(*words: object, module: str = "benchmarks.case") -> dict[str, Any]:
    """Run one case in its own process; gives its JSON.

    Args:
        words: name of the case (see `CASES`) and its arguments.
        module: that has the case.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_sync(source: str, folder: str, embedder: str, algorithm: str) -> dict[str, Any]:
    """A whole sync; what it took, and what Redis holds afterwards."""
    words = load_vocabulary()
    return _sync(open_source(source, keep_otc=words.treats), folder, embedder, algorithm)


def run_drugs(count: str, folder: str) -> dict[str, Any]:
    """A catalogue of so many drugs, with the index that as many would get.

    Not the one that a sync chooses: it takes five packages for a drug, where these have one.
    """
    drugs = SomeDrugs(int(count))
    with EmbeddedRedis(Path(folder)) as server:
        size = load_settings(embedder="fake").make_embedder().dimensions
        algorithm = choose_algorithm(IndexSettings(), probe(server.start()), drugs.texts(), size)
        return _sync(drugs, folder, "fake", algorithm)


def _sync(source: Source, folder: str, embedder: str, algorithm: str) -> dict[str, Any]:
    settings = load_settings(embedder=embedder, algorithm=algorithm)
    words = load_vocabulary()
    with EmbeddedRedis(Path(folder)) as server, closing(settings.make_embedder()) as model:
        client = server.start()
        model.embed(["aspirin"])  # loads the model, which is not the sync's time
        before = client.info("memory")["used_memory"]
        peak = PeakMemory()
        with stopwatch(client) as watch:
            report = sync(
                source, model, Catalogue(client, CATALOGUE), probe(client), words,
                SyncOptions(index=settings.index_settings()), lambda *_: peak.look(),
            )  # fmt: skip
        memory = client.info("memory")["used_memory"] - before
    spent = _spent(watch.spent(report.packages))
    return report.as_dict() | spent | {"redis_bytes": memory, "peak_rss": peak.most()}


def run_read(source: str) -> dict[str, Any]:
    """The bare driver: every row, nothing else."""
    return _spent(read_bare(source))


def run_embed(source: str, embedder: str) -> dict[str, Any]:
    """The embedder alone on the catalogue's distinct texts."""
    words = load_vocabulary()
    rows = open_source(source, keep_otc=words.treats)
    texts = distinct_texts(rows, words, SyncOptions().day)
    with closing(load_settings(embedder=embedder).make_embedder()) as model:
        model.embed(texts[:1])
        return _spent(embed_alone(model, texts))


def run_write(folder: str) -> dict[str, Any]:
    """Raw pipelined HSET of documents that exist already into an index of the same schema."""
    with EmbeddedRedis(Path(folder)) as server:
        catalogue = Catalogue(server.start(), CATALOGUE)
        return _spent(write_alone(catalogue, probe(catalogue.client)))


def _spent(spent: Spent) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(spent)
    return built


CASES: dict[str, Callable[..., dict[str, Any]]] = {
    "sync": run_sync,
    "drugs": run_drugs,
    "read": run_read,
    "embed": run_embed,
    "write": run_write,
}


if __name__ == "__main__":
    result = CASES[sys.argv[1]](*sys.argv[2:])
    result.setdefault("peak_rss", peak_memory())
    print(json.dumps(result))
