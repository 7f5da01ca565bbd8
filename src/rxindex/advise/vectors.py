"""A catalogue's own vectors, queries near them, and which of them are truly nearest."""

from __future__ import annotations

from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.embed.base import Vectors
from rxindex.index.recall import is_sound, queries_near, unit
from rxindex.index.sampling import Draw
from rxindex.index.store import DrugStore

__all__ = ["Exam", "Sample", "distinct_vectors", "near_queries", "set_exam"]

#: What rounding to FLOAT16 may cost a similarity; two that are nearer than this are equally near.
_ROUNDING = 1e-4


class Sample(msgspec.Struct, frozen=True):
    """Vectors of a generation.

    Attributes:
        vectors: shape (sample, dimensions), of unit length, no two alike.
        distinct: how many distinct vectors the generation has.
    """

    vectors: Vectors
    distinct: int


class Exam(msgspec.Struct, frozen=True):
    """Queries with their answers.

    Attributes:
        vectors: that are searched, shape (vectors, dimensions).
        queries: shape (queries, dimensions), of unit length.
        k: how many of the nearest count.
        least: similarity of each query's k-th nearest vector, shape (queries,).
    """

    vectors: Vectors
    queries: Vectors
    k: int
    least: Vectors

    def recall(self, found: NDArray[np.int64]) -> float:
        """Give the share of the ``k`` nearest that a search found, 0 to 1.

        A hit is right if it is as near as the k-th nearest, but for rounding.

        Args:
            found: rows of `vectors`, shape (queries, k); -1 where a search found less.
        """
        similarity = np.einsum("qd,qkd->qk", self.queries, self.vectors[found])
        right = (similarity >= self.least[:, None] - _ROUNDING) & (found >= 0)
        return float(right.mean())


def distinct_vectors(store: DrugStore, most: int, seed: int = 0) -> Sample:
    """Read the distinct vectors of a generation, a random sample of them if there are many.

    Args:
        store: the generation.
        most: how many to keep.
        seed: the same seed draws the same vectors.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    draw: Draw[bytes] = Draw(most, seed)
    seen: set[bytes] = set()
    for stored in store.all_vectors():
        # Two texts may have one vector, where a model does not tell them apart.
        mark = blake2b(stored, digest_size=16).digest()
        seen.add(mark)
        draw.offer(mark.hex(), stored)
    table = store.decode_vector(b"".join(draw.drawn().values()))
    vectors = table.reshape(-1, store.generation.dimensions)
    return Sample(unit(vectors[is_sound(vectors)]), len(seen))


def near_queries(vectors: Vectors, number: int, seed: int = 0) -> Vectors:
    """Make queries of random ones of the vectors (see `queries_near`)."""
    random = np.random.default_rng(seed)
    drawn = vectors[random.choice(len(vectors), min(number, len(vectors)), replace=False)]
    return queries_near(drawn, random)


def set_exam(vectors: Vectors, queries: Vectors, k: int, batch: int = 64) -> Exam:
    """Find each query's ``k`` nearest vectors, exactly.

    Args:
        vectors: of unit length, at least ``k``.
        queries: of unit length.
        k: how many.
        batch: queries that are compared at once, which bounds the memory.
    """
    least = [
        np.partition(queries[start : start + batch] @ vectors.T, -k, axis=1)[:, -k]
        for start in range(0, len(queries), batch)
    ]
    return Exam(vectors, queries, k, np.concatenate(least))
