"""What a search answers to judged queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from rxindex.errors import QueryError
from rxindex.search.answer import Answer, Hit
from rxindex.search.evaluation.judge import Judged, ingredients_document
from rxindex.search.evaluation.judged import Topic
from rxindex.search.request import SearchRequest

__all__ = ["DEPTH", "Found", "Run", "ask"]

#: How many hits of each answer are looked at.
DEPTH = 20


class Found(msgspec.Struct, frozen=True):
    """A document of an answer.

    Attributes:
        document: as the grades name it.
        place: of its first hit, from 1.
        name: of that hit, for people.
    """

    document: str
    place: int
    name: str = ""


Run = Mapping[str, tuple[Found, ...]]
"""Topic id to what was found, best first; nothing where the answer was empty."""


def ask(search: Callable[[SearchRequest], Answer], judged: Judged) -> Run:
    """Ask every topic's query.

    A query that the search refuses counts as one with an empty answer.

    Args:
        search: of a `Searcher`.
        judged: the topics, and how their documents are named.
    """
    return {topic.id: tuple(_found(_hits(search, topic), topic, judged)) for topic in judged.topics}


def _hits(search: Callable[[SearchRequest], Answer], topic: Topic) -> tuple[Hit, ...]:
    try:
        return search(SearchRequest(q=topic.query, limit=DEPTH)).hits
    except QueryError:
        return ()


def _found(hits: Iterable[Hit], topic: Topic, judged: Judged) -> Iterable[Found]:
    """Give each document once, where it is first; several drugs may be one document."""
    seen: set[str] = set()
    for place, hit in enumerate(hits, 1):
        document = _document(hit, topic, judged)
        if document not in seen:
            seen.add(document)
            yield Found(document, place, hit.name)


def _document(hit: Hit, topic: Topic, judged: Judged) -> str:
    if topic.unit == "drug":
        return hit.id
    # The same ingredients by a route that was not meant are another document.
    meant = judged.documents.get(topic.id, {}).get(hit.id)
    return meant or f"other:{ingredients_document(hit.ingredients)}"
