"""A catalogue in SQLite, an index in Redis, and every kind of run between the two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.services.fdb import create_tables

from rxindex.embed.base import Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import EmbedRejected, RxindexError, Throttled
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.lease import hold
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.source.base import Group, Source
from rxindex.sync.groups import Changed, sync_groups
from rxindex.sync.options import SyncOptions
from rxindex.sync.quarantine import Entry, read_entries
from rxindex.sync.report import SyncReport
from rxindex.sync.retry import retry
from rxindex.sync.run import Progress, sync
from rxindex.sync.since import SINCE_LAG, sync_since
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

__all__ = ["DIMENSIONS", "TODAY", "Bench", "Stopper", "refusing", "throttling"]

DIMENSIONS = 16
TODAY = "2019-05-01"
FailOn = Callable[[str], RxindexError | None]


def refusing(*words: str, dimensions: int = DIMENSIONS) -> FakeEmbedder:
    """An embedder that refuses texts with one of these words."""
    return FakeEmbedder(dimensions, fail_on=_fails(words, lambda word: EmbedRejected(f"no {word}")))


def throttling(*words: str, dimensions: int = DIMENSIONS) -> FakeEmbedder:
    """An embedder that has no time for texts with one of these words."""
    return FakeEmbedder(dimensions, fail_on=_fails(words, lambda word: Throttled(f"later: {word}")))


def _fails(words: Iterable[str], error: Callable[[str], RxindexError]) -> FailOn:
    chosen = tuple(words)

    def fails(text: str) -> RxindexError | None:
        found = [word for word in chosen if word in text.lower()]
        return error(found[0]) if found else None

    return fails


class Stopper:
    """Asks a run to stop once so many batches were written.

    Args:
        batches: how many.
    """

    def __init__(self, batches: int) -> None:
        self.stop = Stop()
        self.seen = 0
        self._batches = batches

    def __call__(self, report: SyncReport, packages: int) -> None:
        self.seen += 1
        if self.seen == self._batches:
            self.stop.ask("the test said so")


class Bench:
    """What a test of runs needs.

    Args:
        folder: for the database.
        catalogue: of the test's own.
        capabilities: of its server.
        words: the vocabulary.
        rows: packages of the FDB catalogue.
        url: of another database than a SQLite file of the test's own.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        capabilities: Capabilities,
        words: Vocabulary,
        rows: Iterable[dict[str, object]] = (),
        url: str | None = None,
    ) -> None:
        self.url = url or f"sqlite:///{folder / 'fdb.db'}"
        self.catalogue = catalogue
        self.client = catalogue.client
        self.capabilities = capabilities
        self.words = words
        self.embedder: Embedder = FakeEmbedder(DIMENSIONS)
        create_tables(self.url, rows)

    def source(self, page_size: int = 3) -> Source:
        return open_source(self.url, page_size=page_size)

    # -- runs ----------------------------------------------------------------------------------

    def vectors(self, ids: Iterable[str], store: DrugStore | None = None) -> list[bytes | None]:
        """Read the vectors of drugs, by way of their texts."""
        chosen = store or self.store
        found = chosen.fingerprints(list(ids))
        return chosen.vectors([one.text for one in found if one is not None])

    def text_key(self, drug_id: str, store: DrugStore | None = None) -> str:
        """Give the key of a drug's text."""
        chosen = store or self.store
        [found] = chosen.fingerprints([drug_id])
        assert found is not None
        return chosen.text_key(found.text)

    def run(
        self,
        embedder: Embedder | None = None,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
        source: Source | None = None,
        **options: Any,
    ) -> SyncReport:
        return sync(
            source or self.source(),
            embedder or self.embedder,
            self.catalogue,
            self.capabilities,
            self.words,
            SyncOptions(**({"today": TODAY} | options)),
            progress,
            stop=stop,
        )

    def stopped(self, batches: int, embedder: Embedder | None = None, **options: Any) -> SyncReport:
        """Run until so many batches were written."""
        stopper = Stopper(batches)
        return self.run(embedder, progress=stopper, stop=stopper.stop, **options)

    def since(
        self,
        since: dt.datetime | None = None,
        lag: dt.timedelta = SINCE_LAG,
        embedder: Embedder | None = None,
        *,
        source: Source | None = None,
        **options: Any,
    ) -> SyncReport:
        return sync_since(
            source or self.source(),
            embedder or self.embedder,
            self.catalogue,
            self.words,
            SyncOptions(**({"today": TODAY} | options)),
            since,
            lag,
        )

    def groups(
        self,
        groups: Iterable[Group],
        drug_ids: Iterable[str] = (),
        embedder: Embedder | None = None,
        *,
        stop: Stop | None = None,
        **options: Any,
    ) -> tuple[bool, SyncReport]:
        """Sync these groups, under the lease."""
        report = SyncReport()
        with hold(self.catalogue, "test") as held, self.source() as source:
            whole = sync_groups(
                source, embedder or self.embedder, held, self.words,
                SyncOptions(**({"today": TODAY} | options)),
                Changed(list(groups), list(drug_ids)), report, stop,
            )  # fmt: skip
        return whole, report

    def retry(
        self, ids: Sequence[str] | None = None, embedder: Embedder | None = None, **options: Any
    ) -> SyncReport:
        return retry(
            self.source(), embedder or self.embedder, self.catalogue, self.words,
            SyncOptions(**({"today": TODAY} | options)), ids,
        )  # fmt: skip

    # -- what is there -------------------------------------------------------------------------

    @property
    def store(self) -> DrugStore:
        """The live generation's documents."""
        return DrugStore(self.catalogue, self.catalogue.require_live())

    def by_id(self, store: DrugStore | None = None) -> dict[str, Drug]:
        store = store or self.store
        ids = [one for some in store.ids() for one in some]
        return {drug.id: drug for drug in store.get(ids) if drug is not None}

    def drugs(self) -> dict[str, Drug]:
        """The drugs of the live generation by name; a brand's has a star behind it."""
        return {
            drug.name + ("*" if drug.kind == "brand" else ""): drug
            for drug in self.by_id().values()
        }

    def entries(self) -> dict[str, Entry]:
        return {one.id: one for one in read_entries(self.catalogue)}

    def found(self, query: str) -> int:
        words = ("FT.SEARCH", self.catalogue.alias, query, "LIMIT", 0, 0, "DIALECT", 2)
        return int(command(self.client, *words)[0])

    def dump(self, *, without: Sequence[str] = ()) -> Mapping[bytes, Any]:
        """Every key of the catalogue with its serialised value.

        Args:
            without: last parts of keys to leave out.
        """
        keys = sorted(self.client.scan_iter(match=f"{self.catalogue.alias}:*"))
        kept = [key for key in keys if not key.decode().endswith(tuple(without) or ("\n",))]
        return {key: self.client.dump(key) for key in kept}

    def indexes(self) -> set[str]:
        """The server's indexes of this catalogue."""
        names = {name.decode() for name in command(self.client, "FT._LIST")}
        return {name for name in names if name.startswith(f"{self.catalogue.alias}:")}
