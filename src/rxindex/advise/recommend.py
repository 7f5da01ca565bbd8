"""Which settings suit a catalogue, by what was measured on its vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from rxindex.advise.measurement import SQ8, Measurement
from rxindex.index.capability import Capabilities
from rxindex.index.recall import NEIGHBOURS
from rxindex.index.schema import SVS_BUFFER, Compression, IndexSettings

__all__ = ["GLOBAL_SQ8", "QUICK", "Advice", "best_windows", "recommend"]

#: Milliseconds that an exact search may take and still be preferred: it misses nothing, and its
#: index takes new drugs in at once.
QUICK = 3.0

#: What FT.INFO calls the 8-bit scale that stands in for LVQ and LeanVec.
GLOBAL_SQ8 = "GlobalSQ8"

#: What is asked for where the 8-bit scale is wanted. Servers turn everything into it that they
#: have not; those that have LVQ8 keep vectors of the same size.
_ASK_FOR_SQ8: Compression = "LVQ8"

#: From these on, FT.CREATE takes LeanVec on processors that can't do it: 8.2.4 and 8.4.1.
_REFUSED = ((80200, 80204), (80400, 80401))


class Advice(msgspec.Struct, frozen=True):
    """What to set, and what the server makes of it.

    Attributes:
        settings: of the index.
        measurement: that speaks for them.
        met: whether it has the recall that was asked for; if not, it is the best there was.
        milliseconds: that a search takes over all of the catalogue's vectors, by one core's CPU
            time; None if unknown.
        megabytes: of 10^6 bytes, that all vectors take: in the index and in the documents.
        why: the reasons, each a sentence.
        really: what the connected Redis does with it and would do with other settings.
    """

    settings: IndexSettings
    measurement: Measurement
    met: bool
    milliseconds: float | None
    megabytes: float
    why: tuple[str, ...]
    really: tuple[str, ...]

    def variables(self) -> dict[str, str]:
        """Give the settings as environment variables, those that were the default left out."""
        given = msgspec.to_builtins(self.settings)
        return {f"RXINDEX_{name.upper()}": str(value) for name, value in given.items() if value}


def recommend(
    measurements: Sequence[Measurement],
    capabilities: Capabilities,
    vectors: int,
    recall: float,
    compression: str = GLOBAL_SQ8,
) -> Advice | None:
    """Choose what takes the least memory and finds enough.

    An exact index is chosen while a search of it is quick (`QUICK`), and otherwise the graph that
    takes the fewest bytes for a vector, document included; of those that take as many, the one
    that looks least hard.

    Args:
        measurements: of all kinds; only those count that the server can be set to.
        capabilities: of the server.
        vectors: how many distinct ones the catalogue has.
        recall: that is wanted, 0 to 1.
        compression: what the server makes of LeanVec4x8, as FT.INFO says it.

    An SVS index is measured outside of Redis; what Redis needs for each vector beside a graph is
    taken from its exact index, and added.

    Returns:
        None if nothing was measured that the server can be set to.
    """
    able = [one for one in measurements if _can(one, capabilities, vectors, compression)]
    if not able:
        return None
    upkeep = _upkeep(measurements)

    def thrift(one: Measurement) -> tuple[float, ...]:
        added = upkeep if one.way == "svs" else 0.0
        size = round(one.bytes_per_vector + added)
        return -size, -one.search_window, one.queries_per_second or 0.0

    enough = [one for one in able if one.recall >= recall]
    quick = [one for one in enough if _is_quick(one, vectors)]
    graphs = [one for one in enough if one.algorithm != "flat"]
    if quick:
        chosen = max(quick, key=thrift)
        why = f"an exact search over all vectors takes at most {QUICK:g} ms and misses nothing"
    elif graphs:
        chosen = max(graphs, key=thrift)
        why = (
            f"an exact search over all vectors takes longer than {QUICK:g} ms, and this takes the "
            f"fewest bytes of what else reaches a recall of {recall:g}"
        )
    elif enough:
        chosen = max(enough, key=thrift)
        why = f"only an exact search reaches a recall of {recall:g}"
    else:
        chosen = max(able, key=lambda one: (one.recall, *thrift(one)))
        why = f"nothing measured reaches a recall of {recall:g}; this comes nearest"
    return Advice(
        settings=_settings(chosen),
        measurement=chosen,
        met=chosen in enough,
        milliseconds=chosen.milliseconds(vectors),
        megabytes=chosen.bytes_per_vector * vectors / 1e6,
        why=(why, *_of_windows(chosen)),
        really=(
            *_of_svs(capabilities, vectors, compression),
            *_of_documents(measurements, chosen),
        ),
    )


def best_windows(measurements: Iterable[Measurement], recall: float) -> list[Measurement]:
    """Keep one measurement of each index: the least window with that recall, else the best."""
    kept: dict[object, Measurement] = {}
    for one in measurements:
        known = kept.get(one.build)
        if known is None or _suits(one, recall) > _suits(known, recall):
            kept[one.build] = one
    return list(kept.values())


def _suits(one: Measurement, recall: float) -> tuple[bool, float]:
    return (True, -one.search_window) if one.recall >= recall else (False, one.recall)


def _can(one: Measurement, capabilities: Capabilities, vectors: int, compression: str) -> bool:
    """Tell whether the server can be set to what was measured."""
    if one.way == "redis":
        return one.vector_type in capabilities.vector_types
    if one.way != "svs" or not capabilities.svs:
        return False
    if one.compression and vectors <= SVS_BUFFER:
        return False
    return one.compression in ("", SQ8) if compression == GLOBAL_SQ8 else one.compression != SQ8


def _upkeep(measurements: Sequence[Measurement]) -> float:
    """Give what Redis needs for each vector in an index without a graph; 0 if not measured."""
    exact = [
        one.upkeep_bytes for one in measurements if one.way == "redis" and one.algorithm == "flat"
    ]
    return min(exact, default=0.0)


def _is_quick(one: Measurement, vectors: int) -> bool:
    taken = one.milliseconds(vectors)
    return one.algorithm == "flat" and taken is not None and taken <= QUICK


def _of_windows(chosen: Measurement) -> list[str]:
    """Say what a small search window is worth."""
    if not 0 < chosen.search_window < NEIGHBOURS:
        return []
    return [
        f"rxindex asks for {NEIGHBOURS} neighbours, so that a search looks at least as hard as a "
        f"window of {NEIGHBOURS}, whatever is set"
    ]


def _settings(chosen: Measurement) -> IndexSettings:
    asked: str = _ASK_FOR_SQ8 if chosen.compression == SQ8 else chosen.compression
    return msgspec.convert(
        {
            "algorithm": chosen.algorithm,
            "vector_type": chosen.vector_type,
            "compression": asked,
            "graph_degree": chosen.graph_degree,
            "build_window": chosen.build_window,
            "search_window": chosen.search_window,
        },
        IndexSettings,
    )


def _of_svs(capabilities: Capabilities, vectors: int, compression: str) -> list[str]:
    """Say what the server makes of a compression."""
    version = f"query engine {capabilities.search_version_text}"
    if not capabilities.svs:
        return [
            f"this Redis ({version}) has no SVS-VAMANA: an algorithm of svs becomes HNSW there, "
            "and a compression is not used"
        ]
    said = []
    if compression == GLOBAL_SQ8:
        said.append(
            f"this Redis ({version}) turns LVQ and LeanVec, which it may be asked for, into one "
            f"8-bit scale ({GLOBAL_SQ8}) without an error; rxindex status shows both"
        )
    else:
        said.append(f"this Redis ({version}) does {compression} where it is asked for it")
    if any(first <= capabilities.search_version < after for first, after in _REFUSED):
        said.append(
            "before 8.2.4 and 8.4.1 it refuses to make an index with LeanVec on processors that "
            "are not Intel's"
        )
    if vectors <= SVS_BUFFER:
        said.append(
            f"below {SVS_BUFFER:,} vectors a shard, an SVS index with compression is a buffer of "
            f"full vectors that is searched exactly: with {vectors:,} it saves nothing"
        )
    if not capabilities.workers:
        said.append("it has no search workers, so that an SVS index trains in the write path")
    return said


def _of_documents(measurements: Sequence[Measurement], chosen: Measurement) -> list[str]:
    """Say what compression saves of all that Redis keeps."""
    document = chosen.document_bytes
    said = [
        f"the full vector stays in its hash whatever the index does: {document:,.0f} bytes of "
        f"{chosen.bytes_per_vector:,.0f} for each vector"
    ]
    exact = [one for one in measurements if one.way == "redis" and one.algorithm == "flat"]
    packed = [one for one in measurements if one.way == "svs" and one.compression == SQ8]
    if exact and packed:
        # Without what Redis needs beside the graph, which both have.
        before = exact[0].vector_bytes + exact[0].document_bytes
        after = packed[0].bytes_per_vector
        verb = "saves" if after <= before else "costs"
        said.append(
            f"against an exact index, one of 8-bit values with its graph {verb} "
            f"{abs(before - after) / before:.0%} of the bytes of vectors: {after:,.0f} for "
            f"{before:,.0f}, and those in the hash are the same"
        )
    return said
