"""Questions about vectors, with exact answers."""

from __future__ import annotations

import numpy as np
import pytest

from rxindex.advise.vectors import near_queries, set_exam
from rxindex.embed.base import Vectors


def some_vectors(count: int = 300, dimensions: int = 16) -> Vectors:
    vectors = np.random.default_rng(2).standard_normal((count, dimensions), dtype=np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def test_all_of_the_nearest_is_a_recall_of_one_and_none_of_them_is_zero() -> None:
    vectors = some_vectors()
    exam = set_exam(vectors, near_queries(vectors, 70), 10, batch=16)
    order = np.argsort(-(exam.queries @ vectors.T), axis=1)
    assert exam.recall(order[:, :10]) == 1.0
    assert exam.recall(order[:, -10:]) == 0.0
    # Two that are as near as rounding tells count as equal.
    assert exam.recall(order[:, 5:15]) == pytest.approx(0.5, abs=0.01)


def test_what_was_not_found_counts_as_wrong() -> None:
    vectors = some_vectors()
    exam = set_exam(vectors, near_queries(vectors, 20), 4)
    found = np.argsort(-(exam.queries @ vectors.T), axis=1)[:, :4]
    found[:, 3] = -1
    assert exam.recall(found) == 0.75


def test_a_vector_that_is_as_near_will_do() -> None:
    vectors = np.repeat(some_vectors(30), 2, axis=0)
    exam = set_exam(vectors, vectors[::2], 1)
    assert exam.recall(np.arange(1, 60, 2)[:, None]) == 1.0


def test_queries_are_near_vectors_and_not_equal_to_them() -> None:
    vectors = some_vectors(dimensions=256)
    queries = near_queries(vectors, 1000)
    assert len(queries) == 300
    nearest = (queries @ vectors.T).max(axis=1)
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1.0, atol=1e-5)
    assert nearest.min() > 0.7
    assert nearest.max() < 0.9
    np.testing.assert_array_equal(queries, near_queries(vectors, 1000))
