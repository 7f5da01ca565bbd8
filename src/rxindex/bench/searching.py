"""How fast searches are answered, beside the bare commands that they send to Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice

import msgspec

from rxindex.bench.recording import Recorder, Trip, replay
from rxindex.bench.timing import Latencies, latencies
from rxindex.embed.base import Embedder
from rxindex.errors import ConfigurationError, QueryError
from rxindex.index.catalogue import Catalogue
from rxindex.search.request import SearchRequest
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

__all__ = ["SearchFigures", "measure_search"]

#: Searches whose commands are recorded. They also warm everything up.
RECORDED = 300
#: Queries that the embedder is measured alone with.
_EMBEDDED = 200

#: Say what is being measured, how much of it is done, and of how much.
Tell = Callable[[str, int, int], None]


class SearchFigures(msgspec.Struct, frozen=True):
    """What was measured, one question after another.

    Attributes:
        catalogue: name in Redis.
        generation: the live one.
        model: the embedder's identity.
        algorithm: of the vector index, in effect.
        drugs: that a search can find.
        searches: in this process, none of them asked before.
        raw: the recorded commands of such searches alone, over one connection.
        embedder: the model alone on the queries, one at a time.
        round_trips: mean number of them in a search.
        raw_share: searches a second / raw ones a second.
    """

    catalogue: str
    generation: str
    model: str
    algorithm: str
    drugs: int
    searches: Latencies
    raw: Latencies
    embedder: Latencies
    round_trips: float
    raw_share: float


def measure_search(
    catalogue: Catalogue,
    embedder: Embedder,
    vocabulary: Vocabulary,
    requests: Sequence[SearchRequest],
    *,
    seconds: float,
    tell: Tell,
) -> SearchFigures:
    """Ask a catalogue for some seconds, and then Redis and the model alone.

    Args:
        catalogue: whose live generation.
        embedder: of that generation.
        vocabulary: the same as at indexing.
        requests: none of them twice; the first ones are recorded, and the others measured.
        seconds: of each measurement, at most.
        tell: told what is being done.

    Raises:
        ConfigurationError: there are too few requests that the search answers.
        CatalogueNotIndexed: nothing was loaded yet.
        IndexUnavailable: Redis does not answer.
    """
    live = catalogue.require_live()
    tell("recording commands", 0, RECORDED)
    left, recorder = iter(requests), Recorder(catalogue.client)
    with closing(recorder.client):
        # Recording adds microseconds to a search; learning a million names anew takes minutes.
        searcher = Searcher(Catalogue(recorder.client, catalogue.name), embedder, vocabulary)
        searcher.warm()
        recorded = _record(searcher, recorder, islice(left, RECORDED))
        tell("searching", 0, len(requests))
        answered = _ask(searcher, recorder, left, seconds, tell, len(requests))
    if answered is None or not recorded:
        raise ConfigurationError(
            f"of {len(requests)} queries too few can be asked: give more than {RECORDED} that "
            "'rxindex search' answers"
        )
    tell("sending the commands alone", 0, len(requests))
    raw = replay(catalogue.client, recorded, seconds)
    tell("embedding alone", 0, _EMBEDDED)
    model = _embed(embedder, requests[:_EMBEDDED])
    state = catalogue.state(live, live.name)
    return SearchFigures(
        catalogue=catalogue.name,
        generation=live.name,
        model=embedder.model_id,
        algorithm=state.in_effect.algorithm,
        drugs=state.counts.documents,
        searches=answered,
        raw=raw,
        embedder=model,
        round_trips=round(sum(map(len, recorded)) / len(recorded), 3),
        raw_share=round(answered.per_second / raw.per_second, 4),
    )


def _record(
    searcher: Searcher, recorder: Recorder, requests: Iterator[SearchRequest]
) -> list[list[Trip]]:
    """Give the round trips of each search."""
    found = []
    for request in requests:
        recorder.take()
        try:
            searcher.search(request)
        except QueryError:
            continue
        found.append(recorder.take())
    return found


def _ask(
    searcher: Searcher,
    recorder: Recorder,
    requests: Iterator[SearchRequest],
    seconds: float,
    tell: Tell,
    total: int,
) -> Latencies | None:
    """Search for some seconds; None where nothing could be asked."""
    took: list[float] = []
    begun = time.perf_counter()
    for request in requests:
        recorder.take()  # or else they would pile up
        since = time.perf_counter()
        if since - begun > seconds:
            break
        try:
            searcher.search(request)
        except QueryError:
            continue
        took.append(time.perf_counter() - since)
        if len(took) % 100 == 0:
            tell("searching", len(took), total)
    return latencies(took, sum(took)) if took else None


def _embed(embedder: Embedder, requests: Sequence[SearchRequest]) -> Latencies:
    took = []
    for request in requests:
        since = time.perf_counter()
        embedder.embed([request.q])
        took.append(time.perf_counter() - since)
    return latencies(took, sum(took))
