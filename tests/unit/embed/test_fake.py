from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import EmbedAccessDenied, EmbedRejected, RxindexError


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=())), max_size=20))
def test_any_text_has_a_unit_vector_or_is_blank(texts: list[str]) -> None:
    result = FakeEmbedder(dimensions=8).embed(texts)
    for position, text in enumerate(texts):
        if text.strip():
            assert np.linalg.norm(result.vectors[position]) == pytest.approx(1, abs=1e-5)
        else:
            assert isinstance(result.failures[position], EmbedRejected)


def test_vectors_are_the_same_on_every_machine() -> None:
    vector = FakeEmbedder(dimensions=8).embed(["warfarin 5 mg"]).vectors[0]
    again = FakeEmbedder(dimensions=8).embed(["5 MG; Warfarin"]).vectors[0]
    assert np.array_equal(vector, again)
    assert np.rint(vector * 6).tolist() == [0, 2, -1, -1, 1, 0, 2, 5]


def test_words_that_begin_alike_are_a_little_nearer() -> None:
    one, near, far = FakeEmbedder().embed(["statin", "statins", "antibiotic"]).vectors
    assert one @ near > one @ far + 0.2


def test_more_shared_words_mean_nearer() -> None:
    base, two, one, none = (
        FakeEmbedder()
        .embed(["alpha beta gamma", "alpha beta delta", "alpha rho delta", "sigma rho delta"])
        .vectors
    )
    assert base @ two > base @ one > base @ none


def test_a_text_fails_where_it_is_told_to() -> None:
    def refuse(text: str) -> RxindexError | None:
        return EmbedRejected("no opioids here") if "oxycodone" in text else None

    result = FakeEmbedder(fail_on=refuse).embed(["aspirin", "oxycodone", "ibuprofen"])
    assert {place: str(error) for place, error in result.failures.items()} == {1: "no opioids here"}
    assert result.vectors.any(axis=1).tolist() == [True, False, True]


def test_an_error_that_is_raised_leaves_the_call() -> None:
    def deny(text: str) -> RxindexError | None:
        raise EmbedAccessDenied("the role may not")

    with pytest.raises(EmbedAccessDenied):
        FakeEmbedder(fail_on=deny).embed(["aspirin"])


def test_a_delay_is_taken_for_each_text() -> None:
    started = time.monotonic()
    FakeEmbedder(delay=0.01).embed(["aspirin"] * 10)
    assert time.monotonic() - started >= 0.1
