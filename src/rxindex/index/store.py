"""Reading and writing a generation's documents, in batches of one round trip each.

There are two kinds. A drug is a hash of all that is known of it, under ``…:drug:{id}``. Its
embedding text is a hash of one vector, under ``…:text:{name}``, which all drugs with that text
share; each names it in ``text_fp``. A text is written before the first drug that has it, and
removed after the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis.client import Pipeline

from rxindex.errors import RxindexError, VectorSizeError
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command, redis_errors, translate
from rxindex.index.document import read_drug, write_drug
from rxindex.index.escape import tag_in
from rxindex.index.gathering import Gathering
from rxindex.index.generation import Generation
from rxindex.index.ledger import GroupLedger
from rxindex.index.schema import ELEMENT, vector_bytes
from rxindex.index.text_name import read_text_name, text_name
from rxindex.model import Drug

__all__ = ["DrugStore", "Fingerprints", "Write"]

# Gives the places, from 1 on, of those keys that are no document.
_MISSING = """\
local missing = {}
for place, key in ipairs(KEYS) do
  if type(redis.pcall('HGET', key, 'content_fp')) ~= 'string' then
    missing[#missing + 1] = place
  end
end
return missing
"""
#: Keys that it is asked about at once: a millisecond of the server's time.
_LOOKED_FOR = 2_000

#: Errors of one document that say nothing about the next one.
_DOCUMENT_ERRORS = ("WRONGTYPE",)


class Fingerprints(msgspec.Struct, frozen=True):
    """What a document says of itself.

    Attributes:
        content: fingerprint of the drug it was written from.
        text: fingerprint of its embedding text, with the model: which vector it has.
    """

    content: bytes
    text: bytes


class Write(msgspec.Struct, frozen=True):
    """One document to write.

    Attributes:
        drug: the drug.
        fingerprints: of the drug.
    """

    drug: Drug
    fingerprints: Fingerprints


class DrugStore:
    """The documents of one generation.

    Args:
        catalogue: whose.
        generation: which.

    Attributes:
        vector_size: bytes of one of its vectors.
        ledger: of its groups.
    """

    def __init__(self, catalogue: Catalogue, generation: Generation) -> None:
        self.catalogue = catalogue
        self.generation = generation
        self._prefix = catalogue.prefix(generation.name)
        self._text_prefix = catalogue.text_prefix(generation.name)
        self._swept_key = catalogue.key(generation.name, "swept")
        self.vector_size = ELEMENT[generation.settings.vector_type] * generation.dimensions
        self.ledger = GroupLedger(catalogue, generation.name)

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
        return [_fingerprints(reply) for reply in replies]

    def missing(self, ids: Sequence[str]) -> set[str]:
        """Give those of these drugs that have no document.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        script = self.catalogue.client.register_script(_MISSING)
        missing: set[str] = set()
        for start in range(0, len(ids), _LOOKED_FOR):
            some = ids[start : start + _LOOKED_FOR]
            with redis_errors(f"looking for {len(some)} drugs"):
                found: Any = script(keys=[self.key(drug_id) for drug_id in some])
            missing.update(some[place - 1] for place in found)
        return missing

    def write(
        self, writes: Sequence[Write], names: Gathering | None = None
    ) -> dict[str, RxindexError]:
        """Write drugs, each in one step, and wait for Redis to confirm all of them.

        Args:
            writes: the drugs.
            names: told of each that was written.

        Returns:
            Id of each drug that was not written, and why.

        Raises:
            IndexFull, IndexReadOnly, IndexAccessDenied, IndexUnavailable: Redis takes no
                writes; some of the batch may have been written, and writing it again is safe.
        """
        documents = [
            write_drug(one.drug, one.fingerprints.content, one.fingerprints.text) for one in writes
        ]
        commands = [
            ("HSET", self.key(one.drug.id), *chain.from_iterable(fields.items()))
            for one, fields in zip(writes, documents, strict=True)
        ]
        replies = self.catalogue.write(commands, f"writing {len(writes)} drugs")
        failures = {}
        for one, fields, reply in zip(writes, documents, replies, strict=True):
            if isinstance(reply, Exception):
                error = translate(reply, f"writing the drug {one.drug.name!r} ({one.drug.id})")
                if not str(reply).startswith(_DOCUMENT_ERRORS):
                    raise error from reply
                failures[one.drug.id] = error
            elif names is not None:
                names.add(fields)
        return failures

    def text_key(self, text: bytes) -> str:
        """Give the key of a text, by its fingerprint."""
        return self._text_prefix + text_name(text)

    def write_texts(self, vectors: Mapping[bytes, bytes]) -> dict[bytes, RxindexError]:
        """Write texts, and wait for Redis to confirm all of them.

        Args:
            vectors: as stored (see `encode_vector`), by the text's fingerprint.

        Returns:
            Fingerprint of each text that was not written, and why.

        Raises:
            VectorSizeError: a vector has not the generation's size; nothing was written.
            IndexFull, IndexReadOnly, IndexAccessDenied, IndexUnavailable: see `write`.
        """
        for vector in vectors.values():
            if len(vector) != self.vector_size:
                raise VectorSizeError(
                    f"a vector has {len(vector)} bytes, generation {self.generation.name} holds "
                    f"{self.vector_size}; nothing of its batch was written"
                )
        doing = f"writing {len(vectors)} vectors"
        commands = [("HSET", self.text_key(text), "vector", one) for text, one in vectors.items()]
        replies = self.catalogue.write(commands, doing) if commands else []
        failures = {}
        for text, reply in zip(vectors, replies, strict=True):
            if isinstance(reply, Exception):
                error = translate(reply, f"writing the vector {self.text_key(text)}")
                if not str(reply).startswith(_DOCUMENT_ERRORS):
                    raise error from reply
                failures[text] = error
        return failures

    def delete_texts(self, texts: Sequence[bytes]) -> None:
        """Remove texts; drugs that have them are not found by meaning any more.

        Raises:
            RxindexError: Redis takes no writes.
        """
        commands = [("UNLINK", self.text_key(text)) for text in texts]
        self.catalogue.write_all(commands, f"deleting {len(texts)} vectors")

    def sweep_texts(self, batch: int = 500, *, again: bool = False) -> int:
        """Remove the texts that no drug has.

        Nobody must be writing drugs meanwhile. When nothing was written or removed since the
        last time, there is nothing to look for.

        Args:
            batch: keys in one round trip.
            again: look all the same.

        Returns:
            How many are left.

        Raises:
            RxindexError: Redis does not answer, or takes no writes.
        """
        name, catalogue = self.generation.name, self.catalogue
        mark = catalogue.text_mark(name)
        with redis_errors("asking what was swept"):
            if not again and catalogue.client.get(self._swept_key) == msgspec.json.encode(mark):
                return mark[-1]
        left = self._swept(batch)
        self.note_swept(catalogue.text_mark(name))
        return left

    def note_swept(self, mark: tuple[int, ...]) -> None:
        """Note that each text is some drug's, as long as nothing changes.

        Args:
            mark: of the texts (see `rxindex.index.catalogue.Catalogue.text_mark`).

        Raises:
            RxindexError: Redis does not answer, or takes no writes.
        """
        commands = [("SET", self._swept_key, msgspec.json.encode(mark))]
        self.catalogue.write_all(commands, "noting what was swept")

    def _swept(self, batch: int) -> int:
        """Remove them; gives how many are left."""
        start = len(self._text_prefix)
        # Each once: listing keys may name one twice.
        left: set[bytes] = set()
        for keys in self.catalogue.text_keys(self.generation.name, batch):
            used = self._used([key[start:] for key in keys])
            left |= used
            commands = [("UNLINK", key) for key in keys if key[start:] not in used]
            self.catalogue.write_all(commands, f"deleting {len(commands)} vectors")
        return len(left)

    def _used(self, names: Sequence[bytes]) -> set[bytes]:
        """Ask which of these texts some drug has; what is no text's name is no drug's."""
        sound = [name.decode() for name in names if name and read_text_name(name) is not None]
        if not sound:
            return set()
        words = (
            "FT.AGGREGATE", self.catalogue.index(self.generation.name), tag_in("text_fp", sound),
            "LOAD", 1, "@text_fp", "GROUPBY", 1, "@text_fp",
            "LIMIT", 0, len(sound), "TIMEOUT", 0, "DIALECT", 2,
        )  # fmt: skip
        with redis_errors(f"asking for the drugs of {len(sound)} vectors"):
            rows = command(self.catalogue.client, *words)[1:]
        return {row[1] for row in rows}

    def vectors(self, texts: Sequence[bytes]) -> list[bytes | None]:
        """Read the stored vectors of texts; None where there is none of the right size.

        Args:
            texts: their fingerprints.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        pipe = self.catalogue.client.pipeline(transaction=False)
        for text in texts:
            pipe.hget(self.text_key(text), "vector")
        replies = _read(pipe, f"reading {len(texts)} vectors")
        return [
            vector if vector is not None and len(vector) == self.vector_size else None
            for vector in replies
        ]

    def all_vectors(self) -> Iterator[bytes]:
        """Yield the stored vectors of all texts that have one of the right size.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        for keys in self.catalogue.text_keys(self.generation.name):
            pipe = self.catalogue.client.pipeline(transaction=False)
            for key in keys:
                pipe.hget(key, "vector")
            for vector in _read(pipe, f"reading {len(keys)} vectors"):
                if vector is not None and len(vector) == self.vector_size:
                    yield vector

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
        """Remove drugs; those that are already gone don't matter.

        Returns:
            How many were there.
        """
        commands = [("UNLINK", self.key(drug_id)) for drug_id in ids]
        return sum(self.catalogue.write_all(commands, f"deleting {len(ids)} drugs"))

    def ids(self, batch: int = 500) -> Iterator[list[str]]:
        """Yield the ids of all drugs, indexed or not, in batches.

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


def _fingerprints(reply: list[bytes | None] | None) -> Fingerprints | None:
    content, named = reply or (None, None)
    text = None if named is None else read_text_name(named)
    return None if content is None or text is None else Fingerprints(content, text)


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
