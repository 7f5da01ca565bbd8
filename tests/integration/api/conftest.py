"""The API over a small catalogue that tests only read, and over one that may break."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.integration.search.conftest import load

from rxindex.api.app import create_app
from rxindex.api.options import ApiOptions
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

Serve = Callable[[ApiOptions], TestClient]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def searcher(
    redis_server: EmbeddedRedis,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path_factory: pytest.TempPathFactory,
) -> Searcher:
    """Searches a catalogue of some forty drugs."""
    catalogue = Catalogue(redis_server.start(), f"served{next(_numbers)}")
    load(tmp_path_factory.mktemp("fdb"), catalogue, FakeEmbedder(64), capabilities, vocabulary)
    return Searcher(catalogue, FakeEmbedder(64), vocabulary)


@pytest.fixture(scope="module")
def api(searcher: Searcher) -> Iterator[TestClient]:
    """The API as whoever guards it otherwise runs it: without keys and limits of hosts."""
    with TestClient(create_app(searcher)) as client:
        yield client


@pytest.fixture
def serve(searcher: Searcher) -> Iterator[Serve]:
    """Make APIs with other options."""
    with ExitStack() as stack:
        yield lambda options: stack.enter_context(TestClient(create_app(searcher, options)))


@pytest.fixture
def empty(catalogue: Catalogue, vocabulary: Vocabulary) -> Iterator[TestClient]:
    """The API before anything was indexed."""
    with TestClient(create_app(Searcher(catalogue, FakeEmbedder(16), vocabulary))) as client:
        yield client


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Where a file of keys may be."""
    return tmp_path / "keys.json"
