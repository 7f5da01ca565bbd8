"""How well a peer's answers meet the judged set, drug by drug."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rxindex.model import Drug
from rxindex.search.answer import Answer, Hit, Understanding
from rxindex.search.evaluation.answers import DEPTH, ask
from rxindex.search.evaluation.judge import Judged, judge
from rxindex.search.evaluation.judged import read_judged
from rxindex.search.evaluation.measure import evaluate
from rxindex.search.evaluation.trec import load_measures
from rxindex.search.request import SearchRequest

__all__ = ["Relevance"]


class Relevance:
    """The judged queries to which a catalogue has an answer, and what measures answers to them.

    Only the test half of the judged set: the other one was there to tune rxindex with.

    Args:
        drugs: of the catalogue.

    Attributes:
        queries: what every peer is asked.
        left_out: how many queries the catalogue has no answer to.

    Raises:
        MissingExtra: ``ir_measures`` is not installed.
    """

    def __init__(self, drugs: Sequence[Drug]) -> None:
        load_measures()  # rather than to miss them after the searches
        topics = [topic for topic in read_judged() if topic.half == "test"]
        self._judged: Judged = judge(topics, drugs)
        self.queries = list(dict.fromkeys(topic.query for topic in self._judged.topics))
        self.left_out = len(self._judged.missing)
        self._drugs = {drug.id: drug for drug in drugs}
        self._holder = {one.ndc: drug.id for drug in drugs for one in drug.packages}

    def drugs_of(self, found: Sequence[str]) -> list[str]:
        """Give the drugs of an answer, each where it is first.

        Args:
            found: NDCs or drug ids, best first; what the catalogue does not have is left out.
        """
        ids = (self._holder.get(one, one) for one in found)
        return list(dict.fromkeys(one for one in ids if one in self._drugs))

    def measure(self, answers: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Measure answers: the first 20 drugs of each.

        Args:
            answers: query to NDCs or drug ids, best first.

        Returns:
            the scores ``overall`` and of each kind of query; see `rxindex.search.evaluation`.
        """

        def replay(request: SearchRequest) -> Answer:
            ids = self.drugs_of(answers[request.q])[:DEPTH]
            hits = tuple(_hit(self._drugs[one]) for one in ids)
            return Answer(request.q, Understanding(), hits)

        scores = evaluate(self._judged, ask(replay, self._judged))
        return {
            "overall": msgspec.to_builtins(scores.overall),
            "kinds": msgspec.to_builtins(scores.kinds),
        }


def _hit(drug: Drug) -> Hit:
    return Hit(
        id=drug.id, name=drug.name, display=drug.name, brand=drug.brand, generic=drug.generic,
        ingredients=drug.ingredients, strength=drug.strength, form=drug.form, routes=drug.routes,
        classes=drug.classes, schedule=drug.schedule, kind=drug.kind, status=drug.status,
        gcn=drug.gcn, packages=len(drug.packages), score=0.0, match="",
    )  # fmt: skip
