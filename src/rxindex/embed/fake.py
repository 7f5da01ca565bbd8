"""A deterministic embedder without a model, for tests and benchmarks."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from rxindex.embed.base import Embedded, Vectors
from rxindex.errors import ConfigurationError, EmbedRejected, RxindexError

__all__ = ["FakeEmbedder"]

_WORD = re.compile(r"\w+")
#: Coordinates that a whole word sets, and that its first letters set.
_OF_WORD, _OF_STEM = 8, 4
_FEATURES = _OF_WORD + _OF_STEM
_STEM = 5
#: Two bytes a coordinate: the lowest bit is the sign, the rest the coordinate.
_BYTES = 2


@lru_cache(maxsize=100_000)
def _features(word: str) -> bytes:
    """Give a word's coordinates and signs, `_FEATURES` little-endian 16-bit numbers."""
    # surrogatepass: text from a damaged source must fail at the real models, not here.
    raw = word.encode("utf-8", "surrogatepass")
    stem = word[:_STEM].encode("utf-8", "surrogatepass")
    return (
        hashlib.blake2b(raw, digest_size=_OF_WORD * _BYTES, person=b"word").digest()
        + hashlib.blake2b(stem, digest_size=_OF_STEM * _BYTES, person=b"stem").digest()
    )


class FakeEmbedder:
    """Embeds by hashing words: no model, no network, the same vector on every machine.

    Each word adds plus or minus one to a few coordinates chosen by its hash, and its first five
    letters to a few more; the sum is scaled to unit length. So texts that share words are nearer
    than texts that don't, and words that begin alike are a little nearer than words that don't.
    The order of words, letter case and punctuation make no difference. It knows nothing of
    meaning: ``aspirin`` and ``acetylsalicylic acid`` are strangers.

    A service that takes one text a call is imitated: ``calls`` counts texts. Use it in your own
    tests in the place of a real model::

        embedder = FakeEmbedder(fail_on=lambda text: EmbedRejected("no") if "x" in text else None)

    Args:
        dimensions: length of the vectors, 8 to 32,768.
        delay: seconds that each text takes, to imitate a slow model.
        fail_on: called with each text; an error that it returns is that text's failure. An error
            that it raises leaves `embed`, as a refusal of the credentials would.

    Raises:
        ConfigurationError: ``dimensions`` or ``delay`` is out of range.
    """

    def __init__(
        self,
        dimensions: int = 384,
        delay: float = 0.0,
        fail_on: Callable[[str], RxindexError | None] | None = None,
    ) -> None:
        if not 8 <= dimensions <= 32_768:
            raise ConfigurationError(
                f"the fake embedder has 8 to 32768 dimensions, not {dimensions}"
            )
        if delay < 0:
            raise ConfigurationError(f"the delay is in seconds, 0 or more, not {delay}")
        self.dimensions = dimensions
        self.model_id = f"fake-words-v1/{dimensions}"
        self.batch_size = 256
        self.price = 0.0
        self._delay = delay
        self._fail_on = fail_on

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed each text; blank ones fail, as they do with the real models."""
        failures: dict[int, RxindexError] = {}
        for position, text in enumerate(texts):
            if not text or text.isspace():
                failures[position] = EmbedRejected("the text is blank: there is nothing to embed")
            elif self._fail_on is not None and (error := self._fail_on(text)) is not None:
                failures[position] = error
        if self._delay:
            time.sleep(self._delay * len(texts))
        vectors = self._vectors(texts)
        if failures:
            vectors[list(failures)] = 0.0
        return Embedded(vectors=vectors, failures=failures, calls=len(texts))

    def close(self) -> None:
        """Nothing to let go of."""

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        size, count = self.dimensions, len(texts)
        words = [_WORD.findall(text.lower()) or [text] for text in texts]
        lengths = np.fromiter(map(len, words), dtype=np.int64, count=count)
        joined = b"".join([_features(word) for of_text in words for word in of_text])
        codes = np.frombuffer(joined, dtype="<u2").astype(np.int64)
        cells = np.repeat(np.arange(count) * size, lengths * _FEATURES) + (codes >> 1) % size
        sums = np.bincount(cells, weights=1.0 - 2.0 * (codes & 1), minlength=count * size)
        vectors = sums.astype(np.float32).reshape(count, size)
        lengths_of = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        # Signs may cancel out to nothing, in few dimensions.
        cancelled = lengths_of == 0.0
        vectors[cancelled, 0] = 1.0
        lengths_of[cancelled] = 1.0
        vectors /= lengths_of[:, None]
        return vectors
