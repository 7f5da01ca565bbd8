"""How many of the truly nearest texts a generation's index finds, measured on a sample."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.errors import IndexUnavailable
from rxindex.index.connect import command, redis_errors
from rxindex.index.sampling import Draw
from rxindex.index.store import DrugStore

__all__ = [
    "NEIGHBOURS",
    "Recall",
    "is_sound",
    "nearest_question",
    "queries_near",
    "sampled_recall",
    "unit",
]

#: How many of the nearest vectors a search asks for. It also decides how hard HNSW looks, where
#: the index has no EF_RUNTIME of its own above it.
NEIGHBOURS = 50

#: How far a query is from the text that it was made of: their cosine is 0.8.
_NOISE = 0.75

#: What rounding may cost a similarity. The server scales each vector to unit length and rounds
#: it again to its own type.
_ROUNDING = {"float16": 1e-4, "float32": 1e-6}

Matrix = NDArray[np.float32]


class Recall(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        recall: share of the ``k`` nearest that the index found, 0 to 1; 1 where there is nothing
            to find.
        sample: queries that were asked.
        k: how many of the nearest count; fewer where there are not as many texts.
        documents: texts that have a vector.
    """

    recall: float
    sample: int
    k: int
    documents: int


def sampled_recall(
    store: DrugStore,
    sample: int = 50,
    k: int = 10,
    seed: int = 0,
    neighbours: int = NEIGHBOURS,
) -> Recall:
    """Compare the nearest neighbours that the index finds with those that there are.

    Queries are vectors of texts drawn at random, with noise: a prescriber's words are near a
    drug's text, not equal to it. Each is searched as a search does it, and exactly, over all
    stored vectors, which go by in batches. Some texts may have one vector all the same; of these
    any is as good as any other. A hit is therefore right if it is as near as the k-th nearest,
    not if it is the same text.

    Args:
        store: the generation; the alias need not point at it.
        sample: how many queries.
        k: how many of the nearest have to be found.
        seed: the same seed asks the same queries of the same texts.
        neighbours: how many to ask the index for, of which the first ``k`` count.

    Raises:
        IndexUnavailable: Redis does not answer, or the documents went away meanwhile.
    """
    # A server that is still reading the documents does not find all of them yet.
    store.catalogue.wait_until_indexed(store.generation.name)
    draw: Draw[bytes] = Draw(sample, seed)
    for keys in store.catalogue.text_keys(store.generation.name):
        for key in keys:
            draw.offer(key.decode("latin-1"), key)
    _, vectors = _read(store, list(draw.drawn().values()))
    if not len(vectors):
        return Recall(1.0, 0, 0, 0)
    random = np.random.default_rng(seed)
    blobs = [store.encode_vector(one) for one in queries_near(vectors, random)]
    # As the server has them, rounded.
    queries = unit(np.stack([store.decode_vector(blob) for blob in blobs]))
    found = _nearest(store, blobs, k, max(k, neighbours))
    nearest = [_Nearest(k) for _ in blobs]
    similarity: list[dict[bytes, float]] = [{} for _ in blobs]
    documents = 0
    for keys, batch in _all_vectors(store):
        documents += len(keys)
        table = queries @ batch.T
        _look_up(similarity, found, keys, table)
        _keep(nearest, keys, table, k)
    if not documents:
        raise IndexUnavailable(f"the texts of generation {store.generation.name} went away")
    k = min(k, documents)
    slack = _ROUNDING[store.generation.settings.vector_type]
    right = sum(
        sum(value >= best.least - slack for value in values.values())
        for best, values in zip(nearest, similarity, strict=True)
    )
    return Recall(right / (k * len(blobs)), len(blobs), k, documents)


def queries_near(vectors: Matrix, random: np.random.Generator) -> Matrix:
    """Make a query of each vector: a prescriber's words are near a drug's text, not equal to it.

    Args:
        vectors: of unit length, shape (queries, dimensions).
        random: where the noise comes from. Its length is fixed: query and vector have a cosine
            of 0.8.
    """
    noise = random.standard_normal(vectors.shape, dtype=np.float32)
    return unit(vectors + _NOISE * unit(noise))


def nearest_question(
    index: str, blob: bytes, ask: int, k: int, window: int = 0
) -> tuple[str | int | bytes, ...]:
    """Write the command that asks an index for the keys of the nearest of its vectors.

    Args:
        index: whose field is called ``vector``.
        blob: the query, as the index stores vectors.
        ask: how many to look for.
        k: how many of these to give.
        window: HNSW's EF_RUNTIME for this search; 0 for the index's own.
    """
    effort = f" EF_RUNTIME {window}" if window else ""
    # No time limit: a busy server would otherwise answer with less than it can find.
    return (
        "FT.SEARCH", index, f"*=>[KNN {ask} @vector $vector{effort} AS distance]",
        "SORTBY", "distance", "ASC", "NOCONTENT", "LIMIT", 0, k,
        "PARAMS", 2, "vector", blob, "TIMEOUT", 0, "DIALECT", 2,
    )  # fmt: skip


def is_sound(vectors: Matrix) -> NDArray[np.bool_]:
    """Tell which vectors are near anything: those that have a length to be divided by.

    Vectors of zeros have none, nor have those of values that are no numbers, or so small or large
    that their length is none.

    Args:
        vectors: shape (vectors, dimensions).
    """
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    sound: NDArray[np.bool_] = np.logical_and(np.isfinite(lengths), lengths > 0)
    return sound


def unit(vectors: Matrix) -> Matrix:
    """Scale vectors to unit length, shape (vectors, dimensions)."""
    scaled: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _all_vectors(store: DrugStore, batch: int = 500) -> Iterator[tuple[list[bytes], Matrix]]:
    for keys in store.catalogue.text_keys(store.generation.name, batch):
        sound, vectors = _read(store, keys)
        if sound:
            yield sound, vectors


def _read(store: DrugStore, keys: Sequence[bytes]) -> tuple[list[bytes], Matrix]:
    """Read the sound ones of the stored vectors, scaled to unit length."""
    pipe = store.catalogue.client.pipeline(transaction=False)
    for key in keys:
        pipe.hget(key, "vector")
    with redis_errors(f"reading {len(keys)} vectors"):
        # A key of another type answers with an error, which is no vector either.
        replies = pipe.execute(raise_on_error=False)
    stored = {
        key: reply
        for key, reply in zip(keys, replies, strict=True)
        if isinstance(reply, bytes) and len(reply) == store.vector_size
    }
    table = store.decode_vector(b"".join(stored.values())).reshape(-1, store.generation.dimensions)
    sound = is_sound(table)
    return [key for key, kept in zip(stored, sound, strict=True) if kept], unit(table[sound])


def _nearest(store: DrugStore, blobs: Sequence[bytes], k: int, ask: int) -> list[list[bytes]]:
    """Ask the index, and keep the ``k`` nearest of what it says."""
    index = store.catalogue.text_index(store.generation.name)
    pipe = store.catalogue.client.pipeline(transaction=False)
    for blob in blobs:
        command(pipe, *nearest_question(index, blob, ask, k))
    with redis_errors(f"searching for the neighbours of {len(blobs)} texts"):
        return [reply[1:] for reply in pipe.execute()]


def _look_up(
    similarity: list[dict[bytes, float]],
    found: list[list[bytes]],
    keys: Sequence[bytes],
    table: Matrix,
) -> None:
    """Note how near the hits of each query really are, for those of these keys."""
    place = {key: number for number, key in enumerate(keys)}
    for row, hits in enumerate(found):
        for key in hits:
            if key in place:
                similarity[row][key] = float(table[row, place[key]])


def _keep(nearest: list[_Nearest], keys: Sequence[bytes], table: Matrix, k: int) -> None:
    """Let those of a batch that are nearer than what is known take their places."""
    least = np.array([one.least for one in nearest], dtype=np.float32)
    wanted = table > least[:, None]
    if len(keys) > k:
        # Of the batch, the nearest: at first all of it is nearer than nothing.
        wanted &= table >= np.partition(table, -k, axis=1)[:, -k, None]
    for row, column in np.argwhere(wanted):
        nearest[row].offer(float(table[row, column]), keys[column])


class _Nearest:
    """The nearest that have come by."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._heap: list[tuple[float, bytes]] = []
        self._keys: set[bytes] = set()

    @property
    def least(self) -> float:
        """Similarity of the k-th nearest; of less than nothing while there are fewer."""
        return self._heap[0][0] if len(self._heap) == self._k else -2.0

    def offer(self, similarity: float, key: bytes) -> None:
        # Listing the keys may name one twice.
        if key in self._keys:
            return
        self._keys.add(key)
        if len(self._heap) < self._k:
            heapq.heappush(self._heap, (similarity, key))
        else:
            self._keys.discard(heapq.heappushpop(self._heap, (similarity, key))[1])
