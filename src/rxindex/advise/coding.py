"""What each coding of vectors costs in recall, however good the index over it is.

The codings are done here as their papers define them, and searched exactly: LVQ (Aguerrebere and
others, 2023, arXiv:2304.04759), LeanVec (Tepper and others, 2023, arXiv:2312.16335), and one
8-bit scale for all values, which is what open-source builds of Redis have. So their bytes and
the most recall that they allow are known on every processor; Intel's own library, which has the
speed as well, runs LVQ and LeanVec on Intel's processors only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rxindex.advise.measurement import SQ8, Measurement, Tell
from rxindex.advise.vectors import Exam
from rxindex.embed.base import Vectors
from rxindex.index.recall import NEIGHBOURS
from rxindex.index.schema import ELEMENT, VectorType

__all__ = ["CODINGS", "LEANVEC", "LVQ", "Coding", "encode", "measure_codings"]

#: Bits of the first level and of the second.
LVQ = {"LVQ4": (4, 0), "LVQ8": (8, 0), "LVQ4x4": (4, 4), "LVQ4x8": (4, 8)}

#: Bits of the vector of fewer dimensions, and of the whole one that its hits are ranked with.
LEANVEC = {"LeanVec4x8": (4, 8), "LeanVec8x8": (8, 8)}

CODINGS = (SQ8, *LVQ, *LEANVEC)

#: A vector's own scale and offset (float32), and the number of the mean that was taken off.
_LVQ_CONSTANTS = 4 + 4 + 1

#: Of values that are all the same.
_LEAST_STEP = 1e-12


class Coding(NamedTuple):
    """Vectors as a coding keeps them, decoded again.

    Attributes:
        bytes: of a vector.
        first: what a search compares with, shape (vectors, dimensions or fewer).
        projection: takes a query to the dimensions of ``first``; None where they are its own.
        second: what the nearest are ranked with anew, shape (vectors, dimensions); None where
            they are not.
    """

    bytes: float
    first: Vectors
    projection: Vectors | None = None
    second: Vectors | None = None

    def nearest(self, queries: Vectors, k: int, window: int) -> NDArray[np.int64]:
        """Find the nearest of all vectors, as far as the coding lets see.

        Args:
            queries: shape (queries, dimensions).
            k: how many to find, at most as many as there are.
            window: how many are ranked anew by the second level.

        Returns:
            Rows of the vectors, shape (queries, k).
        """
        short = queries if self.projection is None else queries @ self.projection
        rows = [
            self._nearest(query, short_query, k, max(k, window))
            for query, short_query in zip(queries, short, strict=True)
        ]
        return np.stack(rows)

    def _nearest(self, query: Vectors, short: Vectors, k: int, window: int) -> NDArray[np.int64]:
        similarity = self.first @ short
        if self.second is None:
            return np.argpartition(-similarity, k - 1)[:k]
        seen = np.argpartition(-similarity, min(window, len(similarity)) - 1)[:window]
        return seen[np.argpartition(-(self.second[seen] @ query), k - 1)[:k]]


def encode(compression: str, vectors: Vectors, vector_type: VectorType = "float32") -> Coding:
    """Code vectors and decode them again.

    Args:
        compression: one of `CODINGS`, or empty for none.
        vectors: of unit length.
        vector_type: element type of what is not compressed.
    """
    dimensions = vectors.shape[1]
    if compression == SQ8:
        return Coding(dimensions, _scalar(vectors))
    if compression in LVQ:
        bits, rest = LVQ[compression]
        first, second = _locally(vectors, bits, rest)
        size = _packed(dimensions, bits) + _packed(dimensions, rest) + _LVQ_CONSTANTS
        return Coding(size, first, None, second)
    if compression in LEANVEC:
        bits, rest = LEANVEC[compression]
        projection = _principal(vectors, dimensions // 2)
        first, _ = _locally(vectors @ projection, bits, 0)
        second, _ = _locally(vectors, rest, 0)
        size = _packed(dimensions // 2, bits) + _packed(dimensions, rest) + 2 * _LVQ_CONSTANTS
        return Coding(size, first, projection, second)
    if vector_type == "float16":
        return Coding(2 * dimensions, vectors.astype(np.float16).astype(np.float32))
    return Coding(4 * dimensions, vectors)


def measure_codings(exam: Exam, vector_type: VectorType, tell: Tell) -> list[Measurement]:
    """Measure what each coding takes and what it costs in recall; no speed, since no index.

    Args:
        exam: the questions.
        vector_type: element type of the full vectors in the documents.
        tell: is told what is measured.
    """
    measured = []
    plain: tuple[tuple[str, VectorType], ...] = (("", "float32"), ("", "float16"))
    coded = tuple((name, vector_type) for name in CODINGS)
    count, dimensions = exam.vectors.shape
    for compression, element in (*plain, *coded):
        tell(f"{compression or element}, exactly")
        coding = encode(compression, exam.vectors, element)
        window = NEIGHBOURS if coding.second is not None else 0
        measured.append(
            Measurement(
                way="code",
                algorithm="flat",
                vector_type=element,
                compression=compression,
                search_window=window,
                vectors=count,
                vector_bytes=coding.bytes,
                upkeep_bytes=0.0,
                document_bytes=dimensions * ELEMENT[element],
                recall=exam.recall(coding.nearest(exam.queries, exam.k, window)),
            )
        )
    return measured


def _packed(dimensions: int, bits: int) -> int:
    return (dimensions * bits + 7) // 8


def _scalar(vectors: Vectors) -> Vectors:
    """Round to 8 bits between the least and the greatest of all values."""
    low, high = float(vectors.min()), float(vectors.max())
    step = max((high - low) / 255, _LEAST_STEP)
    decoded: Vectors = np.round((vectors - low) / step).astype(np.float32) * step + low
    return decoded


def _locally(vectors: Vectors, bits: int, rest: int) -> tuple[Vectors, Vectors | None]:
    """Round each vector, less the mean of all, between its own least and greatest value.

    Returns:
        What the first level decodes to, and what both levels do where there is a second: it
        rounds what the first one missed.
    """
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    low = centred.min(axis=1, keepdims=True)
    step = (centred.max(axis=1, keepdims=True) - low) / (2**bits - 1)
    step = np.maximum(step, _LEAST_STEP)
    first = np.round((centred - low) / step) * step + low
    if not rest:
        return first + mean, None
    finer = step / (2**rest - 1)
    missed = np.round((centred - first + step / 2) / finer) * finer - step / 2
    return first + mean, first + missed + mean


def _principal(vectors: Vectors, dimensions: int) -> Vectors:
    """Give the directions in which the vectors differ most, shape (all dimensions, these)."""
    _, directions = np.linalg.eigh(np.cov(vectors, rowvar=False))
    principal: Vectors = directions[:, ::-1][:, :dimensions].astype(np.float32)
    return principal
