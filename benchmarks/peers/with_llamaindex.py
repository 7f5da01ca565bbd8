"""LlamaIndex: `IngestionPipeline` with its Redis vector store and its Redis document store.

The document store keeps a hash of each document: what is known is skipped, what was not given in
a run is deleted (``UPSERTS_AND_DELETE``, for which a run has to be given all documents at once).
"""

# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document
from llama_index.storage.docstore.redis import RedisDocumentStore
from llama_index.storage.kvstore.redis import RedisKVStore
from llama_index.vector_stores.redis import RedisVectorStore
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redisvl.schema import IndexSchema

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

__all__ = ["LlamaIndexPeer"]

TAGS = ("id", "doc_id", "ndc", "strength", "form", "routes", "schedule", "labeler")


class LlamaIndexPeer:
    """Keeps the index with LlamaIndex."""

    def __init__(self, place: Place, embedder: CountedEmbedder) -> None:
        self.place = place
        self.client: Any = Redis.from_url(place.redis)
        # Given, since the stores make theirs from host and port, which a unix socket has not.
        asynchronous = AsyncRedis.from_url(place.redis)
        self.model = _Model(embedder)
        self.store = RedisVectorStore(
            schema=_schema(embedder.dimensions),
            redis_client=self.client,
            redis_client_async=asynchronous,
        )
        documents = RedisKVStore(redis_client=self.client, async_redis_client=asynchronous)
        self.pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(), self.model],
            vector_store=self.store,
            docstore=RedisDocumentStore(documents, namespace="drugs"),
            docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
            disable_cache=True,  # the document store already knows what has not changed
        )
        self.index = VectorStoreIndex.from_vector_store(self.store, embed_model=self.model)

    def load(self) -> None:
        """Give every row to the pipeline."""
        self.pipeline.run(documents=[_document(row) for row in read_rows(self.place.database)])

    def search(self, query: str, limit: int) -> list[str]:
        """Find the nearest packages."""
        retriever = self.index.as_retriever(similarity_top_k=limit)
        return [found.node.metadata["ndc"] for found in retriever.retrieve(query)]

    def held(self) -> Iterator[Held]:
        """Read the documents."""
        return hashes_held(self.client, "drug:*")


class _Model(BaseEmbedding):
    """LlamaIndex' interface to the model."""

    _embedder: CountedEmbedder = PrivateAttr()

    def __init__(self, embedder: CountedEmbedder) -> None:
        super().__init__(model_name=embedder.model_id, embed_batch_size=BATCH)
        self._embedder = embedder

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embedder.vectors(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embedder.vectors([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embedder.vectors([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def _document(row: Row) -> Document:
    return Document(
        id_=row.ndc,
        text=row.text,
        metadata={name: getattr(row, name) for name in DETAILS},
        # The text already says what is to be embedded.
        excluded_embed_metadata_keys=list(DETAILS),
        excluded_llm_metadata_keys=list(DETAILS),
    )


def _schema(dimensions: int) -> IndexSchema:
    tags = [{"name": name, "type": "tag", "attrs": {"separator": "|"}} for name in TAGS]
    vector = {"dims": dimensions, "algorithm": "flat", "distance_metric": "cosine"}
    return IndexSchema.from_dict(
        {
            "index": {"name": "drugs", "prefix": "drug"},
            "fields": [
                *tags,
                {"name": "name", "type": "text"},
                {"name": "generic", "type": "text"},
                {"name": "text", "type": "text"},
                {"name": "vector", "type": "vector", "attrs": vector},
            ],
        }
    )
