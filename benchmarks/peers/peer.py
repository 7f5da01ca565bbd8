"""What a peer is, and what all of them are given: rows, an embedder, a Redis."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from rxindex.embed.base import Embedded, Embedder

__all__ = [
    "BATCH", "DETAILS", "CountedEmbedder", "Held", "Peer", "Place", "Row", "batches",
    "hashes_held", "read_rows",
]  # fmt: skip

T = TypeVar("T")

#: Rows in one batch, wherever a peer lets its user choose.
BATCH = 500


class Row(NamedTuple):
    """One package (NDC) of the catalogue, with the text that is embedded for it."""

    ndc: str
    name: str
    generic: str
    strength: str
    form: str
    routes: str
    schedule: str
    labeler: str
    size: str
    text: str


#: What is kept beside the text, for filters and for people.
DETAILS = Row._fields[:-1]


class Held(NamedTuple):
    """A package as an index holds it."""

    ndc: str
    labeler: str
    size: str


class Place(msgspec.Struct, frozen=True):
    """Where a peer works.

    Attributes:
        database: the SQLite file with the rows.
        redis: address of a Redis that is the peer's own.
        folder: for whatever else the peer keeps between runs.
    """

    database: Path
    redis: str
    folder: Path


class Peer(Protocol):
    """A way to keep a Redis index in step with a table, and to search it."""

    def load(self) -> None:
        """Bring the index in step with the table, as a nightly run would."""
        ...

    def search(self, query: str, limit: int) -> list[str]:
        """Give NDCs, or a drug's id where an entry is a drug, best first."""
        ...

    def held(self) -> Iterator[Held]:
        """Give every package that the index holds; one that it holds twice, twice."""
        ...


class CountedEmbedder:
    """Counts the texts that go to a model.

    Attributes:
        texts: how many so far.
        asked: how often so far, with one text or many.
    """

    def __init__(self, model: Embedder) -> None:
        self.texts = self.asked = 0
        self.model_id = model.model_id
        self.dimensions = model.dimensions
        self.batch_size = model.batch_size
        self.price = model.price
        self._model = model

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed texts as the model does."""
        self.texts += len(texts)
        self.asked += 1
        return self._model.embed(texts)

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts, and give the vectors as the lists that most libraries want."""
        found: list[list[float]] = self.embed(texts).vectors.tolist()
        return found

    def close(self) -> None:
        """Let go of the model's threads."""
        self._model.close()


def batches(values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Cut values into lists of at most ``size``."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def read_rows(database: Path) -> Iterator[Row]:
    """Read all rows, ordered by NDC."""
    with closing(sqlite3.connect(database)) as connection:
        # The columns are this module's own.
        query = f"SELECT {', '.join(Row._fields)} FROM package ORDER BY ndc"
        yield from map(Row._make, connection.execute(query))


def hashes_held(client: Any, keys: str) -> Iterator[Held]:
    """Give the packages of documents that are hashes with the fields of `Held`.

    Args:
        client: redis-py's, of whatever version the peer needs.
        keys: pattern of the documents' keys.
    """
    for part in batches(client.scan_iter(match=keys, count=1000)):
        pipe = client.pipeline(transaction=False)
        for key in part:
            pipe.hmget(key, *Held._fields)
        for values in pipe.execute():
            yield Held._make((value or b"").decode() for value in values)
