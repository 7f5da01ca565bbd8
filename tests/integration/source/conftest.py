"""Empty databases for the source tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.services.mariadb import MariaDB

_numbers = itertools.count(1)


@pytest.fixture
def new_database(mariadb: MariaDB) -> Callable[[], str]:
    """Make an empty database and give its URL."""
    return lambda: mariadb.create_database(f"test{next(_numbers)}")


@pytest.fixture(params=["mariadb", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A MariaDB, and then a SQLite database, that does not exist yet or is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'drugs.db'}"
    new_database: Callable[[], str] = request.getfixturevalue("new_database")
    return new_database()


@pytest.fixture(scope="session")
def logging_mariadb() -> Iterator[MariaDB]:
    """A MariaDB with a binlog, one for each worker. It says what its default says: no names."""
    with MariaDB(binlog=True, options=["--binlog-row-metadata=NO_LOG"]) as server:
        yield server


@pytest.fixture
def logged_url(logging_mariadb: MariaDB) -> str:
    """An empty database whose changes are in a binlog."""
    url = logging_mariadb.create_database(f"logged{next(_numbers)}")
    # The server has no certificate; to look for authorities costs more than to connect.
    return f"{url}?tls=off"
