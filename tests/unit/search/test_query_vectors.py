"""Vectors of queries: each text is embedded once, and what failed is tried again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rxindex.embed.base import Embedded
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import EmbedderUnavailable
from rxindex.search.query_vectors import QueryVectors


class Failing(FakeEmbedder):
    """Is not to be had the first time."""

    def __init__(self) -> None:
        super().__init__(8)
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Embedded:
        self.asked += texts
        if len(self.asked) == 1:
            raise EmbedderUnavailable("a moment, please")
        return super().embed(texts)


def test_a_text_is_embedded_once() -> None:
    embedder = Failing()
    vectors = QueryVectors(embedder)
    with pytest.raises(EmbedderUnavailable):
        vectors.of("water pill")
    first = vectors.of("water pill")
    assert np.array_equal(vectors.of("water pill"), first)
    assert np.array_equal(first, FakeEmbedder(8).embed(["water pill"]).vectors[0])
    assert embedder.asked == ["water pill"] * 2


def test_what_cannot_be_embedded_is_an_error_each_time() -> None:
    vectors = QueryVectors(FakeEmbedder(8))
    for _ in range(2):
        with pytest.raises(Exception, match="blank"):
            vectors.of("  ")
