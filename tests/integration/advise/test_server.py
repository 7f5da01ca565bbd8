"""Indexes measured in a real Redis, and what is left there afterwards: nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rxindex.advise.server import HNSW_DEGREES, PREFIX, WINDOWS, measure_server, svs_in_effect
from rxindex.advise.vectors import Exam, near_queries, set_exam
from rxindex.errors import TerminalError
from rxindex.index.capability import Capabilities
from rxindex.index.connect import command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.schema import ELEMENT


@pytest.fixture(scope="module")
def exam() -> Exam:
    vectors = np.random.default_rng(3).standard_normal((3000, 32), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return set_exam(vectors, near_queries(vectors, 60), 10)


def left(server: EmbeddedRedis) -> list[bytes]:
    client = server.start()
    indexes = [one for one in command(client, "FT._LIST") if one.startswith(PREFIX.encode())]
    return indexes + list(client.scan_iter(match=f"{PREFIX}*", count=5000))


@pytest.mark.parametrize("alone", [True, False])
def test_every_index_is_measured_and_nothing_is_left(
    redis_server: EmbeddedRedis, capabilities: Capabilities, exam: Exam, alone: bool
) -> None:
    told: list[str] = []
    measured = measure_server(redis_server.start(), capabilities, exam, told.append, alone=alone)
    flat = {one.vector_type: one for one in measured if one.algorithm == "flat"}
    assert set(flat) == {"float16", "float32"}
    for kind, one in flat.items():
        assert one.recall > 0.99
        assert one.vector_bytes == one.document_bytes == 32 * ELEMENT[kind]
        assert 0 < one.upkeep_bytes < 300
    graphs = [one for one in measured if one.algorithm == "hnsw"]
    built = [(degree, window) for degree in HNSW_DEGREES for window in WINDOWS]
    assert [(one.graph_degree, one.search_window) for one in graphs] == built
    assert {one.vector_type for one in graphs} == {"float16"}
    assert graphs[0].recall < graphs[len(WINDOWS) - 1].recall
    assert graphs[-1].recall > 0.99
    assert graphs[0].upkeep_bytes < graphs[-1].upkeep_bytes
    assert graphs[-1].upkeep_bytes > flat["float16"].upkeep_bytes
    assert all(one.queries_per_second and one.build_seconds for one in measured)
    assert len(told) == 2 + len(HNSW_DEGREES)
    assert left(redis_server) == []


def test_a_failure_in_mid_course_leaves_nothing(
    redis_server: EmbeddedRedis, capabilities: Capabilities, exam: Exam
) -> None:
    misfit = msgspec.structs.replace(exam, queries=exam.queries[:, :16])
    with pytest.raises(TerminalError, match="searching a scratch index"):
        measure_server(redis_server.start(), capabilities, misfit, lambda doing: None, alone=True)
    assert left(redis_server) == []


def test_a_server_without_svs_makes_nothing_of_a_compression(
    redis_server: EmbeddedRedis, capabilities: Capabilities
) -> None:
    assert svs_in_effect(redis_server.start(), capabilities, 32) is None
    claimed = msgspec.structs.replace(capabilities, svs=True)
    assert svs_in_effect(redis_server.start(), claimed, 32) is None
    assert left(redis_server) == []
