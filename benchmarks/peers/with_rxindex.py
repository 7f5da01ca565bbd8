"""rxindex: `sync` with a mapping over the same tables, and its `Searcher`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.peers.catalogue import open_packages
from benchmarks.peers.peer import CountedEmbedder, Held, Place
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.search.evaluation.judge import catalogue_drugs
from rxindex.search.request import SearchRequest
from rxindex.search.searcher import Searcher
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import load_vocabulary

__all__ = ["RxindexPeer"]


class RxindexPeer:
    """Keeps the index with rxindex."""

    def __init__(self, place: Place, embedder: CountedEmbedder) -> None:
        self.place = place
        self.embedder = embedder
        self.catalogue = Catalogue(connect(place.redis), "drugs")
        self.vocabulary = load_vocabulary()
        self.searcher = Searcher(self.catalogue, embedder, self.vocabulary)

    def load(self) -> None:
        """Bring the index in step with the tables."""
        sync(
            open_packages(self.place.database), self.embedder, self.catalogue,
            probe(self.catalogue.client), self.vocabulary, SyncOptions(),
        )  # fmt: skip

    def search(self, query: str, limit: int) -> list[str]:
        """Find drugs."""
        return [hit.id for hit in self.searcher.search(SearchRequest(query, limit=limit)).hits]

    def held(self) -> Iterator[Held]:
        """Read the drugs' packages."""
        for drug in catalogue_drugs(self.catalogue):
            yield from (Held(one.ndc, one.labeler, one.size) for one in drug.packages)
