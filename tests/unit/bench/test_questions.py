"""Questions that are asked of a search to measure it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.bench.questions import never_twice, read_requests
from rxindex.errors import ConfigurationError
from rxindex.search.request import SearchRequest

texts = st.lists(st.text("abc12 ", min_size=1, max_size=4), min_size=1, max_size=20)


def plain(request: SearchRequest) -> str:
    return request.q.lower().strip()


@given(texts, st.integers(1, 60), st.integers())
def test_none_is_written_like_another_and_each_means_the_same(
    asked: list[str], count: int, seed: int
) -> None:
    requests = [SearchRequest(text) for text in asked]
    given_ = list(never_twice(requests, random.Random(seed), count))
    assert len(set(given_)) == len(given_) == count
    whole = [plain(one) for one in requests]
    assert [plain(one) for one in given_] == [whole[n % len(whole)] for n in range(count)]


def test_without_a_number_each_is_given_once() -> None:
    requests = [SearchRequest("a", limit=5), SearchRequest("a", limit=5), SearchRequest("b")]
    found = list(never_twice(requests, random.Random(1)))
    assert len(found) == 3
    assert [one.limit for one in found] == [5, 5, 10]


def test_a_file_has_a_query_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "queries.txt"
    path.write_text("lipitor 20\n\n  statins \n")
    assert [one.q for one in read_requests(path)] == ["lipitor 20", "statins"]


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xff\xfe\xff"])
def test_a_file_without_queries_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "queries.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"queries\.txt"):
        read_requests(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_requests(tmp_path / "nothing")
