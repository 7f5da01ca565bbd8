"""Empty databases for the source tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
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
