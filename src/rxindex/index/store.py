"""Reading and writing a generation's documents, in batches of one round trip each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis.client import Pipeline

from rxindex.errors import RxindexError, VectorSizeError
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors, translate
from rxindex.index.document import read_drug, write_drug
from rxindex.index.generation import Generation
from rxindex.index.schema import vector_bytes
from rxindex.model import Drug

__all__ = ["DrugStore", "Fingerprints", "Write"]

#: Errors of one document that say nothing about the next one.
_DOCUMENT_ERRORS = ("WRONGTYPE",)


class Fingerprints(msgspec.Struct, frozen=True):
    """What a document says of itself.

    Attributes:
        content: fingerprint of the drug it was written from.
        text: fingerprint of the text, with the model, that its vector was made from.
    """

    content: bytes
    text: bytes


class Write(msgspec.Struct, frozen=True):
    """One document to write.

    Attributes:
        drug: the drug.
        fingerprints: of the drug.
        vector: the vector as stored (see `vector_bytes`), or None to keep the one that is there.
    """

    drug: Drug
    fingerprints: Fingerprints
    vector: bytes | None


class DrugStore:
    """The documents of one generation.

    Args:
        catalogue: whose.
        generation: which.
    """

    def __init__(self, catalogue: Catalogue, generation: Generation) -> None:
        self.catalogue = catalogue
        self.generation = generation
        self._prefix = catalogue.prefix(generation.name)
        size = 2 if generation.settings.vector_type == "float16" else 4
        self._vector_size = size * generation.dimensions

    def key(self, drug_id: str) -> str:
        """Give the key of a drug's document."""
        return self._prefix + drug_id

    def fingerprints(self, ids: Sequence[str]) -> list[Fingerprints | None]:
        """Read what the documents say of themselves; None where there is no document.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        pipe = self.catalogue.client.pipeline(transaction=False)
        for drug_id in ids:
            pipe.hmget(self.key(drug_id), "content_fp", "text_fp")
        replies = _read(pipe, f"reading the fingerprints of {len(ids)} drugs")
        return [Fingerprints(*reply) if reply and None not in reply else None for reply in replies]

    def write(self, writes: Sequence[Write]) -> dict[str, RxindexError]:
        """Write documents, each in one step, and wait for Redis to confirm all of them.

        Returns:
            Id of each drug that was not written, and why.

        Raises:
            VectorSizeError: a vector has not the generation's size; nothing was written.
            IndexFull, IndexReadOnly, IndexAccessDenied, IndexUnavailable: Redis takes no
                writes; some of the batch may have been written, and writing it again is safe.
        """
        commands = []
        for one in writes:
            self._check(one)
            fields = write_drug(one.drug, one.fingerprints.content, one.fingerprints.text)
            if one.vector is not None:
                fields["vector"] = one.vector
            commands.append(("HSET", self.key(one.drug.id), *chain.from_iterable(fields.items())))
        replies = self.catalogue.write(commands, f"writing {len(writes)} drugs")
        failures = {}
        for one, reply in zip(writes, replies, strict=True):
            if isinstance(reply, Exception):
                error = translate(reply, f"writing the drug {one.drug.name!r} ({one.drug.id})")
                if not str(reply).startswith(_DOCUMENT_ERRORS):
                    raise error from reply
                failures[one.drug.id] = error
        return failures

    def vectors(self, ids: Sequence[str]) -> list[bytes | None]:
        """Read the stored vectors of documents; None where there is none of the right size.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        pipe = self.catalogue.client.pipeline(transaction=False)
        for drug_id in ids:
            pipe.hget(self.key(drug_id), "vector")
        replies = _read(pipe, f"reading {len(ids)} vectors")
        return [
            vector if vector is not None and len(vector) == self._vector_size else None
            for vector in replies
        ]

    def encode_vector(self, vector: NDArray[np.float32]) -> bytes:
        """Write a vector as this generation stores it (see `vector_bytes`).

        Raises:
            VectorSizeError: it does not fit this generation.
        """
        settings = self.generation.settings
        return vector_bytes(vector, settings.vector_type, self.generation.dimensions)

    def decode_vector(self, stored: bytes) -> NDArray[np.float32]:
        """Read a vector of this generation, for another one that may store it differently."""
        kind = "<f2" if self.generation.settings.vector_type == "float16" else "<f4"
        return np.frombuffer(stored, dtype=kind).astype(np.float32)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove documents; those that are already gone don't matter.

        Returns:
            How many were there.
        """
        commands = [("UNLINK", self.key(drug_id)) for drug_id in ids]
        return sum(self.catalogue.write_all(commands, f"deleting {len(ids)} drugs"))

    def ids(self, batch: int = 500) -> Iterator[list[str]]:
        """Yield the ids of all documents, indexed or not, in batches.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        start = len(self._prefix)
        for keys in self.catalogue.document_keys(self.generation.name, batch):
            # A stranger's key may hold any bytes.
            yield [key.decode(errors="backslashreplace")[start:] for key in keys]

    def get(self, ids: Sequence[str]) -> list[Drug | None]:
        """Read whole drugs, packages included; None where there is none.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        pipe = self.catalogue.client.pipeline(transaction=False)
        for drug_id in ids:
            pipe.hgetall(self.key(drug_id))
        replies = _read(pipe, f"reading {len(ids)} drugs")
        return [
            read_drug(drug_id, {name.decode(): value for name, value in reply.items()})
            if reply
            else None
            for drug_id, reply in zip(ids, replies, strict=True)
        ]

    def _check(self, one: Write) -> None:
        if one.vector is not None and len(one.vector) != self._vector_size:
            raise VectorSizeError(
                f"the vector of {one.drug.name!r} ({one.drug.id}) has {len(one.vector)} bytes, "
                f"generation {self.generation.name} holds {self._vector_size}; nothing of its "
                "batch was written"
            )


def _read(pipe: Pipeline, doing: str) -> list[Any]:
    """Run a pipeline of reads; None for a key that holds something else than a document.

    Such a key is a stranger's. It must not keep all other drugs from being read; writing its
    drug will fail, and name it.
    """
    with redis_errors(doing):
        replies = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and not str(reply).startswith(_DOCUMENT_ERRORS):
            raise translate(reply, doing) from reply
    return [None if isinstance(reply, Exception) else reply for reply in replies]
