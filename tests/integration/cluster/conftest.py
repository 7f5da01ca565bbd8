"""Workers of this machine, a Bedrock of its own for them, and a catalogue to load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client
from tests.aws.bedrock_endpoint import CREDENTIALS
from tests.integration.cluster.pharmacy import Pharmacy
from tests.services.held_bedrock import HeldBedrock

from rxindex.cluster.workers import local_workers
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis


@pytest.fixture(scope="session")
def credentials() -> Iterator[None]:
    """An environment in which boto3 finds credentials that open nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def two_workers(credentials: None) -> Iterator[Client]:
    """Two worker processes. Killed ones are replaced, so that tests may share them."""
    with local_workers(2) as client:
        yield client


@pytest.fixture(scope="session")
def one_bedrock(credentials: None) -> Iterator[HeldBedrock]:
    with HeldBedrock() as endpoint:
        yield endpoint


@pytest.fixture
def bedrock(one_bedrock: HeldBedrock) -> HeldBedrock:
    """An endpoint that behaves as usual, and counts from nothing."""
    one_bedrock.reset()
    return one_bedrock


@pytest.fixture
def pharmacy(
    tmp_path: Path,
    redis_server: EmbeddedRedis,
    catalogue: Catalogue,
    capabilities: Capabilities,
    bedrock: HeldBedrock,
) -> Pharmacy:
    """A catalogue of eighty drugs."""
    return Pharmacy(tmp_path, redis_server.url, catalogue, capabilities, bedrock)
