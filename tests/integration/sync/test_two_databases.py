"""The same catalogue from MariaDB and from SQLite makes the same index, drug by drug."""

from __future__ import annotations

import pytest
from tests.services.demo_data import PACKAGES, Written

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.store import DrugStore
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

pytestmark = pytest.mark.xdist_group("demo data")


def test_mariadb_and_sqlite_make_the_same_index(
    written: Written,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
) -> None:
    stores = {}
    for name, url in (("sqlite", written.sqlite), ("mariadb", written.mariadb)):
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
        [prints] = stores["sqlite"].fingerprints([one])
        assert prints is not None
        assert stores["mariadb"].fingerprints([one]) == [prints]
        [vector] = stores["sqlite"].vectors([prints.text])
        assert vector is not None
        assert stores["mariadb"].vectors([prints.text]) == [vector]
