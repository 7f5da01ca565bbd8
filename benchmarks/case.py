"""One measured piece of work, in a process of its own so that its peak memory is its own.

Prints one JSON object: seconds, peak resident set in bytes, and what the work itself reports.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from rxindex.config import load_settings
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.sync.assemble import assemble, embedding_text
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import load_vocabulary

#: Batches of the raw writer, as large as the sync's own.
BATCH = 500


def run_sync(source: str, folder: str, embedder: str, dimensions: str, algorithm: str) -> Any:
    """A whole sync; what it took, and what Redis holds afterwards."""
    settings = load_settings(
        embedder=embedder, dimensions=int(dimensions) or None, algorithm=algorithm
    )
    words = load_vocabulary()
    with EmbeddedRedis(Path(folder)) as server, closing(settings.make_embedder()) as model:
        client = server.start()
        before = client.info("memory")["used_memory"]
        index = Catalogue(client, "bench")
        begun = time.perf_counter()
        report = sync(
            open_source(source, keep_otc=words.treats), model, index, probe(client), words,
            SyncOptions(index=settings.index_settings()),
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        memory = client.info("memory")["used_memory"] - before
    return report.as_dict() | {"seconds": seconds, "redis_bytes": memory}


def run_read(source: str) -> Any:
    """Reading alone: every row through the source, nothing else."""
    words = load_vocabulary()
    with open_source(source, keep_otc=words.treats) as rows:
        begun = time.perf_counter()
        count = sum(1 for part in rows.partitions(1) for _ in rows.rows(part))
        return {"seconds": time.perf_counter() - begun, "packages": count}


def run_embed(source: str, embedder: str) -> Any:
    """The embedder alone on the catalogue's distinct texts."""
    words = load_vocabulary()
    with open_source(source, keep_otc=words.treats) as rows:
        found = (
            drug
            for part in rows.partitions(1)
            for drug in assemble(rows.rows(part), words, "2019-05-01")
        )
        texts = list({embedding_text(one): None for one in found if isinstance(one, Drug)})
    with closing(load_settings(embedder=embedder).make_embedder()) as model:
        model.embed(texts[:1])
        begun = time.perf_counter()
        for start in range(0, len(texts), BATCH):
            model.embed(texts[start : start + BATCH])
        return {"seconds": time.perf_counter() - begun, "texts": len(texts)}


def run_write(folder: str, target: str) -> Any:
    """Raw pipelined HSET of documents that exist already into an index of the same schema."""
    with EmbeddedRedis(Path(folder)) as server, EmbeddedRedis(Path(target)) as other:
        live = Catalogue(server.start(), "bench")
        made = live.require_live()
        store = DrugStore(live, made)
        documents = []
        for ids in store.ids():
            pipe = live.client.pipeline(transaction=False)
            for one in ids:
                pipe.hgetall(store.key(one))
            documents += list(zip(ids, pipe.execute(), strict=True))
        effect = live.state(made, None).in_effect
        raw = Catalogue(other.start(), "bench")
        asked = IndexSettings(algorithm=effect.algorithm, vector_type=effect.vector_type)  # type: ignore[arg-type]
        begun_generation = raw.create(
            "raw", made.dimensions, asked, probe(raw.client), len(documents)
        )
        prefix = raw.prefix(begun_generation.name)
        begun = time.perf_counter()
        for start in range(0, len(documents), BATCH):
            pipe = raw.client.pipeline(transaction=False)
            for one, fields in documents[start : start + BATCH]:
                pipe.hset(prefix + one, mapping=fields)
            pipe.execute()
        raw.wait_until_indexed(begun_generation.name)
        return {"seconds": time.perf_counter() - begun, "drugs": len(documents)}


CASES: dict[str, Callable[..., Any]] = {
    "sync": run_sync,
    "read": run_read,
    "embed": run_embed,
    "write": run_write,
}


def peak_rss() -> int:
    """The most memory that this process ever held, in bytes.

    Not ru_maxrss, which a child inherits from the process that started it.
    """
    status = Path("/proc/self/status").read_text()
    return (
        int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        * 1024
    )


if __name__ == "__main__":
    result = CASES[sys.argv[1]](*sys.argv[2:])
    result["peak_rss"] = peak_rss()
    print(json.dumps(result))
