"""Exact and HNSW indexes, measured in a real Redis, in scratch indexes that leave nothing."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from redis.exceptions import RedisError, ResponseError

from rxindex.advise.measurement import Measurement, Tell, vector_types
from rxindex.advise.vectors import Exam
from rxindex.embed.base import Vectors
from rxindex.errors import RxindexError
from rxindex.index.capability import Capabilities, processor_seconds
from rxindex.index.connect import Client, command, pairs, redis_errors
from rxindex.index.generation import read_counts
from rxindex.index.recall import nearest_question
from rxindex.index.schema import (
    ELEMENT,
    Algorithm,
    IndexSettings,
    VectorType,
    read_in_effect,
    text_index_arguments,
    vector_bytes,
)

__all__ = ["HNSW_DEGREES", "PREFIX", "WINDOWS", "measure_server", "svs_in_effect"]

#: What the names of scratch indexes and of their documents begin with: within the rights that
#: docs/configuration.md asks for, and no catalogue's name begins with a dot.
PREFIX = "rx:.advise:"

#: HNSW's M, and how hard a search looks.
HNSW_DEGREES = (16, 32)
WINDOWS = (10, 20, 50, 100, 200)

#: Seconds without a search or a write after which Redis itself drops a scratch index with its
#: documents: that of a process which was killed.
_IDLE = 600

_BATCH = 500


def measure_server(
    client: Client, capabilities: Capabilities, exam: Exam, tell: Tell, *, alone: bool
) -> list[Measurement]:
    """Measure FLAT and HNSW in a Redis.

    Every vector type that the server has is measured with FLAT, the smallest also with HNSW.

    Args:
        client: of the Redis. It is busy for as long as this takes.
        capabilities: of it.
        exam: the questions; its vectors are what is indexed.
        tell: is told what is measured.
        alone: whether nobody else uses the server. Its own CPU time is then what is measured;
            else it is the time that goes by here.

    Raises:
        RxindexError: Redis does not answer, or refuses (see `rxindex.index.connect.translate`).
    """
    clock: Callable[[], float] = time.perf_counter
    if alone:
        clock = functools.partial(processor_seconds, client)
    bench = _Bench(client, capabilities, exam, clock)
    measured = []
    kinds = vector_types(capabilities)
    for kind in kinds:
        tell(f"FLAT {kind} in Redis")
        measured += bench.measure(IndexSettings("flat", kind), (0,))
    for degree in HNSW_DEGREES:
        tell(f"HNSW {kinds[0]}, M {degree}, in Redis")
        settings = IndexSettings("hnsw", kinds[0], graph_degree=degree)
        measured += bench.measure(settings, WINDOWS)
    return measured


def svs_in_effect(client: Client, capabilities: Capabilities, dimensions: int) -> str | None:
    """Ask for LeanVec4x8 in an empty scratch index, and read what the server makes of it.

    Returns:
        ``LeanVec4x8``, ``GlobalSQ8`` or whatever else the server says; None where it has no SVS
        index, or refuses this one.

    Raises:
        RxindexError: Redis does not answer, or the user may not create an index.
    """
    if not capabilities.svs:
        return None
    settings = IndexSettings("svs", vector_types(capabilities)[0], "LeanVec4x8")
    try:
        with _scratch(client, settings, "svs", dimensions, capabilities) as index:
            return read_in_effect(_information(client, index)).compression
    except RxindexError as error:
        if isinstance(error.__cause__, ResponseError):
            return None
        raise


class _Bench:
    """Builds an index and asks the exam's questions of it."""

    def __init__(
        self, client: Client, capabilities: Capabilities, exam: Exam, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._capabilities = capabilities
        self._exam = exam
        self._clock = clock

    def measure(self, settings: IndexSettings, windows: tuple[int, ...]) -> list[Measurement]:
        algorithm: Algorithm = "flat" if settings.algorithm == "flat" else "hnsw"
        count, dimensions = self._exam.vectors.shape
        queries = _blobs(self._exam.queries, settings.vector_type)
        measured = []
        with _scratch(self._client, settings, algorithm, dimensions, self._capabilities) as index:
            empty = _vector_memory(self._client, index)
            build_seconds = self._fill(index, _blobs(self._exam.vectors, settings.vector_type))
            memory = _vector_memory(self._client, index) - empty
            vector = dimensions * ELEMENT[settings.vector_type]
            for window in windows:
                found, seconds = self._search(index, queries, window)
                measured.append(
                    Measurement(
                        way="redis",
                        algorithm=algorithm,
                        vector_type=settings.vector_type,
                        graph_degree=settings.graph_degree,
                        search_window=window,
                        vectors=count,
                        vector_bytes=vector,
                        upkeep_bytes=memory / count - vector,
                        document_bytes=vector,
                        recall=self._exam.recall(found),
                        queries_per_second=len(queries) / seconds,
                        build_seconds=build_seconds,
                    )
                )
        return measured

    def _fill(self, index: str, blobs: list[bytes]) -> float:
        """Write the documents, and give the seconds that took."""
        start = self._clock()
        for at in range(0, len(blobs), _BATCH):
            pipe = self._client.pipeline(transaction=False)
            for number, blob in enumerate(blobs[at : at + _BATCH], at):
                pipe.hset(f"{index}:{number}", "vector", blob)
            with redis_errors(f"writing {len(blobs)} vectors to a scratch index"):
                pipe.execute()
        return self._clock() - start

    def _search(
        self, index: str, queries: list[bytes], window: int
    ) -> tuple[NDArray[np.int64], float]:
        """Ask all questions; gives the rows found, -1 for none, and the seconds that took."""
        k = self._exam.k
        pipe = self._client.pipeline(transaction=False)
        for blob in queries:
            command(pipe, *nearest_question(index, blob, k, k, window))
        start = self._clock()
        with redis_errors(f"searching a scratch index {len(queries)} times"):
            replies = pipe.execute()
        seconds = self._clock() - start
        found = np.full((len(queries), k), -1)
        for row, (_, *keys) in zip(found, replies, strict=True):
            row[: len(keys)] = [int(key.rpartition(b":")[2]) for key in keys]
        return found, max(seconds, 1e-6)


@contextmanager
def _scratch(
    client: Client,
    settings: IndexSettings,
    algorithm: Algorithm,
    dimensions: int,
    capabilities: Capabilities,
) -> Iterator[str]:
    """Make an index that is dropped, with its documents, whatever happens."""
    name = f"{PREFIX}{uuid4().hex}"
    words = text_index_arguments(name, f"{name}:", settings, algorithm, dimensions, capabilities)
    schema = words.index("SCHEMA")
    # There is no document yet; a scan would read through all keys of the server.
    extra = ("TEMPORARY", _IDLE, "SKIPINITIALSCAN")
    try:
        with redis_errors("creating a scratch index"):
            command(client, *words[:schema], *extra, *words[schema:])
        yield name
    finally:
        # It may not be there, if Redis did not take it; or Redis may be gone, and drops it itself.
        with suppress(RedisError):
            command(client, "FT.DROPINDEX", name, "DD")


def _vector_memory(client: Client, index: str) -> int:
    """Ask for the bytes that an index keeps for vectors, beside those in the documents."""
    information = _information(client, index)
    return read_counts(information, information).vector_memory


def _information(client: Client, index: str) -> dict[str, Any]:
    with redis_errors("asking about a scratch index"):
        return pairs(command(client, "FT.INFO", index))


def _blobs(vectors: Vectors, kind: VectorType) -> list[bytes]:
    return [vector_bytes(one, kind, len(one)) for one in vectors]
