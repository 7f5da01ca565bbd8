"""Documents as Redis really has them, and what its index makes of them.

For checking: nothing here believes what a document says of itself, or what the server counts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from rxindex.errors import TerminalError
from rxindex.index.connect import command, redis_errors, translate
from rxindex.index.document import read_drug, read_packages, write_drug
from rxindex.index.store import DrugStore, Fingerprints
from rxindex.index.text_name import read_text_name
from rxindex.model import Drug

__all__ = [
    "Document",
    "clear_dangling",
    "dangling",
    "differing_fields",
    "inspect",
    "key_types",
    "label_names",
    "readable",
    "searchable",
    "text_faults",
    "vector_fault",
]

_HASH = "hash"


class Document(msgspec.Struct, frozen=True):
    """What is under a drug's key.

    Attributes:
        type: Redis' own name of it; a document is a ``hash``.
        fields: of the hash, by name; empty for another type.
        searchable: whether a search finds the key.
        text: fingerprint of the embedding text that it names; None if it names none.
    """

    type: str
    fields: dict[str, bytes]
    searchable: bool
    text: bytes | None = None

    @property
    def is_hash(self) -> bool:
        """Whether it can be a document at all."""
        return self.type == _HASH


def inspect(store: DrugStore, ids: Sequence[str]) -> list[Document | None]:
    """Read documents whole, and ask the index about each; None where there is no key.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    keys = [store.key(drug_id).encode() for drug_id in ids]
    doing = f"reading {len(ids)} drugs"
    pipe = store.catalogue.client.pipeline(transaction=False)
    for key in keys:
        pipe.hgetall(key)
    with redis_errors(doing):
        replies = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
            raise translate(reply, doing) from reply
    refused = [
        key for key, reply in zip(keys, replies, strict=True) if isinstance(reply, Exception)
    ]
    types = dict(zip(refused, key_types(store, refused), strict=True))
    found = searchable(store, keys)
    return [
        _document(reply, types.get(key, _HASH), key in found)
        for key, reply in zip(keys, replies, strict=True)
    ]


def _document(reply: Any, kind: str, is_found: bool) -> Document | None:
    if isinstance(reply, Exception):
        return Document(kind, {}, is_found)
    if not reply:
        return None
    # A stranger's field may have any bytes for a name.
    fields = {name.decode(errors="backslashreplace"): value for name, value in reply.items()}
    return Document(kind, fields, is_found, read_text_name(fields.get("text_fp", b"")) or None)


def text_faults(store: DrugStore, texts: Sequence[bytes]) -> dict[bytes, str]:
    """Say what is wrong with the vectors of texts.

    Args:
        store: the generation.
        texts: their fingerprints.

    Returns:
        A sentence by fingerprint; sound ones that a search can find are left out.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    keys = {store.text_key(text).encode(): text for text in texts}
    pipe = store.catalogue.client.pipeline(transaction=False)
    for key in keys:
        pipe.hget(key, "vector")
    with redis_errors(f"reading {len(keys)} vectors"):
        # A key of another type answers with an error; it has no vector either.
        replies = pipe.execute(raise_on_error=False) if keys else []
    found = searchable(store, list(keys), store.catalogue.text_index(store.generation.name))
    faults = {}
    for (key, text), reply in zip(keys.items(), replies, strict=True):
        fault = vector_fault(store, reply if isinstance(reply, bytes) else None)
        if not fault and key not in found:
            fault = "a vector that a search can't find"
        if fault:
            faults[text] = fault
    return faults


def key_types(store: DrugStore, keys: Sequence[bytes]) -> list[str]:
    """Ask what is under keys: ``hash``, ``list``, ... or ``none``.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    pipe = store.catalogue.client.pipeline(transaction=False)
    for key in keys:
        pipe.type(key)
    with redis_errors(f"asking for the types of {len(keys)} keys"):
        return [reply.decode() for reply in pipe.execute()] if keys else []


def label_names(store: DrugStore, keys: Sequence[bytes]) -> list[str]:
    """Read the label names of documents; empty where there is none.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    pipe = store.catalogue.client.pipeline(transaction=False)
    for key in keys:
        pipe.hget(key, "name")
    with redis_errors(f"reading the names of {len(keys)} drugs"):
        # A key of another type answers with an error; it has no name either.
        replies = pipe.execute(raise_on_error=False) if keys else []
    return [
        reply.decode(errors="backslashreplace") if isinstance(reply, bytes) else ""
        for reply in replies
    ]


def searchable(store: DrugStore, keys: Sequence[bytes], index: str = "") -> set[bytes]:
    """Ask an index which of these keys a search finds.

    The server looks each key up in the index, which takes it some two microseconds, whatever
    the size of the index.

    Args:
        store: the generation.
        keys: to look up.
        index: of the generation; its index of drugs if empty.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    if not keys:
        return set()
    index = index or _index(store)
    words = ("FT.SEARCH", index, "*", "INKEYS", len(keys), *keys, *_page(0, len(keys)))
    with redis_errors(f"asking the index about {len(keys)} keys"):
        return set(command(store.catalogue.client, *words)[1:])


def dangling(store: DrugStore, batch: int = 10_000) -> Iterator[list[bytes]]:
    """Yield the keys that a search finds although nothing is there any more.

    A search shows them as hits without content. The index is left with them where keys went
    away without the query engine being told, by ``SWAPDB`` for example.

    Pages through the whole index, which takes the server longer with every page: look first
    whether it counts more documents than there are. A document that is taken in anew meanwhile
    gets another place, so wait until the server has read its documents; while somebody writes,
    some keys may be left out.

    Raises:
        IndexUnavailable: Redis does not answer.
        TerminalError: the index has more documents than the server lets a search list.
    """
    start, total = 0, 1
    while start < total:
        with redis_errors("listing what the index has"):
            reply = command(
                store.catalogue.client, "FT.SEARCH", _index(store), "*", *_page(start, batch)
            )
        total, keys = int(reply[0]), reply[1:]
        if not keys and start < total:
            raise TerminalError(
                f"the server lists only {start:,} of {total:,} documents of {_index(store)}; "
                "raise its MAXSEARCHRESULTS, and check again"
            )
        start += len(keys)
        types = key_types(store, keys)
        if gone := [key for key, kind in zip(keys, types, strict=True) if kind == "none"]:
            yield gone


def clear_dangling(store: DrugStore, keys: Sequence[bytes]) -> None:
    """Take keys out of the index that do not exist.

    Deleting what is not there tells the query engine nothing, so each key is made first.

    Raises:
        RxindexError: Redis takes no writes.
    """
    commands: list[tuple[Any, ...]] = []
    for key in keys:
        commands += [("HSET", key, "name", ""), ("UNLINK", key)]
    store.catalogue.write_all(commands, f"taking {len(keys)} keys out of the index")


def _index(store: DrugStore) -> str:
    return store.catalogue.index(store.generation.name)


def _page(start: int, count: int) -> tuple[str | int, ...]:
    # No time limit: a server that gives up half-way answers with what it has, as if that were all.
    return "NOCONTENT", "LIMIT", start, count, "TIMEOUT", 0, "DIALECT", 2


def differing_fields(document: Document, drug: Drug, prints: Fingerprints) -> list[str]:
    """Name the fields that are not as they would be written.

    Fields that rxindex does not write are nobody's business: no search reads them.

    Args:
        document: a hash.
        drug: the drug as the source has it.
        prints: its fingerprints.
    """
    wanted = write_drug(drug, prints.content, prints.text)
    return [
        str(name)
        for name, value in wanted.items()
        if not _same(str(name), document.fields.get(str(name)), value, drug)
    ]


def _same(name: str, stored: bytes | None, wanted: Any, drug: Drug) -> bool:
    if stored is None:
        return False
    if stored == (wanted if isinstance(wanted, bytes) else str(wanted).encode()):
        return True
    if name != "packages":
        return False
    # Another release of zlib may write the same packages with other bytes.
    try:
        return read_packages(stored) == drug.packages
    except (zlib.error, msgspec.DecodeError):
        return False


def readable(drug_id: str, document: Document) -> Drug | None:
    """Read the drug that a document says it is, without packages; None if nobody could."""
    try:
        return read_drug(drug_id, document.fields, packages=False)
    except ValueError:  # bytes that are no text, a number that is none
        return None


def vector_fault(store: DrugStore, stored: bytes | None) -> str:
    """Say what is wrong with a stored vector of this generation; an empty string if nothing is.

    A vector of another size is left out of the index; one of zeros, or with a value that is no
    number, has no distance from any other, and may push others out of the nearest of any query.
    """
    if not stored:
        return "no vector"
    if len(stored) != store.vector_size:
        named = f"generation {store.generation.name} has {store.vector_size}"
        return f"a vector of {len(stored)} bytes, {named}"
    vector = store.decode_vector(stored)
    if not np.isfinite(vector).all():
        return "a vector with values that are not numbers"
    return "" if vector.any() else "a vector of nothing but zeros"
