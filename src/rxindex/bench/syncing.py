"""How fast a sync is, beside the limits of what it stands on."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from rxindex.bench.raw import copy_raw, distinct_texts, embed_alone
from rxindex.bench.timing import PeakMemory, Spent, stopwatch
from rxindex.embed.base import Embedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client
from rxindex.source.base import Source
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

__all__ = ["SyncFigures", "Tell", "measure_sync", "write_alone"]

#: Say what is being measured, how much of it is done, and of how much.
Tell = Callable[[str, int, int], None]


class SyncFigures(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        source: where the rows came from, without a password.
        model: the embedder's identity.
        index: algorithm and vector type, asked for and in effect.
        packages: rows (NDCs).
        drugs: that they are.
        texts: distinct embedding texts among them.
        redis_bytes: what Redis holds for them.
        peak_memory: bytes that this process, and the one that reads, held at most until the two
            syncs were done.
        read: the bare driver reading the rows.
        embed: the embedder alone on a sample of the texts.
        write: raw pipelined HSETs of the same documents into an index of the same schema.
        cold: the first sync, into an empty Redis.
        no_change: the sync after it.
        raw_write_share: raw writing / cold sync.
        embed_share: the embedder alone on all the texts / cold sync.
        no_change_factor: sync without changes / bare reading.
    """

    source: str
    model: str
    index: dict[str, str]
    packages: int
    drugs: int
    texts: int
    redis_bytes: int
    peak_memory: int
    read: Spent
    embed: Spent
    write: Spent
    cold: Spent
    no_change: Spent
    raw_write_share: float
    embed_share: float
    no_change_factor: float


def measure_sync(
    open_rows: Callable[[], Source],
    read: Callable[[], Spent],
    embedder: Embedder,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    options: SyncOptions,
    *,
    sample: int,
    tell: Tell,
) -> SyncFigures:
    """Sync twice into a scratch catalogue, then measure each limit alone.

    Args:
        open_rows: makes the source, not entered yet.
        read: reads its rows with the bare driver (see `rxindex.bench.raw.read_bare`).
        embedder: makes the vectors; a service is paid for each distinct text and the sample.
        catalogue: an empty one (see `rxindex.bench.scratch.scratch_catalogue`).
        capabilities: of its server.
        vocabulary: joined to the drugs by ingredient.
        options: of the syncs.
        sample: texts, at most, that the embedder is measured alone with.
        tell: told what is being done.

    Raises:
        RxindexError: see `rxindex.sync.run.sync`.
    """
    embedder.embed(["aspirin"])  # loads the model, which is not the sync's time
    client = catalogue.client
    before = _used(client)

    peak = PeakMemory()

    def run(doing: str) -> tuple[SyncReport, Spent]:
        def progress(so_far: SyncReport, packages: int) -> None:
            peak.look()
            tell(doing, so_far.packages, packages)

        with stopwatch(client) as watch:
            report = sync(
                open_rows(), embedder, catalogue, capabilities, vocabulary, options, progress
            )
        return report, watch.spent(report.packages)

    report, cold = run("cold sync")
    held = _used(client) - before
    _, no_change = run("sync without changes")
    memory = peak.most()
    tell("reading with the bare driver", 0, report.packages)
    reading = read()
    tell("embedding alone", 0, report.packages)
    texts = distinct_texts(open_rows(), vocabulary, options.day)
    embedding = embed_alone(embedder, _draw(texts, sample))
    tell("writing alone", 0, report.packages)
    writing = write_alone(catalogue, capabilities)
    whole = embedding.seconds * len(texts) / max(embedding.count, 1)
    return SyncFigures(
        source=report.source, model=report.model, index=report.index, packages=report.packages,
        drugs=report.total_processed, texts=len(texts), redis_bytes=held, peak_memory=memory,
        read=reading, embed=embedding, write=writing, cold=cold, no_change=no_change,
        raw_write_share=round(writing.seconds / cold.seconds, 4),
        embed_share=round(whole / cold.seconds, 4),
        no_change_factor=round(no_change.seconds / reading.seconds, 4),
    )  # fmt: skip


def write_alone(catalogue: Catalogue, capabilities: Capabilities) -> Spent:
    """Write the live generation's documents once more, with nothing but pipelined HSETs.

    They go into a new generation with the very same kind of index, which is removed afterwards.

    Args:
        catalogue: a loaded one, that nobody else needs.
        capabilities: of its server.

    Raises:
        CatalogueNotIndexed: nothing was loaded yet.
        RxindexError: see `rxindex.bench.raw.copy_raw`.
    """
    live = catalogue.require_live()
    state = catalogue.state(live, live.name)
    settings = msgspec.structs.replace(live.settings, algorithm=state.in_effect.algorithm)
    texts = state.counts.texts
    empty = catalogue.create(live.model_id, live.dimensions, settings, capabilities, texts)
    try:
        return copy_raw(catalogue, live, empty)
    finally:
        catalogue.drop(empty.name)


def _used(client: Client) -> int:
    return int(client.info("memory")["used_memory"])


def _draw(texts: list[str], sample: int) -> list[str]:
    """Draw a sample, the same one each time."""
    if len(texts) <= sample:
        return texts
    return random.Random(1).sample(texts, sample)  # noqa: S311  no secret
