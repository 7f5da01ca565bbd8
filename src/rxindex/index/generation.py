"""What a generation was built for, and what the server counts in it."""

from __future__ import annotations

from typing import Any

import msgspec

from rxindex.index.connect import pairs
from rxindex.index.schema import IndexSettings, InEffect

__all__ = ["Generation", "GenerationState", "IndexCounts", "as_text", "read_counts"]


class Generation(msgspec.Struct, frozen=True):
    """What a generation was built for; kept beside it in Redis.

    Attributes:
        name: ``g1``, ``g2``, ...
        model_id: the embedder's identity.
        dimensions: of the vectors.
        settings: what was asked of the index.
        schema_version: of rxindex's own schema.
        created: seconds since the epoch.
    """

    name: str
    model_id: str
    dimensions: int
    settings: IndexSettings
    schema_version: int
    created: float

    def differences(self, other: Generation) -> list[str]:
        """Name what keeps documents written for ``other`` out of this generation."""
        found = []
        if self.model_id != other.model_id:
            found.append(f"embedder {self.model_id} (now {other.model_id})")
        if self.dimensions != other.dimensions:
            found.append(f"{self.dimensions} dimensions (now {other.dimensions})")
        if self.settings != other.settings:
            old, new = msgspec.to_builtins(self.settings), msgspec.to_builtins(other.settings)
            found += [f"{k} {old[k] or '-'} (now {new[k] or '-'})" for k in old if old[k] != new[k]]
        if self.schema_version != other.schema_version:
            found.append(f"schema {self.schema_version} (now {other.schema_version})")
        return found


class IndexCounts(msgspec.Struct, frozen=True):
    """What the server counts in a generation's two indexes.

    Attributes:
        documents: drugs that a search can find.
        texts: different embedding texts, each with a vector that a search can find.
        failures: drugs and texts that the server could not index since it started.
        last_failure: the server's word on the last of them, with its key.
        indexing: whether it is still reading existing documents.
        vector_memory: bytes that the index keeps for vectors, beside those in the documents.
    """

    documents: int
    texts: int
    failures: int
    last_failure: str
    indexing: bool
    vector_memory: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it, not even what could not be indexed."""
        return not (self.documents or self.texts or self.failures)


class GenerationState(msgspec.Struct, frozen=True):
    """A generation with what the server says of its index.

    Attributes:
        generation: what it was built for.
        live: whether the alias points at it.
        in_effect: what the server really does.
        counts: what the server counts.
    """

    generation: Generation
    live: bool
    in_effect: InEffect
    counts: IndexCounts


def read_counts(drugs: dict[str, Any], texts: dict[str, Any]) -> IndexCounts:
    """Read the counts from what ``FT.INFO`` says of the index of drugs and of that of texts."""
    return IndexCounts(
        documents=int(drugs["num_docs"]),
        texts=int(texts["num_docs"]),
        failures=sum(int(one["hash_indexing_failures"]) for one in (drugs, texts)),
        last_failure=_last_failure(drugs) or _last_failure(texts),
        indexing=any(int(one["indexing"]) for one in (drugs, texts)),
        vector_memory=round(float(texts.get("vector_index_sz_mb") or 0) * 2**20),
    )


def _last_failure(information: dict[str, Any]) -> str:
    errors = pairs(information.get("Index Errors", []))
    failure = as_text(errors.get("last indexing error", b""))
    key = as_text(errors.get("last indexing error key", b""))
    return "" if failure in {"", "N/A"} else f"{failure} (key {key})"


def as_text(value: bytes | str | int) -> str:
    """Give a reply as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
