"""LangChain: `index()` with a record manager on SQLite, into `langchain-redis`' vector store.

The record manager keeps a hash of each document's text and metadata: what is known is skipped,
what was not seen in a run is deleted at its end (``cleanup="full"``).
"""

# mypy: disable-error-code="import-not-found,import-untyped,misc"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_classic.indexes import SQLRecordManager
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import index
from langchain_redis import RedisConfig, RedisVectorStore
from redis import Redis

from benchmarks.peers.peer import (
    BATCH,
    DETAILS,
    CountedEmbedder,
    Held,
    Place,
    Row,
    hashes_held,
    read_rows,
)

__all__ = ["LangChainPeer"]

TAGS = ("ndc", "strength", "form", "routes", "schedule", "labeler")


class LangChainPeer:
    """Keeps the index with LangChain."""

    def __init__(self, place: Place, embedder: CountedEmbedder) -> None:
        self.place = place
        self.client: Any = Redis.from_url(place.redis)
        config = RedisConfig(
            index_name="drugs",
            redis_client=self.client,
            metadata_schema=[
                *({"name": name, "type": "tag"} for name in TAGS),
                {"name": "name", "type": "text"},
                {"name": "generic", "type": "text"},
            ],
        )
        self.store = RedisVectorStore(_Embeddings(embedder), config=config)
        self.records = SQLRecordManager(
            "redis/drugs", db_url=f"sqlite:///{place.folder / 'records.db'}"
        )
        self.records.create_schema()

    def load(self) -> None:
        """Give every row to `index`."""
        index(
            map(_document, read_rows(self.place.database)),
            self.records,
            self.store,
            batch_size=BATCH,
            cleanup="full",
            source_id_key="ndc",
            key_encoder="blake2b",
        )

    def search(self, query: str, limit: int) -> list[str]:
        """Find the nearest packages."""
        return [found.metadata["ndc"] for found in self.store.similarity_search(query, k=limit)]

    def held(self) -> Iterator[Held]:
        """Read the documents."""
        return hashes_held(self.client, "drugs:*")


class _Embeddings(Embeddings):
    """LangChain's interface to the model."""

    def __init__(self, embedder: CountedEmbedder) -> None:
        self.embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed a batch."""
        return self.embedder.vectors(texts)

    def embed_query(self, text: str) -> list[float]:
        """Embed a query."""
        return self.embedder.vectors([text])[0]


def _document(row: Row) -> Document:
    return Document(page_content=row.text, metadata={name: getattr(row, name) for name in DETAILS})
