"""`python -m benchmarks --only memory`: bytes of Redis for each package, and what an index finds.

A catalogue takes two kinds of memory. Its drugs (names, values, packages and their indexes) take
the same whatever becomes of the vectors, and are measured once. Its texts have the vectors, and
are written anew for each type of element, length and algorithm, and searched beside an exact
search. Both are what Redis itself says that it uses.

The vectors of 384 dimensions are the local model's, of the catalogue's texts. Those of 1,024 are
the fake embedder's, which hashes words: many are nearly equal, so it is the harder case.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ratios import ratio
from benchmarks.tables import megabytes, ratio_table, table
from rxindex.config import load_settings
from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.recall import sampled_recall
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.source.sample import write_demo_data
from rxindex.sync.assemble import assemble, embedding_text
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary, load_vocabulary

__all__ = ["NAME", "markdown", "measure"]

NAME = "memory"

SIZE, QUICK_SIZE = 500_000, 5_000
TODAY = "2019-05-01"
#: Embedder and dimensions, then algorithm and type of element.
EMBEDDERS = (("minilm", 384), ("fake", 1024))
INDEXES = (
    ("flat", "float16"), ("flat", "float32"), ("hnsw", "float16"), ("hnsw", "float32"),
)  # fmt: skip
#: What the loader that rxindex replaces took, measured by those who ran it: FLOAT32 in JSON.
BEFORE = 7_760
#: Texts in one round trip, and of which so many are asked for.
_BATCH, _SAMPLE = 500, 200


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Load the catalogue once, then its vectors in each way.

    Args:
        folder: for the database and Redis.
        quick: some thousands of packages.
    """
    packages = QUICK_SIZE if quick else SIZE
    url = f"sqlite:///{folder / 'memory.db'}"
    write_demo_data(url, packages, seed=1)
    words = load_vocabulary()
    with EmbeddedRedis(folder / "memory") as server:
        catalogue = Catalogue(server.start(), "memory")
        capabilities = probe(catalogue.client)
        drugs = _load(catalogue, capabilities, url, words)
        texts = _texts(url, words)
        rows = [
            row
            for embedder, dimensions in EMBEDDERS
            for row in _each_index(catalogue, capabilities, embedder, dimensions, texts)
        ]
    for row in rows:
        row["bytes_per_package"] = (drugs["bytes"] + row["bytes"]) / packages
    return {
        "packages": packages,
        "drugs": drugs,
        "texts": len(texts),
        "rows": rows,
        "ratios": _ratios(rows, packages),
    }


def _used(catalogue: Catalogue) -> int:
    return int(catalogue.client.info("memory")["used_memory"])


def _load(
    catalogue: Catalogue, capabilities: Capabilities, url: str, words: Vocabulary
) -> dict[str, Any]:
    """Load the drugs, and say what they take without their texts."""
    before = _used(catalogue)
    with closing(load_settings(embedder="fake", dimensions=16).make_embedder()) as embedder:
        report = sync(
            open_source(url), embedder, catalogue, capabilities, words, SyncOptions(today=TODAY)
        )
    name = report.generation
    for keys in catalogue.text_keys(name):
        catalogue.client.unlink(*keys)
    return {"count": report.added, "bytes": _used(catalogue) - before}


def _texts(url: str, words: Vocabulary) -> list[str]:
    """Assemble the drugs once more for their texts."""
    with open_source(url) as rows:
        found = (
            drug for part in rows.partitions(1) for drug in assemble(rows.rows(part), words, TODAY)
        )
        return list({embedding_text(one): None for one in found if isinstance(one, Drug)})


def _each_index(
    catalogue: Catalogue,
    capabilities: Capabilities,
    embedder: str,
    dimensions: int,
    texts: list[str],
) -> list[dict[str, Any]]:
    """Write the texts' vectors in each kind of index, beside nothing."""
    own = dimensions if embedder == "fake" else None
    with closing(load_settings(embedder=embedder, dimensions=own).make_embedder()) as model:
        vectors = np.concatenate(
            [
                model.embed(texts[start : start + _BATCH]).vectors
                for start in range(0, len(texts), _BATCH)
            ]
        )
        rows = []
        for algorithm, vector_type in INDEXES:
            asked = IndexSettings(algorithm=algorithm, vector_type=vector_type)  # type: ignore[arg-type]
            row = _one_index(catalogue, capabilities, model.model_id, asked, vectors)
            rows.append({"embedder": embedder, "dimensions": dimensions} | row)
        return rows


def _one_index(
    catalogue: Catalogue,
    capabilities: Capabilities,
    model_id: str,
    asked: IndexSettings,
    vectors: NDArray[np.float32],
) -> dict[str, Any]:
    before = _used(catalogue)
    dimensions = vectors.shape[1]
    made = catalogue.create(model_id, dimensions, asked, capabilities, len(vectors))
    store = DrugStore(catalogue, made)
    begun = time.perf_counter()
    for start in range(0, len(vectors), _BATCH):
        some = enumerate(vectors[start : start + _BATCH], start)
        store.write_texts({n.to_bytes(12, "big"): store.encode_vector(one) for n, one in some})
    catalogue.wait_until_indexed(made.name)
    seconds = time.perf_counter() - begun
    taken = _used(catalogue) - before
    begun = time.perf_counter()
    recall = sampled_recall(store, sample=_SAMPLE)
    counted = catalogue.counts(made.name)
    catalogue.drop(made.name)
    return {
        "algorithm": asked.algorithm,
        "vector_type": asked.vector_type,
        "bytes": taken,
        "index_bytes": counted.vector_memory,
        "seconds": seconds,
        "recall": recall.recall,
    }


def _ratios(rows: list[dict[str, Any]], packages: int) -> dict[str, Any]:
    found = {}
    for row in rows:
        if (row["dimensions"], row["vector_type"]) == (1024, "float16"):
            found[f"bytes, {row['algorithm']}, {packages}"] = ratio(
                f"bytes a package at 1,024 float16 ({row['algorithm']}), of 1,500",
                row["bytes_per_package"] / 1500, "lower", 1,
            )  # fmt: skip
        if row["vector_type"] == "float16":
            found[f"recall, {row['algorithm']} {row['dimensions']}, {packages}"] = ratio(
                f"recall@10, {row['algorithm']}, {row['dimensions']} float16",
                row["recall"], "higher", 0.99,
            )  # fmt: skip
    return found


def markdown(result: dict[str, Any]) -> str:
    """Write the section."""
    packages, drugs = result["packages"], result["drugs"]
    rows = [
        (
            f"{row['embedder']}, {row['dimensions']:,} {row['vector_type']}, "
            f"{row['algorithm'].upper()}",
            f"{row['bytes_per_package']:,.0f}",
            megabytes(row["bytes"]),
            f"{row['bytes'] / result['texts']:,.0f}",
            f"{result['texts'] / row['seconds']:,.0f}",
            f"{row['recall']:.3f}",
        )
        for row in result["rows"]
    ]
    headings = (
        "vectors", "bytes a package", "MB of vectors", "bytes a text", "texts/s written",
        "recall@10",
    )  # fmt: skip
    return f"""{packages:,} packages are {drugs["count"]:,} drugs with {result["texts"]:,} texts.
The drugs take {megabytes(drugs["bytes"])} MB without their vectors, or
{drugs["bytes"] / packages:,.0f} bytes a package. With them:

{table(headings, rows)}
The loader that rxindex replaces took {BEFORE:,} bytes for each package, at 1,024 dimensions. The
default takes FLAT (exact) up to 40 million elements, more than this catalogue has at 1,024. Recall
is measured with {_SAMPLE} queries at a cosine of 0.8 from some text, as searches ask.

{ratio_table(result["ratios"])}"""
