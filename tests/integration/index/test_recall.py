"""Recall measured on real indexes: exact ones, approximate ones, and ones that lost something."""

from __future__ import annotations

import numpy as np
import pytest

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.recall import Recall, sampled_recall
from rxindex.index.schema import IndexSettings, text_index_arguments
from rxindex.index.store import DrugStore

DIMENSIONS = 32
USUAL = IndexSettings()


def key(store: DrugStore, number: int) -> str:
    return store.text_key(number.to_bytes(12, "big"))


def build(
    catalogue: Catalogue,
    capabilities: Capabilities,
    documents: int,
    settings: IndexSettings = USUAL,
    vectors: int = 10_000,
) -> DrugStore:
    """Make a generation of texts of which several may have one vector."""
    made = catalogue.create("fake", DIMENSIONS, settings, capabilities, documents)
    store = DrugStore(catalogue, made)
    random = np.random.default_rng(7)
    drawn = random.standard_normal((min(vectors, documents or 1), DIMENSIONS), dtype=np.float32)
    pipe = catalogue.client.pipeline(transaction=False)
    for number in range(documents):
        vector = drawn[number % len(drawn)]
        blob = store.encode_vector(vector / np.linalg.norm(vector))
        pipe.hset(key(store, number), "vector", blob)
    pipe.execute()
    return store


@pytest.mark.parametrize("vector_type", ["float16", "float32"])
def test_an_exact_index_finds_all_there_is(
    catalogue: Catalogue, capabilities: Capabilities, vector_type: str
) -> None:
    settings = IndexSettings(algorithm="flat", vector_type=vector_type)  # type: ignore[arg-type]
    store = build(catalogue, capabilities, 2000, settings)
    assert sampled_recall(store) == Recall(1.0, 50, 10, 2000)


def test_of_texts_that_have_one_vector_any_will_do(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    store = build(catalogue, capabilities, 1500, vectors=30)
    assert sampled_recall(store, k=7).recall == 1.0


@pytest.mark.parametrize("documents", [1, 3, 9])
def test_where_there_are_fewer_than_k_all_of_them_count(
    catalogue: Catalogue, capabilities: Capabilities, documents: int
) -> None:
    store = build(catalogue, capabilities, documents)
    assert sampled_recall(store) == Recall(1.0, documents, documents, documents)


def test_a_generation_without_documents_lacks_none(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    store = build(catalogue, capabilities, 0)
    assert sampled_recall(store) == Recall(1.0, 0, 0, 0)


def test_an_approximate_index_that_hardly_looks_is_told_from_one_that_does(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    careless = IndexSettings(algorithm="hnsw", graph_degree=2, build_window=2, search_window=1)
    poor = sampled_recall(build(catalogue, capabilities, 3000, careless), neighbours=10)
    better = IndexSettings(algorithm="hnsw", search_window=200)
    good = sampled_recall(build(catalogue, capabilities, 3000, better))
    assert poor.recall < 0.7
    assert good.recall > 0.95


def test_documents_that_the_index_lost_cost_recall(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    store = build(catalogue, capabilities, 1000)
    words = text_index_arguments(
        catalogue.text_index(store.generation.name), catalogue.text_prefix(store.generation.name),
        store.generation.settings, "flat", DIMENSIONS, capabilities,
    )  # fmt: skip
    at = words.index("SCHEMA")
    command(catalogue.client, "FT.DROPINDEX", catalogue.text_index(store.generation.name))
    command(catalogue.client, *words[:at], "SKIPINITIALSCAN", *words[at:])
    assert sampled_recall(store).recall == 0.0
    for number in range(0, 1000, 2):
        catalogue.client.hset(key(store, number), "name", "x")
    assert 0.3 < sampled_recall(store).recall < 0.7


def test_vectors_that_are_none_are_left_out(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    store = build(catalogue, capabilities, 100)
    catalogue.client.hset(key(store, 1), "vector", b"short")
    catalogue.client.hdel(key(store, 2), "vector")
    catalogue.client.lpush(key(store, 1000), "x")
    assert sampled_recall(store, sample=200, k=5) == Recall(1.0, 98, 5, 98)
    nothing = np.full(DIMENSIONS, np.nan, dtype="<f2").tobytes()
    catalogue.client.hset(key(store, 3), "vector", nothing)
    catalogue.client.hset(key(store, 4), "vector", bytes(2 * DIMENSIONS))
    spoilt = sampled_recall(store, sample=200, k=5)
    # What the index makes of these depends on where they lie, and may cost the others recall.
    assert (spoilt.sample, spoilt.documents) == (96, 96)
    assert 0.5 < spoilt.recall <= 1.0


def test_the_same_seed_measures_the_same(catalogue: Catalogue, capabilities: Capabilities) -> None:
    careless = IndexSettings(algorithm="hnsw", graph_degree=2, build_window=2, search_window=1)
    store = build(catalogue, capabilities, 1000, careless)
    measured = [sampled_recall(store, 20, 10, seed, neighbours=10).recall for seed in (1, 1, 2, 3)]
    assert measured[0] == measured[1]
    assert len(set(measured)) > 1
