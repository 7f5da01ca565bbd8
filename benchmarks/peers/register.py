"""The peers by name: where they are, what they need, and what they do and don't do."""

from __future__ import annotations

import importlib

import msgspec

from benchmarks.peers.peer import CountedEmbedder, Peer, Place

__all__ = ["ABILITIES", "PEERS", "About", "open_peer"]

#: What is asked of every peer, in the order of `About.abilities`.
ABILITIES = (
    "skips what has not changed",
    "deletes what is gone",
    "keeps a vector when only other fields changed",
    "goes on where a run was cut short",
    "changes the model without a gap in the search",
    "one entry a drug",
)


class About(msgspec.Struct, frozen=True):
    """A peer, without its packages being imported.

    Attributes:
        title: for people.
        module: in this package.
        made: its class there.
        needs: distributions that it needs, whose versions are told.
        abilities: of each of `ABILITIES` yes or no, and why, from reading its documentation and
            code.
        json: whether it needs Redis' JSON module.
        entry: what a hit is: a ``package`` or a ``drug``.
    """

    title: str
    module: str
    made: str
    needs: tuple[str, ...]
    abilities: tuple[str, ...]
    json: bool = False
    entry: str = "package"


PEERS = {
    "redisvl": About(
        "RedisVL `SearchIndex.load`",
        "with_redisvl",
        "RedisVLPeer",
        ("redisvl",),
        (
            "no: embeds and writes every row again (its `EmbeddingsCache` would save the calls, "
            "with a second copy of each vector)",
            "no: keys can be dropped, but finding them is left to the caller",
            "no",
            "no: begins again",
            "no: `create(overwrite=True)` drops the index first",
            "no",
        ),
    ),
    "langchain": About(
        "LangChain `index()`",
        "with_langchain",
        "LangChainPeer",
        ("langchain-core", "langchain-classic", "langchain-redis", "redisvl"),
        (
            "yes: by a hash of text and metadata in a SQL database",
            "yes: `cleanup=\"full\"`, without a guard against an empty source",
            "no: another hash is another document",
            "yes: batch by batch",
            "no: another index, and the caller's own switch",
            "no",
        ),
    ),
    "llamaindex": About(
        "LlamaIndex `IngestionPipeline`",
        "with_llamaindex",
        "LlamaIndexPeer",
        ("llama-index-core", "llama-index-vector-stores-redis",
         "llama-index-storage-docstore-redis", "redisvl"),
        (
            "yes: by a hash of text and metadata in a document store",
            "yes: `UPSERTS_AND_DELETE`, without a guard; all documents have to be in memory",
            "no: the old entry is deleted before the new one is embedded",
            "no: the document store is written at the end of a run",
            "no: another index, and the caller's own switch",
            "no",
        ),
    ),
    "json": About(
        "a JSON document an NDC",
        "json_per_ndc",
        "JsonPeer",
        ("redis",),
        (
            "no: embeds and writes every row again",
            "no",
            "no",
            "no: begins again",
            "no: overwrites in place",
            "no",
        ),
        json=True,
    ),
    "rxindex": About(
        "rxindex `sync`",
        "with_rxindex",
        "RxindexPeer",
        ("rxindex",),
        (
            "yes: by fingerprints in the documents",
            "yes: after all writes, with a guard",
            "yes",
            "yes: from a checkpoint",
            "yes: another generation, then the alias",
            "yes",
        ),
        entry="drug",
    ),
}  # fmt: skip


def open_peer(name: str, place: Place, embedder: CountedEmbedder) -> Peer:
    """Import a peer and make it.

    Raises:
        ImportError: its packages are not installed.
    """
    about = PEERS[name]
    made = getattr(importlib.import_module(f"benchmarks.peers.{about.module}"), about.made)
    peer: Peer = made(place, embedder)
    return peer
