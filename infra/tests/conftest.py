"""The stacks, synthesised once for all tests; and a Redis instance's files in a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instance import Instance
from tests.synthesis import VARIANTS, Synthesised, synthesise


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with the names that the stacks look for."""
    path = tmp_path_factory.mktemp("package") / "functions.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("rxindex/aws/sync_handler.py", "rxindex/aws/search_handler.py", "rds-ca.pem"):
            archive.writestr(name, "")
    return path


@pytest.fixture(scope="session")
def everything(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesised]:
    """Every variant, by name."""
    return {name: synthesise(name, package, tmp_path_factory.mktemp(name)) for name in VARIANTS}


@pytest.fixture(scope="session")
def dev(everything: dict[str, Synthesised]) -> Synthesised:
    """Stage dev, everything made."""
    return everything["dev"]


@pytest.fixture(scope="session")
def prod(everything: dict[str, Synthesised]) -> Synthesised:
    """Stage prod, everything made."""
    return everything["prod"]


@pytest.fixture(scope="session")
def existing(everything: dict[str, Synthesised]) -> Synthesised:
    """Stage prod in an existing VPC, with an existing cluster."""
    return everything["existing"]


@pytest.fixture(scope="session")
def other(everything: dict[str, Synthesised]) -> Synthesised:
    """Stage dev, with the other choice wherever there is one: IAM, x86, JWT, an own image."""
    return everything["other"]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """A Redis instance: its folders, and commands of AWS that answer."""
    with Instance(tmp_path) as made:
        yield made
