"""What was measured of one way to keep vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from rxindex.index.capability import Capabilities
from rxindex.index.schema import ELEMENT, Algorithm, VectorType

__all__ = ["SQ8", "Measurement", "Tell", "Way", "vector_types"]

#: Where a measurement comes from: ``code`` searches coded vectors exactly, which no index over
#: them can beat; ``redis`` is an index in a Redis; ``svs`` is Intel's library, whose graph Redis
#: 8.2 and later has built in.
Way = Literal["code", "redis", "svs"]

#: What open-source builds of Redis make of every compression that is asked for. FT.INFO calls
#: it GlobalSQ8.
SQ8 = "SQ8"

#: Is told what is being measured.
Tell = Callable[[str], None]


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep vectors, measured.

    Attributes:
        way: where the figures come from.
        algorithm: ``flat``, ``hnsw`` or ``svs``.
        vector_type: element type of the full vectors.
        compression: of the vectors in the index; empty for none.
        graph_degree: HNSW's M or Vamana's degree; 0 without a graph.
        build_window: effort when building; 0 for the default, or without a graph.
        search_window: effort when searching (EF_RUNTIME, SEARCH_WINDOW_SIZE); 0 if exact.
        vectors: how many were indexed.
        vector_bytes: bytes of a vector in the index.
        upkeep_bytes: bytes of the graph and of all else in the index, for each vector. What Redis
            needs beside the graph is in the way ``redis`` only.
        document_bytes: bytes of the full vector in its hash, which Redis keeps beside the index
            whatever the index does.
        recall: share of the truly nearest that were found, 0 to 1.
        queries_per_second: by one core's CPU time; None where the speed says nothing.
        build_seconds: one core's CPU time; None where nothing was built.
    """

    way: Way
    algorithm: Algorithm
    vector_type: VectorType
    compression: str = ""
    graph_degree: int = 0
    build_window: int = 0
    search_window: int = 0
    vectors: int
    vector_bytes: float
    upkeep_bytes: float
    document_bytes: float
    recall: float
    queries_per_second: float | None = None
    build_seconds: float | None = None

    @property
    def bytes_per_vector(self) -> float:
        """All that Redis keeps of a vector: index and document."""
        return self.vector_bytes + self.upkeep_bytes + self.document_bytes

    @property
    def build(self) -> tuple[Way, Algorithm, VectorType, str, int]:
        """What was built; the same for all search windows."""
        return (self.way, self.algorithm, self.vector_type, self.compression, self.graph_degree)

    def milliseconds(self, vectors: int) -> float | None:
        """Estimate how long a search takes over so many vectors.

        An exact search reads all of them. A graph's takes longer only with their logarithm,
        which is left out here.
        """
        if self.queries_per_second is None:
            return None
        growth = vectors / self.vectors if self.algorithm == "flat" else 1.0
        return 1_000 * growth / self.queries_per_second


def vector_types(capabilities: Capabilities) -> tuple[VectorType, ...]:
    """Name the element types that a server has, the smallest first."""
    return tuple(one for one in ELEMENT if one in capabilities.vector_types)
