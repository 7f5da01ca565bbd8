"""An AWS of the worker's own, empty for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.services.aws import MotoServer
from tests.services.held_bedrock import HeldBedrock
from tests.services.lambda_folder import build_zip
from tests.services.local_aws import SEARCH, SHORT, SYNC, LocalAWS

#: Packages of the demo catalogue that the local AWS has.
PACKAGES = 800
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """The server, one for each worker."""
    with MotoServer(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def aws(moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """The server, empty, with the environment that leads there."""
    moto.reset()
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return moto


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set variables of a function, named without ``RXINDEX_``: ``environment(redis="...")``."""

    def variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"RXINDEX_{name.upper()}", value)

    return variables


@pytest.fixture(scope="session")
def _local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAWS]:
    """Everything that a deployment has, with both functions deployed; made once."""
    folder = tmp_path_factory.mktemp("local")
    with LocalAWS(folder, build_zip(), PACKAGES, HeldBedrock()) as local:
        local.deploy(
            SYNC, seconds=60, concurrency=3, retry_after=(0.3, 0.5),
            variables={"RXINDEX_STOP_MARGIN": "5", "RXINDEX_WAIT": "1"},
        )  # fmt: skip
        # Less than two seconds, and then it has to stop.
        local.deploy(
            SHORT, seconds=6, retry_after=(0.5,),
            variables={
                "RXINDEX_STOP_MARGIN": "4.2", "RXINDEX_WAIT": "1", "RXINDEX_REDIS_PATIENCE": "0",
                "RXINDEX_TITAN_CONCURRENCY": "4", "RXINDEX_BATCH_SIZE": "50",
            },
        )  # fmt: skip
        local.deploy(SEARCH, seconds=30, concurrency=2)
        yield local
        told = local.everything_told()
        assert told and not [one for one in local.secrets if one in told]


@pytest.fixture
def local(_local_aws: LocalAWS) -> Iterator[LocalAWS]:
    """The local AWS, with a Bedrock that behaves."""
    _local_aws.bedrock.reset()
    yield _local_aws
    _local_aws.bedrock.reset()
    for name in _local_aws.service.names():
        _local_aws.service.wait_idle(name, 60)


@pytest.fixture
def name() -> str:
    """A catalogue that no other test uses."""
    return f"test{next(_numbers)}"
