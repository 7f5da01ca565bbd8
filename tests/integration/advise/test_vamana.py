"""SVS' graph, measured with Intel's own library."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest

from rxindex.advise.coding import CODINGS, measure_codings
from rxindex.advise.measurement import SQ8
from rxindex.advise.vamana import DEGREE, measure_graphs
from rxindex.advise.vectors import Exam, near_queries, set_exam


@pytest.fixture(scope="module")
def exam() -> Exam:
    random = np.random.default_rng(4)
    vectors = random.standard_normal((2000, 64), dtype=np.float32)
    vectors[:, 32:] *= 0.1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return set_exam(vectors, near_queries(vectors, 60), 10)


@pytest.mark.lasts(15)
def test_what_the_library_measures_agrees_with_the_codings(exam: Exam) -> None:
    told: list[str] = []
    graphs = measure_graphs(exam, "float16", told.append)
    coded = measure_codings(exam, "float16", told.append)
    ceiling = {one.compression: one for one in coded if one.vector_type == "float16"}
    best = {one.compression: one for one in graphs.measurements if one.search_window == 200}
    # Only Intel's own processors do LVQ and LeanVec; elsewhere there is a sentence instead.
    assert set(best) == ({"", SQ8} if graphs.notes else {"", *CODINGS})
    for compression, one in best.items():
        assert one.recall == pytest.approx(ceiling[compression].recall, abs=0.03)
        assert one.vector_bytes == pytest.approx(ceiling[compression].vector_bytes, rel=0.2, abs=9)
        assert 4 * DEGREE <= one.upkeep_bytes < 4 * DEGREE + 16
        assert one.document_bytes == 128
        assert one.queries_per_second
        assert one.build_seconds
    for note in graphs.notes:
        assert "LVQ and LeanVec" in note


def test_without_the_library_it_is_said_how_to_install_it(
    exam: Exam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    graphs = measure_graphs(exam, "float16", lambda doing: None)
    assert graphs.measurements == ()
    assert "pip install 'rxindex[advise]'" in graphs.notes[0]
