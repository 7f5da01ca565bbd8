"""What every embedder must do; Titan over HTTP against the tests' own endpoint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint

from rxindex.embed import EMBEDDERS, Embedder, create_embedder
from rxindex.errors import EmbedRejected

TEXTS = [
    "atorvastatin calcium oral tablet; HMG-CoA reductase inhibitor; high cholesterol",
    "amoxicillin oral capsule; penicillin antibacterial; infection",
    "insulin glargine injection; long acting insulin; diabetes",
    "warfarin",
    "lisinopril and hydrochlorothiazide oral tablet; ACE inhibitor, thiazide diuretic; high blood "
    "pressure, heart failure, water pills, swelling of the ankles and of the legs",
]


@pytest.fixture(scope="module", params=sorted(EMBEDDERS))
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    name: str = request.param
    if name != "titan":
        made = create_embedder(name)
        yield made
        made.close()
        return
    with pytest.MonkeyPatch.context() as patch, BedrockEndpoint() as bedrock:
        for variable, value in CREDENTIALS.items():
            patch.setenv(variable, value)
        made = create_embedder("titan", endpoint_url=bedrock.url, dimensions=512)
        yield made
        made.close()


def test_each_text_has_a_float32_vector_of_unit_length(embedder: Embedder) -> None:
    result = embedder.embed(TEXTS)
    assert result.vectors.shape == (len(TEXTS), embedder.dimensions)
    assert result.vectors.dtype == np.float32
    assert result.failures == {}
    assert np.linalg.norm(result.vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert result.calls == len(TEXTS)


def test_no_text_gives_no_vector_and_takes_no_call(embedder: Embedder) -> None:
    result = embedder.embed([])
    assert result.vectors.shape == (0, embedder.dimensions)
    assert (result.failures, result.calls) == ({}, 0)


def test_the_same_text_gives_the_same_vector(embedder: Embedder) -> None:
    assert np.array_equal(embedder.embed(TEXTS).vectors, embedder.embed(TEXTS).vectors)


def test_vectors_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    forward = embedder.embed(TEXTS).vectors
    backward = embedder.embed(TEXTS[::-1]).vectors
    assert np.allclose(forward, backward[::-1], atol=1e-5)
    assert not np.allclose(forward[0], forward[1], atol=0.1)


def test_a_vector_does_not_depend_on_the_other_texts_of_the_call(embedder: Embedder) -> None:
    crowd = [f"{TEXTS[number % 5]} {'and more ' * (number % 17)}{number}" for number in range(70)]
    alone = np.concatenate([embedder.embed([text]).vectors for text in TEXTS])
    together = embedder.embed([*crowd, *TEXTS]).vectors[len(crowd) :]
    assert np.abs(alone - together).max() < 1e-5


@pytest.mark.parametrize("blank", ["", " ", "\t\n "])
def test_a_blank_text_fails_alone(embedder: Embedder, blank: str) -> None:
    result = embedder.embed([TEXTS[0], blank, TEXTS[1]])
    assert list(result.failures) == [1]
    assert isinstance(result.failures[1], EmbedRejected)
    assert "blank" in str(result.failures[1])
    assert not result.vectors[1].any()
    assert np.allclose(result.vectors[[0, 2]], embedder.embed(TEXTS[:2]).vectors, atol=1e-5)


def test_a_call_of_blank_texts_alone_fails_each(embedder: Embedder) -> None:
    assert sorted(embedder.embed(["", " "]).failures) == [0, 1]


def test_texts_that_share_words_are_nearer(embedder: Embedder) -> None:
    one, near, far = embedder.embed(
        ["metformin oral tablet", "metformin oral solution", "cetirizine syrup for allergy"]
    ).vectors
    assert one @ near > one @ far


def test_several_threads_may_embed_at_once(embedder: Embedder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    expected = embedder.embed(TEXTS).vectors
    with ThreadPoolExecutor(4) as threads:
        for result in threads.map(embedder.embed, [TEXTS] * 8):
            assert np.allclose(result.vectors, expected, atol=1e-5)


def test_a_batch_is_a_positive_number_of_texts(embedder: Embedder) -> None:
    assert embedder.batch_size >= 1
