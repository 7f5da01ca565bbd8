"""What the rooms have in common: nothing of this machine, and data that none changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from tests.services.demo_data import Written, write_twice
from tests.services.mariadb import MariaDB


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of an authority that has vouched for nobody."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(autouse=True)
def no_authorities_of_this_machine(monkeypatch: pytest.MonkeyPatch, one_authority: Path) -> None:
    """Let the tests' servers be vouched for by the tests' own authorities alone.

    A machine has hundreds, and whatever may speak TLS reads them all for each connection.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(one_authority))


@pytest.fixture(scope="session")
def written(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The demo data in two databases. Its tests are in one group, so that it is written once."""
    return write_twice(mariadb, tmp_path_factory.mktemp("demo"))
