"""Vectors that were made before anything is measured, and what the model takes to make them.

Four of the five peers embed every package, two of them in each run: with a real model on two cores
that is hours of the same work. So each text is embedded once, beforehand, and a load finds its
vectors in a file; how many texts it asked for, and how many at a time, is counted. What the model
would have taken for them is measured by itself, with batches of the same size, and added.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers.peer import batches
from rxindex.embed.base import Embedded, Embedder

__all__ = ["KnownVectors", "model_seconds", "write_vectors"]

_TEXTS, _VECTORS = "texts.json", "vectors.npy"
#: Texts that a model's time is measured with.
_MEASURED = 1_000


def write_vectors(folder: Path, model: Embedder, texts: Iterable[str]) -> list[str]:
    """Embed texts, each once, and keep their vectors in a folder.

    Returns:
        The texts.
    """
    distinct = list(dict.fromkeys(texts))
    vectors = np.concatenate([model.embed(part).vectors for part in batches(distinct)])
    (folder / _TEXTS).write_text(json.dumps(distinct))
    np.save(folder / _VECTORS, vectors.astype(np.float32))
    return distinct


def model_seconds(model: Embedder, texts: Sequence[str], at_once: int) -> float:
    """Measure what a model takes for a text when it is given so many at a time."""
    # Evenly from all of them, since similar texts lie together.
    some = texts[:: max(1, len(texts) // _MEASURED)][:_MEASURED]
    if at_once == 1:
        some = some[:: max(1, len(some) // 200)]
    begun = time.perf_counter()
    for part in batches(some, at_once):
        model.embed(part)
    return (time.perf_counter() - begun) / len(some)


class KnownVectors:
    """An embedder that knows the vectors already; another text goes to the model.

    Args:
        model: that made the vectors.
        folder: that `write_vectors` wrote to.
    """

    def __init__(self, model: Embedder, folder: Path) -> None:
        self.model_id = model.model_id
        self.dimensions = model.dimensions
        self.batch_size = model.batch_size
        self.price = model.price
        self._model = model
        texts: list[str] = json.loads((folder / _TEXTS).read_text())
        self._places = {text: place for place, text in enumerate(texts)}
        self._vectors = np.load(folder / _VECTORS, mmap_mode="r")

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Give the vectors of texts."""
        places = [self._places.get(text) for text in texts]
        if None in places:
            return self._model.embed(texts)
        return Embedded(np.asarray(self._vectors[places], dtype=np.float32), {}, len(texts))

    def close(self) -> None:
        """Let go of the model's threads."""
        self._model.close()
