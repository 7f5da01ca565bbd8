"""Which settings follow from given measurements."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.advise.measurement import SQ8, Measurement
from rxindex.advise.recommend import QUICK, Advice, best_windows, recommend
from rxindex.index.capability import Capabilities
from rxindex.index.schema import IndexSettings

OLD = Capabilities.of_version("8.2.3", 21005)
NEW = Capabilities.of_version("8.4.3", 80403, workers=4)
MANY = 500_000


def measured(**given: Any) -> Measurement:
    usual: dict[str, Any] = {
        "way": "redis", "algorithm": "hnsw", "vector_type": "float16", "vectors": 10_000,
        "vector_bytes": 768, "upkeep_bytes": 400, "document_bytes": 768, "recall": 0.995,
        "queries_per_second": 5_000.0,
    }  # fmt: skip
    return Measurement(**(usual | given))


FLAT = measured(algorithm="flat", upkeep_bytes=100, recall=1.0, queries_per_second=4_000.0)
FLAT_32 = measured(
    algorithm="flat", vector_type="float32", vector_bytes=1536, document_bytes=1536, recall=1.0,
    queries_per_second=4_000.0,
)  # fmt: skip
M16 = measured(graph_degree=16, search_window=100)
M32 = measured(graph_degree=32, search_window=50, upkeep_bytes=550, recall=0.999)
PACKED = measured(
    way="svs", algorithm="svs", compression=SQ8, graph_degree=32, build_window=200,
    search_window=50, vector_bytes=384, upkeep_bytes=132,
)  # fmt: skip
LEANVEC = msgspec.structs.replace(PACKED, compression="LeanVec4x8", vector_bytes=498)
CODED = measured(way="code", algorithm="flat", compression="LVQ4", vector_bytes=201)
ALL = (CODED, FLAT, FLAT_32, M16, M32, PACKED, LEANVEC)


def advised(vectors: int, able: Capabilities = OLD, recall: float = 0.99, **how: str) -> Advice:
    advice = recommend(ALL, able, vectors, recall, **how)
    assert advice is not None
    return advice


def test_an_exact_index_is_advised_while_a_search_of_it_is_quick() -> None:
    quick = int(QUICK * 4_000 / 1_000 * 10_000)
    assert advised(quick).measurement == FLAT
    assert advised(quick).milliseconds == pytest.approx(QUICK)
    assert advised(quick + 1_000).measurement == M16


def test_past_that_the_fewest_bytes_win_that_have_the_recall() -> None:
    assert advised(MANY).measurement == M16
    assert advised(MANY, recall=0.997).measurement == M32
    assert advised(MANY).megabytes == pytest.approx(MANY * (768 + 400 + 768) / 1e6)


def test_of_windows_that_find_enough_the_least_is_advised() -> None:
    wider = msgspec.structs.replace(M16, search_window=200, queries_per_second=9_000.0)
    advice = recommend([wider, M16], OLD, MANY, 0.99)
    assert advice is not None
    assert advice.settings.search_window == 100


def test_settings_can_be_pasted() -> None:
    assert advised(MANY).variables() == {
        "RXINDEX_ALGORITHM": "hnsw",
        "RXINDEX_VECTOR_TYPE": "float16",
        "RXINDEX_GRAPH_DEGREE": "16",
        "RXINDEX_SEARCH_WINDOW": "100",
    }


def test_a_server_with_svs_is_asked_for_what_becomes_8_bit_values() -> None:
    advice = advised(MANY, NEW)
    assert advice.measurement == PACKED
    assert advice.settings == IndexSettings(
        "svs", "float16", "LVQ8", graph_degree=32, build_window=200, search_window=50
    )
    assert any("GlobalSQ8" in said for said in advice.really)


def test_a_server_that_has_leanvec_is_asked_for_it() -> None:
    advice = advised(MANY, NEW, compression="LeanVec4x8")
    assert advice.settings.compression == "LeanVec4x8"
    assert not any("GlobalSQ8" in said for said in advice.really)


def test_a_compressed_index_that_stays_a_buffer_is_not_advised() -> None:
    slow = msgspec.structs.replace(FLAT, queries_per_second=10.0)
    few = recommend([slow, M16, PACKED], NEW, 10_240, 0.99)
    enough = recommend([slow, M16, PACKED], NEW, 10_241, 0.99)
    assert few is not None
    assert enough is not None
    assert few.measurement == M16
    assert any("saves nothing" in said for said in few.really)
    assert enough.measurement == PACKED


def test_what_redis_needs_beside_a_graph_is_added_to_one_measured_outside() -> None:
    slow = msgspec.structs.replace(FLAT, queries_per_second=10.0, upkeep_bytes=100)
    lean = msgspec.structs.replace(M16, upkeep_bytes=-300)  # as many bytes as PACKED less 48
    advice = recommend([slow, lean, PACKED], NEW, MANY, 0.99)
    assert advice is not None
    assert PACKED.bytes_per_vector > lean.bytes_per_vector
    lean = msgspec.structs.replace(M16, upkeep_bytes=-200)
    advice = recommend([slow, lean, PACKED], NEW, MANY, 0.99)
    assert advice is not None
    assert PACKED.bytes_per_vector < lean.bytes_per_vector < PACKED.bytes_per_vector + 100
    assert advice.measurement == lean


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (Capabilities.of_version("8.2.1", 80201), ("refuses", "write path")),
        (Capabilities.of_version("8.4.0", 80400, workers=1), ("refuses",)),
        (Capabilities.of_version("8.2.5", 80205), ("write path",)),
        (NEW, ()),
    ],
)
def test_what_versions_are_known_for_is_said(version: Capabilities, says: tuple[str, ...]) -> None:
    said = " ".join(advised(MANY, version).really)
    for word in ("refuses", "write path"):
        assert (word in said) == (word in says)


def test_a_server_without_svs_is_told_apart() -> None:
    assert any("no SVS-VAMANA" in said for said in advised(MANY).really)


def test_that_the_full_vector_stays_in_the_hash_is_always_said() -> None:
    for able in (OLD, NEW):
        assert any("stays in its hash" in said for said in advised(MANY, able).really)
    assert any("saves 16%" in said for said in advised(MANY).really)


def test_a_window_below_what_searches_ask_for_is_explained() -> None:
    small = msgspec.structs.replace(M16, search_window=10)
    advice = recommend([small], OLD, MANY, 0.99)
    assert advice is not None
    assert any("asks for 50 neighbours" in said for said in advice.why)


def test_an_exact_search_that_is_slow_is_advised_only_where_nothing_else_finds_enough() -> None:
    slow = msgspec.structs.replace(FLAT, queries_per_second=10.0)
    advice = recommend([slow, M16], OLD, MANY, 0.999)
    assert advice is not None
    assert advice.met
    assert advice.measurement == slow
    assert "only an exact search" in advice.why[0]


def test_where_nothing_finds_enough_the_best_is_named_as_such() -> None:
    advice = recommend([M16, PACKED], OLD, MANY, 0.999)
    assert advice is not None
    assert not advice.met
    assert advice.measurement == M16


def test_without_a_measurement_of_what_the_server_has_there_is_no_advice() -> None:
    assert recommend([CODED, PACKED], OLD, MANY, 0.99) is None
    assert recommend([], NEW, MANY, 0.99) is None
    no_float16 = Capabilities.of_version("7.0.0", 20600)
    assert recommend([M16], no_float16, MANY, 0.99) is None


def test_one_row_of_each_index_is_shown() -> None:
    rows = [msgspec.structs.replace(M16, search_window=w, recall=r)
            for w, r in ((10, 0.8), (50, 0.99), (100, 0.995))]  # fmt: skip
    assert best_windows([*rows, FLAT], 0.99) == [rows[1], FLAT]
    assert best_windows(rows, 0.999) == [rows[2]]


figures = st.builds(
    measured,
    way=st.sampled_from(["redis", "code", "svs"]),
    algorithm=st.sampled_from(["flat", "hnsw", "svs"]),
    vector_type=st.sampled_from(["float16", "float32"]),
    vector_bytes=st.integers(1, 4096),
    upkeep_bytes=st.integers(0, 1000),
    recall=st.floats(0, 1),
    queries_per_second=st.none() | st.floats(1, 1e5),
)


@given(st.lists(figures, max_size=12), st.integers(100, 10**7), st.floats(0, 1))
def test_advice_is_possible_and_no_other_index_of_redis_finds_enough_in_fewer_bytes(
    rows: list[Measurement], vectors: int, recall: float
) -> None:
    advice = recommend(rows, OLD, vectors, recall)
    able = [one for one in rows if one.way == "redis"]
    if advice is None:
        assert not able
        return
    assert advice.measurement in able
    enough = [one for one in able if one.recall >= recall]
    assert advice.met == bool(enough)
    if not advice.met:
        assert advice.measurement.recall == max(one.recall for one in able)
    elif advice.measurement.algorithm != "flat":
        least = min(round(one.bytes_per_vector) for one in enough if one.algorithm != "flat")
        assert round(advice.measurement.bytes_per_vector) == least
