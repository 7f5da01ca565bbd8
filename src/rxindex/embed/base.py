"""What an embedder is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.errors import RxindexError

__all__ = ["Embedded", "Embedder", "Vectors"]

#: Float32 array of shape (texts, dimensions), each row of unit length.
Vectors = NDArray[np.float32]


class Embedded(msgspec.Struct, frozen=True):
    """What came back for a list of texts.

    Attributes:
        vectors: shape (texts, dimensions); the rows named in ``failures`` are zeros.
        failures: position of the text to the reason why it has no vector. A failed text fails
            alone; the others have their vectors.
        calls: how many calls of the model (for a service: requests answered) this took.
    """

    vectors: Vectors
    failures: Mapping[int, RxindexError]
    calls: int


class Embedder(Protocol):
    """Turns texts into vectors of unit length.

    Implementations may be called from several threads, one call at a time each.
    """

    #: Changes with anything that changes the vectors: model, weights, dimensions, normalisation.
    model_id: str
    #: Length of each vector.
    dimensions: int
    #: How many texts to hand over at once for the best speed.
    batch_size: int
    #: What a million tokens cost, in US dollars; 0 for a local model. Only for estimates.
    price: float

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed each text on its own.

        Raises:
            EmbedAccessDenied: the service refused the credentials.
            ModelIntegrityError: the model's files are not the ones expected.
            EmbedderUnavailable: the service did not answer at all, retries included.
        """
        ...

    def close(self) -> None:
        """Let go of threads and connections; may be called twice."""
        ...
