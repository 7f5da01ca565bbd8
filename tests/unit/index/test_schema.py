"""The exact words of FT.CREATE, and what ``auto`` chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import Connection

from rxindex.errors import ConfigurationError, VectorSizeError
from rxindex.index.capability import Capabilities
from rxindex.index.schema import (
    FLAT_LIMIT,
    SVS_BUFFER,
    IndexSettings,
    choose_algorithm,
    drug_index_arguments,
    read_in_effect,
    text_index_arguments,
    vector_bytes,
)

STACK = Capabilities.of_version("7.4.0", 21005)
OLD = Capabilities.of_version("7.2.0", 20811)
REDIS_8_2 = Capabilities.of_version("8.2.3", 80200)
REDIS_8_4 = Capabilities.of_version("8.4.3", 80403)


def wire(words: tuple[str, ...]) -> bytes:
    packed = Connection().pack_command(*words)  # type: ignore[no-untyped-call]
    return b"".join(packed)


def test_svs_with_leanvec_is_created_with_exactly_these_bytes() -> None:
    settings = IndexSettings(
        algorithm="svs",
        compression="LeanVec4x8",
        reduce=512,
        graph_degree=64,
        build_window=300,
        search_window=40,
        training_threshold=10_240,
    )
    words = text_index_arguments(
        "rx:fdb:g1:texts", "rx:fdb:g1:text:", settings, "svs", 1024, REDIS_8_2
    )
    start = words.index("vector")
    expected = (
        "vector VECTOR SVS-VAMANA 18 TYPE FLOAT16 DIM 1024 DISTANCE_METRIC COSINE "
        "GRAPH_MAX_DEGREE 64 CONSTRUCTION_WINDOW_SIZE 300 SEARCH_WINDOW_SIZE 40 "
        "COMPRESSION LeanVec4x8 REDUCE 512 TRAINING_THRESHOLD 10240"
    )
    assert words[start:] == tuple(expected.split())
    assert wire(words[start:]) == (
        b"*22\r\n$6\r\nvector\r\n$6\r\nVECTOR\r\n$10\r\nSVS-VAMANA\r\n$2\r\n18\r\n"
        b"$4\r\nTYPE\r\n$7\r\nFLOAT16\r\n$3\r\nDIM\r\n$4\r\n1024\r\n"
        b"$15\r\nDISTANCE_METRIC\r\n$6\r\nCOSINE\r\n$16\r\nGRAPH_MAX_DEGREE\r\n$2\r\n64\r\n"
        b"$24\r\nCONSTRUCTION_WINDOW_SIZE\r\n$3\r\n300\r\n$18\r\nSEARCH_WINDOW_SIZE\r\n$2\r\n40\r\n"
        b"$11\r\nCOMPRESSION\r\n$10\r\nLeanVec4x8\r\n$6\r\nREDUCE\r\n$3\r\n512\r\n"
        b"$18\r\nTRAINING_THRESHOLD\r\n$5\r\n10240\r\n"
    )


def test_svs_leaves_out_what_the_server_refuses_without_compression() -> None:
    settings = IndexSettings(algorithm="svs", reduce=512, training_threshold=10_240)
    words = text_index_arguments("i", "p:", settings, "svs", 1024, REDIS_8_2)
    assert words[words.index("vector") :] == tuple(
        "vector VECTOR SVS-VAMANA 6 TYPE FLOAT16 DIM 1024 DISTANCE_METRIC COSINE".split()
    )
    lvq = IndexSettings(algorithm="svs", compression="LVQ8", reduce=512, training_threshold=2048)
    words = text_index_arguments("i", "p:", lvq, "svs", 1024, REDIS_8_2)
    assert "REDUCE" not in words
    assert words[-2:] == ("TRAINING_THRESHOLD", "2048")


def test_hnsw_and_flat_have_their_own_options() -> None:
    settings = IndexSettings(
        vector_type="float32", graph_degree=32, build_window=300, search_window=50
    )
    hnsw = text_index_arguments("i", "p:", settings, "hnsw", 384, STACK)
    assert hnsw[hnsw.index("vector") :] == tuple(
        "vector VECTOR HNSW 12 TYPE FLOAT32 DIM 384 DISTANCE_METRIC COSINE "
        "M 32 EF_CONSTRUCTION 300 EF_RUNTIME 50".split()
    )
    flat = text_index_arguments("i", "p:", settings, "flat", 384, STACK)
    assert flat[flat.index("vector") :] == tuple(
        "vector VECTOR FLAT 6 TYPE FLOAT32 DIM 384 DISTANCE_METRIC COSINE".split()
    )
    assert flat[:8] == ("FT.CREATE", "i", "ON", "HASH", "PREFIX", "1", "p:", "SCHEMA")


def test_drugs_are_indexed_without_vectors_and_with_every_word() -> None:
    words = drug_index_arguments("i", "p:")
    assert words[:9] == ("FT.CREATE", "i", "ON", "HASH", "PREFIX", "1", "p:", "STOPWORDS", "0")
    assert "VECTOR" not in words
    assert words[words.index("text_fp") :][:4] == ("text_fp", "TAG", "SEPARATOR", ";")


def test_a_vector_type_that_the_server_lacks_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"2\.8\.11 has no float16 vectors.*float32"):
        text_index_arguments("i", "p:", IndexSettings(), "flat", 384, OLD)


@pytest.mark.parametrize(
    ("settings", "capabilities", "texts", "chosen"),
    [
        (IndexSettings(), STACK, 20_000, "flat"),
        (IndexSettings(), STACK, FLAT_LIMIT // 384, "flat"),
        (IndexSettings(), STACK, FLAT_LIMIT // 384 + 1, "hnsw"),
        (IndexSettings(), REDIS_8_2, 200_000, "hnsw"),
        (IndexSettings(), REDIS_8_4, 200_000, "hnsw"),
        (IndexSettings(compression="LeanVec4x8"), REDIS_8_2, 200_000, "svs"),
        (IndexSettings(compression="LeanVec4x8"), REDIS_8_4, 200_000, "svs"),
        (IndexSettings(compression="LeanVec4x8"), STACK, 200_000, "hnsw"),
        (IndexSettings(compression="LeanVec4x8"), OLD, 200_000, "hnsw"),
        (IndexSettings(compression="LeanVec4x8"), REDIS_8_2, SVS_BUFFER, "flat"),
        (IndexSettings(algorithm="svs"), REDIS_8_2, 10, "svs"),
        (IndexSettings(algorithm="svs"), STACK, 10, "hnsw"),
        (IndexSettings(algorithm="hnsw"), STACK, 10, "hnsw"),
        (IndexSettings(algorithm="flat"), REDIS_8_4, 10_000_000, "flat"),
    ],
)
def test_auto_chooses_by_size_and_by_what_the_server_has(
    settings: IndexSettings, capabilities: Capabilities, texts: int, chosen: str
) -> None:
    assert choose_algorithm(settings, capabilities, texts, 384) == chosen


def test_svs_compression_needs_more_vectors_than_its_buffer() -> None:
    # At 4096 dimensions FLAT_LIMIT is passed long before SVS would leave its flat buffer.
    settings = IndexSettings(compression="LVQ8")
    assert choose_algorithm(settings, REDIS_8_2, SVS_BUFFER, 4096) == "hnsw"
    assert choose_algorithm(settings, REDIS_8_2, SVS_BUFFER + 1, 4096) == "svs"


@pytest.mark.parametrize(
    ("capabilities", "types", "svs", "hybrid", "alias_list"),
    [
        (OLD, ("float32",), False, False, False),
        (STACK, ("float16", "float32"), False, False, False),
        (REDIS_8_2, ("float16", "float32"), True, False, False),
        (Capabilities.of_version("8.4.0", 80400), ("float16", "float32"), True, False, False),
        (REDIS_8_4, ("float16", "float32"), True, True, False),
        (Capabilities.of_version("8.10.0", 81000), ("float16", "float32"), True, True, True),
    ],
)
def test_capabilities_follow_the_version(
    capabilities: Capabilities, types: tuple[str, ...], svs: bool, hybrid: bool, alias_list: bool
) -> None:
    assert capabilities.vector_types == types
    assert (capabilities.svs, capabilities.hybrid, capabilities.alias_list) == (
        svs,
        hybrid,
        alias_list,
    )


def test_the_compression_in_effect_is_read_from_the_server() -> None:
    attribute: list[bytes | int] = [b"identifier", b"vector", b"attribute", b"vector", b"type",
                 b"VECTOR", b"algorithm", b"SVS-VAMANA", b"data_type", b"FLOAT16", b"dim", 1024,
                 b"distance_metric", b"COSINE", b"compression", b"GlobalSQ8"]  # fmt: skip
    name = [b"identifier", b"name", b"attribute", b"name", b"type", b"TEXT", b"WEIGHT", b"1",
            b"NOSTEM"]  # fmt: skip
    effect = read_in_effect({"attributes": [name, attribute]})
    assert (effect.algorithm, effect.vector_type, effect.dimensions, effect.compression) == (
        "svs",
        "float16",
        1024,
        "GlobalSQ8",
    )


@given(st.integers(1, 64), st.integers(1, 64), st.sampled_from(["float16", "float32"]))
def test_only_vectors_of_the_right_size_are_written(size: int, wanted: int, kind: str) -> None:
    vector = np.ones(size, dtype=np.float32)
    if size == wanted:
        assert len(vector_bytes(vector, kind, wanted)) == size * (2 if kind == "float16" else 4)
    else:
        with pytest.raises(VectorSizeError):
            vector_bytes(vector, kind, wanted)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_vector_with_values_that_are_no_numbers_is_refused(bad: float) -> None:
    with pytest.raises(VectorSizeError, match="not numbers"):
        vector_bytes(np.array([1.0, bad], dtype=np.float32), "float16", 2)
