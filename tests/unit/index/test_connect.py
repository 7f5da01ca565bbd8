"""How commands are written; connections themselves need a server."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from redis.connection import HiredisRespSerializer

from rxindex.index.connect import _Packer

NAMES: Any = st.sampled_from(["HSET", "SCRIPT LOAD", "CLIENT LIST", "FT.SEARCH", b"GET"])
WORDS: Any = st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.binary(),
                           st.integers(), st.floats(allow_nan=False)))  # fmt: skip


@given(NAMES, WORDS)
def test_commands_are_written_as_redis_py_writes_them(
    name: str | bytes, words: list[str | bytes | float]
) -> None:
    theirs: Any = HiredisRespSerializer()
    assert _Packer().pack(name, *words) == theirs.pack(name, *words)
