"""The vectors of queries: whoever turns a page or sets a filter asks with the same words again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rxindex.embed.base import Embedder
from rxindex.search.kept import Kept

__all__ = ["QueryVectors"]

#: Vectors that are kept, of some 1.5 kB each at 384 dimensions.
_MOST = 4000


class QueryVectors:
    """Embeds queries, and keeps the vectors of a moment ago. Safe to use from several threads.

    Args:
        embedder: that embeds them.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept = Kept[str, NDArray[np.float32]](_MOST)

    @property
    def model_id(self) -> str:
        """The embedder's identity."""
        return self._embedder.model_id

    def of(self, text: str) -> NDArray[np.float32]:
        """Give the vector of a text; it must not be written to.

        Args:
            text: the words of a query.

        Raises:
            TransientError, EmbedError: the embedder gave none. That is not kept.
        """
        vector = self._kept.get(text, self.model_id)
        if vector is None:
            embedded = self._embedder.embed([text])
            if embedded.failures:
                raise embedded.failures[0]
            vector = embedded.vectors[0]
            self._kept.keep(text, self.model_id, vector)
        return vector
