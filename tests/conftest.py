"""Real servers for the tests, each worker's own, in temporary folders."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.services.mariadb import MariaDB

from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.vocabulary import Vocabulary, load_vocabulary

# A deadline on one example measures the machine, not the code.
settings.register_profile(
    "rxindex", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("rxindex")

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep settings of whoever runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith("RXINDEX_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis with its query engine, one for each worker."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def catalogue(redis_server: EmbeddedRedis) -> Catalogue:
    """A catalogue that no other test uses."""
    return Catalogue(redis_server.start(), f"test{next(_numbers)}")


@pytest.fixture(scope="session")
def capabilities(redis_server: EmbeddedRedis) -> Capabilities:
    """What the tests' Redis can do."""
    return probe(redis_server.start())


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """The built-in vocabulary."""
    return load_vocabulary()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB, one for each worker."""
    with MariaDB() as server:
        yield server
