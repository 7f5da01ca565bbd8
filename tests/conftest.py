"""Real servers for the tests, each worker's own, in temporary folders."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.services.commands import CommandServer
from tests.services.mariadb import MariaDB

from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.vocabulary import Vocabulary, load_vocabulary

# A deadline on one example measures the machine, not the code.
settings.register_profile(
    "rxindex", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("rxindex")

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Let workers take the tests in the order in which they stand, and hear Ctrl-C."""
    # A shell lets what it runs in the background ignore it, and so would all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers",
        "lasts(seconds): about how long a test takes, or its group; the longest begin first",
    )
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, or else one worker does it when the others have ended."""
    items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> float:
    mark = item.get_closest_marker("lasts")
    return float(mark.args[0]) if mark else 0.0


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
def catalogue(redis_server: EmbeddedRedis) -> Iterator[Catalogue]:
    """A catalogue that no other test uses; it goes with the test, and any named after it.

    A new index reads through all keys of its server: those that stay would slow down all tests
    that come later.
    """
    made = Catalogue(redis_server.start(), f"test{next(_numbers)}")
    yield made
    client = redis_server.start()
    for index in command(client, "FT._LIST"):
        if index.decode().startswith(made.alias):
            command(client, "FT.DROPINDEX", index)
    for key in client.scan_iter(match=f"{made.alias}*", count=5000):
        client.unlink(key)


@pytest.fixture(scope="session")
def capabilities(redis_server: EmbeddedRedis) -> Capabilities:
    """What the tests' Redis can do."""
    return probe(redis_server.start())


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """The built-in vocabulary."""
    return load_vocabulary()


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    """What runs the command line in processes of its own, one for each worker."""
    with CommandServer(tmp_path_factory.mktemp("commands")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB, one for each worker."""
    with MariaDB() as server:
        yield server
