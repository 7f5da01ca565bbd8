"""One phase of one peer in a process of its own; prints what it found as one JSON object."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import CountedEmbedder, Peer, Place
from benchmarks.peers.register import PEERS, open_peer
from benchmarks.peers.vectors import KnownVectors
from rxindex.embed import create_embedder

__all__: list[str] = []

#: Hits of a page, whose latency is measured.
PAGE = 20
#: Packages asked for to find the drugs of a page among them.
DEPTH = 200
#: Asked first, so that what is made once is not in the latencies.
WARMING = ("aspirin", "blood pressure tablet", "lipitor 20 mg")


def load(peer: Peer, embedder: CountedEmbedder) -> dict[str, Any]:
    """Run a load; what it took of wall and processor time, and what it asked of the model."""
    embedder.texts = embedder.asked = 0
    used, begun = time.process_time(), time.perf_counter()
    peer.load()
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - used,
        "embedding_calls": embedder.texts,
        "asked": embedder.asked,
    }


def search(peer: Peer, queries: list[str], *, drugs: bool) -> dict[str, Any]:
    """Ask each query once; the seconds that each took, and what was found."""
    for query in WARMING:
        peer.search(query, PAGE)
    seconds, pages = [], []
    for query in queries:
        begun = time.perf_counter()
        pages.append(peer.search(query, PAGE))
        seconds.append(time.perf_counter() - begun)
    deep = pages if drugs else [peer.search(query, DEPTH) for query in queries]
    return {"seconds": seconds, "pages": pages, "deep": deep}


def main(
    name: str, phase: str, database: str, redis: str, folder: str, model: str, vectors: str
) -> None:
    """Carry out ``load``, ``search`` (queries on standard input) or ``held``."""
    about = PEERS[name]
    made = create_embedder(model)
    known = KnownVectors(made, Path(vectors)) if phase == "load" else made
    with closing(CountedEmbedder(known)) as embedder:
        embedder.embed(["warm up"])
        peer = open_peer(name, Place(Path(database), redis, Path(folder)), embedder)
        found: Any
        if phase == "load":
            found = load(peer, embedder)
        elif phase == "search":
            found = search(peer, json.load(sys.stdin), drugs=about.entry == "drug")
            found["versions"] = {one: version(one) for one in about.needs}
        else:
            found = list(peer.held())
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
