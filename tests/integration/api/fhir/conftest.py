"""The FHIR service over a small index."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.services.fdb import create_tables, package

from rxindex.api.fhir import fhir_router
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import Searcher
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

BASE = "http://testserver/fhir"
ROWS = [
    package("00071015523", "ATORVASTATIN 20 MG TABLET", 16366, AD="24S,UD"),
    package("00071015540", "ATORVASTATIN 20 MG TABLET", 16366, PS=30, OBSDTEC="20150101"),
    package("00071015623", "ATORVASTATIN 40 MG TABLET", 16367),
    package("00071015723", "ATORVASTATIN 80 MG TABLET", 16368, OBSDTEC="20150101"),
    package("00071015592", "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
    package("00006074061", "SIMVASTATIN 20 MG TABLET", 16577),
    package("00054000102", "OXYCODONE 5 MG TABLET", 4225, DEA="2"),
    package("00093506101", "HYDROXYZINE 25 MG TABLET", 3723),
    package("00093508501", "HYDRALAZINE 25 MG TABLET", 268),
    package("12345067801", "LISINOPRIL 10 MG TABLET", 391),
    # Ten digits 1234567890 read as 5-3-2 and as 4-4-2 are packages of two drugs.
    package("12345067890", "CARVEDILOL 25 MG TABLET", 2001),
    package("01234567890", "IBUPROFEN 600 MG TABLET", 2002),
]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def searcher(
    redis_server: EmbeddedRedis,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path_factory: pytest.TempPathFactory,
) -> Searcher:
    url = f"sqlite:///{tmp_path_factory.mktemp('fdb') / 'fdb.db'}"
    create_tables(url, ROWS)
    catalogue = Catalogue(redis_server.start(), f"fhir{next(_numbers)}")
    options = SyncOptions(today="2019-05-01")
    embedder = FakeEmbedder(16)
    assert sync(open_source(url), embedder, catalogue, capabilities, vocabulary, options).completed
    return Searcher(catalogue, embedder, vocabulary)


@pytest.fixture
def fhir(searcher: Searcher) -> Iterator[TestClient]:
    """Clients of the service, which begin below its base."""
    app = FastAPI()
    app.include_router(fhir_router(searcher))
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="session")
def ids(searcher: Searcher) -> dict[str, str]:
    """Drug ids by label name."""
    codes = (str(row["NDC"]) for row in ROWS)
    return {drug.name: drug.id for code in codes for drug in searcher.package(code)}
