"""RedisVL: `SearchIndex.load`, one hash a package, the NDC as its key.

A nightly run loads the table again: RedisVL keeps no record of what it wrote, so what changed and
what is gone is the caller's to find out. FLAT and float32, as its documentation has it for less
than a hundred thousand vectors. Searched with its hybrid query for a Redis of this version, which
takes the nearest vectors and weighs BM25 among them.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import Redis
from redisvl.index import SearchIndex
from redisvl.query import AggregateHybridQuery
from redisvl.utils.vectorize import CustomVectorizer

from benchmarks.peers.peer import (
    BATCH,
    CountedEmbedder,
    Held,
    Place,
    batches,
    hashes_held,
    read_rows,
)

__all__ = ["RedisVLPeer"]

TAGS = ("ndc", "strength", "form", "routes", "schedule", "labeler")


class RedisVLPeer:
    """Keeps the index with RedisVL."""

    def __init__(self, place: Place, embedder: CountedEmbedder) -> None:
        self.place = place
        self.client: Any = Redis.from_url(place.redis)
        self.vectorizer = CustomVectorizer(
            embed=lambda text: embedder.vectors([text])[0], embed_many=_many(embedder)
        )
        tags = [{"name": name, "type": "tag", "attrs": {"separator": "|"}} for name in TAGS]
        vector = {
            "dims": embedder.dimensions,
            "algorithm": "flat",
            "distance_metric": "cosine",
            "datatype": "float32",
        }
        self.index = SearchIndex.from_dict(
            {
                "index": {"name": "drugs", "prefix": "drug", "storage_type": "hash"},
                "fields": [
                    *tags,
                    {"name": "name", "type": "text"},
                    {"name": "generic", "type": "text"},
                    {"name": "text", "type": "text"},
                    {"name": "embedding", "type": "vector", "attrs": vector},
                ],
            },
            redis_client=self.client,
        )
        self.index.create(overwrite=False)

    def load(self) -> None:
        """Embed and write every row."""
        for rows in batches(read_rows(self.place.database)):
            texts = [row.text for row in rows]
            vectors = self.vectorizer.embed_many(texts, batch_size=BATCH, as_buffer=True)
            documents = [
                row._asdict() | {"embedding": vector}
                for row, vector in zip(rows, vectors, strict=True)
            ]
            self.index.load(documents, id_field="ndc", batch_size=BATCH)

    def search(self, query: str, limit: int) -> list[str]:
        """Find the nearest packages, and rank them by their words, too."""
        asked = AggregateHybridQuery(
            query,
            "text",
            self.vectorizer.embed(query),
            "embedding",
            return_fields=["ndc"],
            num_results=limit,
            stopwords=None,
        )
        return [found["ndc"] for found in self.index.query(asked)]

    def held(self) -> Iterator[Held]:
        """Read the documents."""
        return hashes_held(self.client, "drug:*")


def _many(embedder: CountedEmbedder) -> Any:
    """Give RedisVL's interface for many texts at a time."""

    def embed_many(texts: list[str], batch_size: int = BATCH, **_: Any) -> list[list[float]]:
        return [vector for part in batches(texts, batch_size) for vector in embedder.vectors(part)]

    return embed_many
