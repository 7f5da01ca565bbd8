"""The same catalogue from MariaDB and from SQLite makes the same index, drug by drug."""

from __future__ import annotations

from pathlib import Path

from tests.services.mariadb import MariaDB

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.store import DrugStore
from rxindex.source import open_source
from rxindex.source.sample import write_demo_data
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

PACKAGES = 3000


def test_mariadb_and_sqlite_make_the_same_index(
    mariadb: MariaDB,
    tmp_path: Path,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
) -> None:
    urls = {
        "sqlite": f"sqlite:///{tmp_path / 'fdb.db'}",
        "mariadb": mariadb.create_database("two_databases"),
    }
    stores = {}
    for name, url in urls.items():
        write_demo_data(url, PACKAGES, seed=7)
        index = Catalogue(catalogue.client, f"{catalogue.name}-{name}")
        report = sync(
            open_source(url, page_size=700), FakeEmbedder(dimensions=32), index, capabilities,
            vocabulary, SyncOptions(today="2019-05-01"),
        )  # fmt: skip
        assert report.completed, report.warnings
        assert report.packages == PACKAGES
        assert report.failed == report.quarantined == 0
        stores[name] = DrugStore(index, index.require_live())
    ids = {name: {one for some in store.ids() for one in some} for name, store in stores.items()}
    assert ids["sqlite"] == ids["mariadb"]
    assert len(ids["sqlite"]) > 500
    for one in sorted(ids["sqlite"]):
        [ours], [theirs] = stores["sqlite"].get([one]), stores["mariadb"].get([one])
        assert ours == theirs
        assert stores["sqlite"].fingerprints([one]) == stores["mariadb"].fingerprints([one])
        assert stores["sqlite"].vectors([one]) == stores["mariadb"].vectors([one])
