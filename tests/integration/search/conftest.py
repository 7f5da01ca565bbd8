"""A small FDB catalogue, indexed by a real run, for everything that only reads it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.services.fdb import create_tables, package

from rxindex.embed.base import Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.embed.minilm import MiniLMEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import Searcher
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

BRAND = {"INNOV": "1", "GNI": "2"}
#: Label names; the last word of some says what is special: a brand, a schedule, an end.
NAMES = """\
ATORVASTATIN 20 MG TABLET
ATORVASTATIN 40 MG TABLET
LIPITOR 20 MG TABLET|brand
SIMVASTATIN 20 MG TABLET
SIMVASTATIN 40 MG TABLET
ROSUVASTATIN 10 MG TABLET
PRAVASTATIN 40 MG TABLET|obsolete
NYSTATIN 100,000 UNITS/GM CREAM
LISINOPRIL 10 MG TABLET
LISINOPRIL 20 MG TABLET
ENALAPRIL 10 MG TABLET
LOSARTAN 50 MG TABLET
AMLODIPINE 5 MG TABLET
HYDROCHLOROTHIAZIDE 25 MG TABLET
ASPIRIN 81 MG TABLET
ASPIRIN 325 MG TABLET
METFORMIN 500 MG TABLET
METFORMIN 1000 MG TABLET|obsolete
GLIPIZIDE 5 MG TABLET
PREDNISONE 10 MG TABLET
PREDNISOLONE 5 MG TABLET
HYDROXYZINE 25 MG TABLET
HYDRALAZINE 25 MG TABLET
OXYCODONE 5 MG TABLET|2
OXYCODONE 10 MG CAPSULE|2
MORPHINE 15 MG TABLET|2
ALPRAZOLAM 1 MG TABLET|4
SERTRALINE 50 MG TABLET
ZOLOFT 50 MG TABLET|brand
FLUOXETINE 20 MG CAPSULE
CITALOPRAM 20 MG TABLET
OMEPRAZOLE 20 MG CAPSULE
PANTOPRAZOLE 40 MG TABLET
ALBUTEROL 90 MCG INHALER
TIMOLOL 0.5% EYE DROPS
HYDROCORTISONE 1% CREAM
AMOXICILLIN 500 MG CAPSULE
AZITHROMYCIN 250 MG TABLET
VANCOMYCIN 1 GM VIAL
WARFARIN 5 MG TABLET
"""


def catalogue_rows() -> list[dict[str, object]]:
    """Give the rows: two packages each, so that the 17th drug holds 00017-0001-01 and -02."""
    rows = []
    for number, line in enumerate(NAMES.splitlines(), 1):
        name, _, mark = line.partition("|")
        other: dict[str, object] = {}
        if mark == "brand":
            other = dict(BRAND)
        elif mark == "obsolete":
            other = {"OBSDTEC": "20150101"}
        elif mark:
            other = {"DEA": mark}
        rows += [package(f"{number:05d}0001{n:02d}", name, 1000 + number, **other) for n in (1, 2)]
    # Ten digits 1234567890 read as 5-3-2 and as 4-4-2 are packages of two drugs.
    rows += [
        package("12345067890", "CARVEDILOL 25 MG TABLET", 2001),
        package("01234567890", "IBUPROFEN 600 MG TABLET", 2002),
    ]
    return rows


def load(
    folder: Path, catalogue: Catalogue, embedder: Embedder, able: Capabilities, words: Vocabulary
) -> str:
    """Index the rows by a real run; gives the source's URL."""
    url = f"sqlite:///{folder / 'fdb.db'}"
    create_tables(url, catalogue_rows())
    options = SyncOptions(today="2019-05-01", new_generation=True)
    report = sync(open_source(url), embedder, catalogue, able, words, options)
    assert report.completed
    return url


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shelf(
    redis_server: EmbeddedRedis,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path_factory: pytest.TempPathFactory,
) -> Catalogue:
    """The catalogue with vectors that know no meaning."""
    catalogue = Catalogue(redis_server.start(), f"shelf{next(_numbers)}")
    load(tmp_path_factory.mktemp("fdb"), catalogue, FakeEmbedder(64), capabilities, vocabulary)
    return catalogue


@pytest.fixture(scope="module")
def searcher(shelf: Catalogue, vocabulary: Vocabulary) -> Searcher:
    return Searcher(shelf, FakeEmbedder(64), vocabulary)


@pytest.fixture(scope="module")
def meaning(
    redis_server: EmbeddedRedis,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Searcher]:
    """The catalogue with the local model's vectors."""
    catalogue = Catalogue(redis_server.start(), f"meaning{next(_numbers)}")
    model = MiniLMEmbedder()
    load(tmp_path_factory.mktemp("fdb"), catalogue, model, capabilities, vocabulary)
    yield Searcher(catalogue, model, vocabulary)
    model.close()
