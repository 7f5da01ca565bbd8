"""The indexes' schema as code: what is asked for, what a server will do, and FT.CREATE's words.

A generation has two indexes: one of drugs, by words and values, and one of texts, by vector. All
drugs with the same embedding text share one vector (see `rxindex.index.store`): there are four
times fewer vectors than drugs in FDB's catalogue, which is that much less memory, that many fewer
insertions into the vector index, and no crowd of equal vectors, among which HNSW loses its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.errors import ConfigurationError, VectorSizeError
from rxindex.index.capability import Capabilities
from rxindex.index.connect import pairs

__all__ = [
    "ELEMENT",
    "FLAT_LIMIT",
    "HNSW_WINDOW",
    "SCHEMA_VERSION",
    "SVS_BUFFER",
    "Algorithm",
    "Compression",
    "InEffect",
    "IndexSettings",
    "VectorType",
    "choose_algorithm",
    "drug_index_arguments",
    "read_in_effect",
    "text_index_arguments",
    "vector_bytes",
]

AskedAlgorithm = Literal["auto", "flat", "hnsw", "svs"]
Algorithm = Literal["flat", "hnsw", "svs"]
VectorType = Literal["float16", "float32"]
Compression = Literal["", "LVQ4", "LVQ8", "LVQ4x4", "LVQ4x8", "LeanVec4x8", "LeanVec8x8"]

#: Bytes of an element of a vector.
ELEMENT: Mapping[VectorType, int] = {"float16": 2, "float32": 4}

#: Raise it when the fields or their options change: a new generation is then built.
SCHEMA_VERSION = 2

#: ``auto`` takes an exact (FLAT) index up to this many vector elements. A search by meaning then
#: reads at most 80 MB (float16), some 5 ms where HNSW takes 1; in return it finds what is nearest
#: without fail, and a text is inserted, and read again after a restart of Redis, twenty times
#: faster. The 500,000 packages of a whole compendium come to 24 million elements at 1024.
FLAT_LIMIT = 40_000_000

#: HNSW's EF_RUNTIME where none is asked for. The server's own is 10, with which a search finds some
#: nine in ten of the nearest; with this one, at two thirds of the speed, 99 in a hundred where the
#: vectors are a real model's.
HNSW_WINDOW = 200

#: Below this many vectors per shard an SVS index with compression is still a flat buffer.
SVS_BUFFER = 10_240

#: Separates the values of a multi-valued field. RediSearch also splits text at it.
SEPARATOR = ";"


class IndexSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for. A generation is built for one set of these.

    Attributes:
        algorithm: ``auto`` decides by the server and the catalogue's size, see
            `choose_algorithm`.
        vector_type: element type; ``float16`` halves the memory at no measured loss of recall.
        compression: of an SVS index, empty for none.
        reduce: dimensions left by LeanVec, 0 for the server's default (half).
        graph_degree: HNSW's M, or SVS' GRAPH_MAX_DEGREE (0 for the server's own default).
        build_window: HNSW's EF_CONSTRUCTION or SVS' CONSTRUCTION_WINDOW_SIZE (0: default).
        search_window: HNSW's EF_RUNTIME (0: `HNSW_WINDOW`) or SVS' SEARCH_WINDOW_SIZE (0: the
            server's default).
        training_threshold: vectors that SVS gathers before it compresses (0: default).
    """

    algorithm: AskedAlgorithm = "auto"
    vector_type: VectorType = "float16"
    compression: Compression = ""
    reduce: int = 0
    graph_degree: int = 0
    build_window: int = 0
    search_window: int = 0
    training_threshold: int = 0


class InEffect(msgspec.Struct, frozen=True):
    """What the server says that it does, read from FT.INFO.

    Attributes:
        algorithm: ``flat``, ``hnsw`` or ``svs``.
        vector_type: element type.
        dimensions: length of each vector.
        compression: as the server names it, for example ``GlobalSQ8`` where LeanVec4x8 was
            asked for on a build without it; empty for none.
    """

    algorithm: str
    vector_type: str
    dimensions: int
    compression: str = ""


def choose_algorithm(
    settings: IndexSettings, capabilities: Capabilities, texts: int, dimensions: int
) -> Algorithm:
    """Decide which algorithm to build.

    ``auto`` takes FLAT (exact) while a search reads few enough elements, SVS only where a
    compression was asked for, the server has it and there are enough vectors for it to leave
    its flat buffer, and HNSW otherwise. ``svs`` on a server without it becomes HNSW; `status`
    shows both.

    Args:
        settings: what is asked for.
        capabilities: of the connected server.
        texts: how many different embedding texts to expect, roughly.
        dimensions: of the vectors.
    """
    asked = settings.algorithm
    if asked == "svs":
        return "svs" if capabilities.svs else "hnsw"
    if asked != "auto":
        return asked
    if texts * dimensions <= FLAT_LIMIT:
        return "flat"
    if settings.compression and capabilities.svs and texts > SVS_BUFFER:
        return "svs"
    return "hnsw"


def drug_index_arguments(index: str, prefix: str) -> tuple[str, ...]:
    """Write the FT.CREATE command of the drugs.

    Text fields are searched by tier, so each keeps its own name. A field that is searched both
    as words and as a whole value is indexed twice from one hash field, which costs no memory in
    the document. No stop words: every term of a drug name counts.
    """
    return (
        "FT.CREATE", index, "ON", "HASH", "PREFIX", "1", prefix, "STOPWORDS", "0",
        "SCHEMA", *_text_fields(), *_tag_fields(),
        "count", "NUMERIC",
    )  # fmt: skip


def text_index_arguments(
    index: str,
    prefix: str,
    settings: IndexSettings,
    algorithm: Algorithm,
    dimensions: int,
    capabilities: Capabilities,
) -> tuple[str, ...]:
    """Write the FT.CREATE command of the texts, which have a vector and nothing else.

    Raises:
        ConfigurationError: the server does not take this vector type.
    """
    if settings.vector_type not in capabilities.vector_types:
        raise ConfigurationError(
            f"Redis search {capabilities.search_version_text} has no {settings.vector_type} "
            f"vectors; set vector_type to one of {', '.join(capabilities.vector_types)}"
        )
    return (
        "FT.CREATE", index, "ON", "HASH", "PREFIX", "1", prefix,
        "SCHEMA", *_vector_field(settings, algorithm, dimensions),
    )  # fmt: skip


def _text_fields() -> tuple[str, ...]:
    fields: list[str] = []
    for name in ("name", "brand", "generic", "synonyms", "terms"):
        fields += [name, "TEXT", "NOSTEM"]
    # Classes and indications are prose: "antidepressants" has to find "antidepressant".
    for name in ("classes", "indications"):
        fields += [name, "TEXT"]
    return tuple(fields)


def _tag_fields() -> tuple[str, ...]:
    whole = ("brand", "generic", "synonyms", "classes", "indications")
    fields: list[str] = []
    for name in whole:
        fields += [name, "AS", f"{name}_is", "TAG", "SEPARATOR", SEPARATOR]
    for name in (
        "ingredients", "form", "routes", "strength", "labelers", "schedule", "kind", "status",
        "gcn", "products", "text_fp",
    ):  # fmt: skip
        fields += [name, "TAG", "SEPARATOR", SEPARATOR]
    return tuple(fields)


def _vector_field(
    settings: IndexSettings, algorithm: Algorithm, dimensions: int
) -> tuple[str, ...]:
    options = {
        "TYPE": settings.vector_type.upper(),
        "DIM": str(dimensions),
        "DISTANCE_METRIC": "COSINE",
    }
    if algorithm == "hnsw":
        options |= _given(
            M=settings.graph_degree,
            EF_CONSTRUCTION=settings.build_window,
            EF_RUNTIME=settings.search_window or HNSW_WINDOW,
        )
    elif algorithm == "svs":
        options |= _given(
            GRAPH_MAX_DEGREE=settings.graph_degree,
            CONSTRUCTION_WINDOW_SIZE=settings.build_window,
            SEARCH_WINDOW_SIZE=settings.search_window,
        )
        if settings.compression:
            options["COMPRESSION"] = settings.compression
            # The server refuses both of these without the compression that they belong to.
            if settings.compression.startswith("LeanVec"):
                options |= _given(REDUCE=settings.reduce)
            options |= _given(TRAINING_THRESHOLD=settings.training_threshold)
    name = "SVS-VAMANA" if algorithm == "svs" else algorithm.upper()
    flat = [word for pair in options.items() for word in pair]
    return ("vector", "VECTOR", name, str(len(flat)), *flat)


def _given(**options: int) -> dict[str, str]:
    return {name: str(value) for name, value in options.items() if value}


def read_in_effect(information: dict[str, Any]) -> InEffect:
    """Read from FT.INFO's reply what the server really does.

    Raises:
        ConfigurationError: there is no vector field: the index is not one of rxindex's.
    """
    for attribute in information["attributes"]:
        field = _attribute(attribute)
        if field.get("type") == "VECTOR":
            algorithm = field["algorithm"].lower()
            return InEffect(
                algorithm="svs" if algorithm.startswith("svs") else algorithm,
                vector_type=field["data_type"].lower(),
                dimensions=int(field["dim"]),
                compression=_compression(field),
            )
    raise ConfigurationError("the index has no vector field: rxindex did not make it")


def _attribute(attribute: list[Any]) -> dict[str, str]:
    """Read one attribute of FT.INFO: names and values, then flags without a value."""
    even = attribute[: len(attribute) // 2 * 2]
    return {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in pairs(even).items()
    }


def _compression(field: dict[str, str]) -> str:
    stated = field.get("compression", "")
    return "" if stated.lower() in {"", "none", "no_compression"} else stated


def vector_bytes(vector: NDArray[np.float32], vector_type: str, dimensions: int) -> bytes:
    """Write a vector as the index stores it, little-endian.

    Raises:
        VectorSizeError: it has another length than the index, or a value that is not a finite
            number. Redis would leave it out of the index without a word to the writer.
    """
    if vector.shape != (dimensions,):
        raise VectorSizeError(
            f"the embedder gave a vector of shape {vector.shape}, the index holds ({dimensions},): "
            "the embedder's settings and the generation's do not agree"
        )
    if not np.isfinite(vector).all():
        raise VectorSizeError("the embedder gave a vector with values that are not numbers")
    return vector.astype("<f2" if vector_type == "float16" else "<f4").tobytes()
