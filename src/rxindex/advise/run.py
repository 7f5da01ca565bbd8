"""All measurements of one catalogue, and the advice that follows from them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from rxindex.advise.coding import CODINGS, measure_codings
from rxindex.advise.measurement import Measurement, Tell, vector_types
from rxindex.advise.recommend import GLOBAL_SQ8, Advice, recommend
from rxindex.advise.server import HNSW_DEGREES, measure_server, svs_in_effect
from rxindex.advise.vamana import measure_graphs
from rxindex.advise.vectors import Exam, distinct_vectors, near_queries, set_exam
from rxindex.embed.base import Vectors
from rxindex.errors import ConfigurationError
from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client
from rxindex.index.schema import IndexSettings, InEffect
from rxindex.index.store import DrugStore

__all__ = ["LEAST", "MEASUREMENTS", "Bench", "Findings", "advise"]

#: Vectors below which nothing can be said.
LEAST = 100

#: How many queries are made of vectors.
_NEAR = 100

#: How often `Tell` is told something, at most: codings, then Redis, then SVS.
MEASUREMENTS = (2 + len(CODINGS)) + (2 + len(HNSW_DEGREES)) + (1 + len(CODINGS))


class Bench(msgspec.Struct, frozen=True):
    """The Redis that is measured in.

    Attributes:
        client: of it.
        connected: whether it is the one that the catalogue is in, which others use as well.
    """

    client: Client
    connected: bool


class Findings(msgspec.Struct, frozen=True):
    """What was measured and what follows.

    Attributes:
        catalogue: its name.
        generation: the live one.
        model_id: of its vectors.
        dimensions: of its vectors.
        distinct: how many distinct vectors it has.
        sample: how many of them were measured.
        neighbours: how many of the nearest count.
        near_queries: made of vectors with noise.
        text_queries: real queries, embedded.
        measured_in: which Redis the way ``redis`` stands for; empty if none.
        measurements: all of them.
        advice: None if nothing was measured that the connected Redis can be set to.
        unchanged: whether the live index is built so already.
        notes: what is missing, and what to know, each a sentence.
    """

    catalogue: str
    generation: str
    model_id: str
    dimensions: int
    distinct: int
    sample: int
    neighbours: int
    near_queries: int
    text_queries: int
    measured_in: str
    measurements: tuple[Measurement, ...]
    advice: Advice | None
    unchanged: bool
    notes: tuple[str, ...]


def advise(
    catalogue: Catalogue,
    capabilities: Capabilities,
    bench: Bench | None,
    tell: Tell,
    *,
    sample: int,
    neighbours: int = 10,
    recall: float = 0.99,
    embed_queries: Callable[[str], Vectors | None] | None = None,
) -> Findings:
    """Measure ways to keep the live generation's vectors, and recommend one of them.

    Args:
        catalogue: is only read.
        capabilities: of its Redis.
        bench: the Redis to measure indexes in; None to leave that out.
        tell: is told what is measured, at most `MEASUREMENTS` times.
        sample: vectors to measure, at least `LEAST`.
        neighbours: how many of the nearest have to be found.
        recall: share of them that has to be, 0 to 1.
        embed_queries: given the model's identity, embeds real queries with it; gives None if it
            can't.

    Raises:
        CatalogueNotIndexed: nothing was loaded yet.
        ConfigurationError: there are too few vectors.
        RxindexError: Redis does not answer, or refuses.
    """
    generation = catalogue.require_live()
    found = distinct_vectors(DrugStore(catalogue, generation), sample)
    count = len(found.vectors)
    if count < max(LEAST, neighbours):
        raise ConfigurationError(
            f"the catalogue {catalogue.name!r} has {count} distinct vectors; there is nothing to "
            f"measure below {max(LEAST, neighbours)}"
        )
    near = near_queries(found.vectors, _NEAR)
    real = embed_queries(generation.model_id) if embed_queries is not None else None
    queries = near if real is None else np.concatenate([near, real])
    exam = set_exam(found.vectors, queries, neighbours)
    kind = vector_types(capabilities)[0]
    measurements = measure_codings(exam, kind, tell)
    notes = []
    if generation.settings.vector_type == "float16":
        notes.append("the catalogue keeps FLOAT16 vectors, so that FLOAT32 has no more to find")
    live = catalogue.state(generation, generation.name).in_effect
    effect = live.compression if capabilities.svs and live.compression else GLOBAL_SQ8
    measured_in = ""
    if bench is None:
        notes.append(
            "FLAT and HNSW were not measured, since there is no embedded Redis here: pip install "
            "'rxindex[embedded]', or measure in the connected one with --on-server"
        )
    else:
        measured, measured_in = _measure_redis(bench, exam, tell)
        measurements += measured
        if bench.connected and capabilities.svs:
            effect = svs_in_effect(bench.client, capabilities, exam.vectors.shape[1]) or effect
        elif capabilities.svs:
            notes.append(
                "what the connected Redis makes of LeanVec is taken from its live index or is an "
                "assumption; --on-server asks it"
            )
    graphs = measure_graphs(exam, kind, tell)
    measurements += graphs.measurements
    advice = recommend(measurements, capabilities, found.distinct, recall, effect)
    return Findings(
        catalogue=catalogue.name,
        generation=generation.name,
        model_id=generation.model_id,
        dimensions=generation.dimensions,
        distinct=found.distinct,
        sample=count,
        neighbours=neighbours,
        near_queries=len(near),
        text_queries=len(queries) - len(near),
        measured_in=measured_in,
        measurements=tuple(measurements),
        advice=advice,
        unchanged=advice is not None and _is_built_so(advice.settings, live, generation.settings),
        notes=(*notes, *graphs.notes),
    )


def _measure_redis(bench: Bench, exam: Exam, tell: Tell) -> tuple[list[Measurement], str]:
    able = probe(bench.client)
    measured = measure_server(bench.client, able, exam, tell, alone=not bench.connected)
    which = "the connected Redis" if bench.connected else "a Redis of its own on this machine"
    return measured, f"{which} ({able.redis_version}, query engine {able.search_version_text})"


def _is_built_so(settings: IndexSettings, live: InEffect, asked: IndexSettings) -> bool:
    """Tell whether an index that was asked for with other words is what is advised."""
    if (live.algorithm, live.vector_type) != (settings.algorithm, settings.vector_type):
        return False
    same = msgspec.structs.replace(asked, algorithm=settings.algorithm)
    return live.algorithm == "flat" or same == settings
