"""Codings of vectors: how many bytes they take, and how much they lose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.advise.coding import CODINGS, encode, measure_codings
from rxindex.advise.measurement import SQ8
from rxindex.advise.vectors import near_queries, set_exam
from rxindex.embed.base import Vectors


def some_vectors(count: int = 400, dimensions: int = 32, seed: int = 1) -> Vectors:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, dimensions), dtype=np.float32)
    vectors[:, dimensions // 2 :] *= 0.1  # fewer directions than dimensions, as in real ones
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def lost(compression: str, vectors: Vectors) -> float:
    """How far what is ranked with is from the vectors, at most."""
    coding = encode(compression, vectors)
    decoded = coding.first if coding.second is None else coding.second
    return float(np.abs(decoded - vectors).max())


@given(st.integers(0, 1000), st.integers(4, 24).map(lambda half: 2 * half))
def test_no_value_is_off_by_more_than_half_a_step(seed: int, dimensions: int) -> None:
    vectors = some_vectors(50, dimensions, seed)
    width = float(vectors.max() - vectors.min())
    assert lost(SQ8, vectors) <= width / 255 / 2 * 1.01
    centred = vectors - vectors.mean(axis=0)
    own = float((centred.max(axis=1) - centred.min(axis=1)).max())
    for compression, steps in (
        ("LVQ4", 15), ("LVQ8", 255), ("LVQ4x4", 15 * 15), ("LVQ4x8", 15 * 255), ("LeanVec4x8", 255),
    ):  # fmt: skip
        assert lost(compression, vectors) <= own / steps / 2 * 1.01 + 1e-6


def test_bytes_are_those_of_the_codes_and_their_constants() -> None:
    vectors = some_vectors(100, 64)
    size = {name: encode(name, vectors).bytes for name in CODINGS}
    assert size == {
        "SQ8": 64,
        "LVQ4": 32 + 9,
        "LVQ8": 64 + 9,
        "LVQ4x4": 64 + 9,
        "LVQ4x8": 96 + 9,
        "LeanVec4x8": 16 + 64 + 18,
        "LeanVec8x8": 32 + 64 + 18,
    }
    assert encode("", vectors, "float16").bytes == 128
    assert encode("", vectors).bytes == 256


@pytest.mark.parametrize("compression", ["", *CODINGS])
def test_a_search_gives_different_rows_and_the_vector_itself_first(compression: str) -> None:
    vectors = some_vectors()
    rows = encode(compression, vectors).nearest(vectors[:50], 5, 20)
    assert rows.shape == (50, 5)
    assert all(len(set(row)) == 5 for row in rows.tolist())
    assert all(number in row for number, row in enumerate(rows.tolist()))


def test_a_window_that_is_wider_than_the_vectors_sees_all_of_them() -> None:
    vectors = some_vectors(30)
    rows = encode("LVQ4x8", vectors).nearest(vectors[:3], 30, 50)
    assert [sorted(row) for row in rows.tolist()] == [list(range(30))] * 3


def test_vectors_that_are_all_alike_can_be_coded() -> None:
    vectors = np.full((20, 16), 0.25, dtype=np.float32)
    for compression in CODINGS:
        assert lost(compression, vectors) < 0.01


def test_finer_codings_find_more() -> None:
    vectors = some_vectors(2000)
    told: list[str] = []
    exam = set_exam(vectors, near_queries(vectors, 100), 10)
    measured = measure_codings(exam, "float16", told.append)
    recall = {one.compression or one.vector_type: one.recall for one in measured}
    assert recall["float32"] == 1.0
    assert recall["LVQ4"] < recall["LVQ4x4"] < recall["LVQ4x8"]
    assert recall["LVQ4"] < recall["LVQ8"]
    assert recall["LVQ4x8"] > 0.98
    assert len(told) == len(measured) == 2 + len(CODINGS)
    assert {one.document_bytes for one in measured if one.vector_type == "float16"} == {64}
