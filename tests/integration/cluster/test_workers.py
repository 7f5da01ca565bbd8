"""Which clusters are taken, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.services.dask_cluster import DaskCluster
from tests.services.redis import free_port

from rxindex.cluster.workers import workers_of
from rxindex.errors import ConfigurationError, WorkersUnavailable

pytestmark = [pytest.mark.xdist_group("workers")]


def test_what_is_no_address_is_told_with_an_example() -> None:
    with (
        pytest.raises(
            ConfigurationError, match=r"^'ftp://host:1' is not .*: write tcp://host:8786$"
        ),
        workers_of("ftp://host:1"),
    ):
        pass


def test_where_nothing_answers_is_told() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        pytest.raises(WorkersUnavailable, match=f"no Dask scheduler answers at {address}"),
        workers_of(address, timeout=0.5),
    ):
        pass


def test_a_cluster_without_workers_and_one_of_another_version_are_told_apart(
    tmp_path: Path,
) -> None:
    # What Python takes for the version of a package that is installed.
    other = tmp_path / "rxindex-0.0.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: rxindex\nVersion: 0.0.9\n")
    with DaskCluster(tmp_path) as cluster:
        with (
            pytest.raises(WorkersUnavailable, match="has no worker: start some with 'dask worker"),
            workers_of(cluster.url),
        ):
            pass
        cluster.start_worker({"PYTHONPATH": str(tmp_path)})
        cluster.wait_for_worker()
        with (
            pytest.raises(ConfigurationError, match=r"has rxindex 0\.0\.9, this is rxindex \d"),
            workers_of(cluster.url),
        ):
            pass
