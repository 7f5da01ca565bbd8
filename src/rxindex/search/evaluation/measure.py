"""Measures of a run, kind by kind, with the measures of ``ir_measures``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from rxindex.search.evaluation.answers import DEPTH, Found, Run
from rxindex.search.evaluation.judge import Judged
from rxindex.search.evaluation.judged import BESIDE, RIGHT, Half, Topic
from rxindex.search.evaluation.trec import load_measures

__all__ = ["ALL_KINDS", "MEASURES", "Evaluation", "Scores", "TopicScores", "evaluate"]

#: What the scores over every kind are called.
ALL_KINDS = "all"

#: How many hits are on a first page.
_PAGE = 10


#: The measures by the names that people know them by, and the fields that hold them.
MEASURES: Mapping[str, str] = {
    "success@1": "success_1",
    "mrr": "mrr",
    "recall@20": "recall_20",
    "precision@10": "precision_10",
    "ndcg@10": "ndcg_10",
    "zero-results": "zero_results",
}


class Scores(msgspec.Struct, frozen=True, rename={field: name for name, field in MEASURES.items()}):
    """Scores of a kind of query, means over its queries, 0 to 1.

    *Right* is what was asked for, grade 2; what is right to show beside it has grade 1. Where
    nothing has grade 2, as in many TREC collections, grade 1 is what was asked for.

    Attributes:
        kind: of query, or ``all``.
        queries: how many.
        success_1: the first hit is right.
        mrr: the reciprocal of the first right one's place; 0 where there is none among the first
            20.
        recall_20: how much of what is right is among the first 20 documents; of 20 where there is
            more.
        precision_10: how much of the first ten hits is right or right to show beside it; of the
            answer where it is shorter.
        ndcg_10: the graded gain of the first ten, against the best there could be.
        zero_results: how many answers were empty.
    """

    kind: str
    queries: int
    success_1: float
    mrr: float
    recall_20: float
    precision_10: float
    ndcg_10: float
    zero_results: float


class TopicScores(msgspec.Struct, frozen=True):
    """A query that missed something.

    Attributes:
        id: of its topic.
        kind: of query.
        query: as it was asked.
        scores: by measure.
        first: the name of the first hit, or its document.
        missing: names of documents that were asked for and are not among the first 20, at most
            `DEPTH`.
        wrong: names of those among the first ten hits that are neither right nor right to show.
    """

    id: str
    kind: str
    query: str
    scores: Mapping[str, float]
    first: str
    missing: tuple[str, ...]
    wrong: tuple[str, ...]


class Evaluation(msgspec.Struct, frozen=True):
    """How well a run answers judged queries.

    Attributes:
        half: which half of the judged set; None for all of it.
        overall: over every query.
        kinds: one for each kind, in the order of the set.
        left_out: ids of topics to which the catalogue has no answer at all.
        missed: queries that missed something, in the order of the set.
    """

    half: Half | None
    overall: Scores
    kinds: tuple[Scores, ...]
    left_out: tuple[str, ...] = ()
    missed: tuple[TopicScores, ...] = ()

    def score(self, kind: str, measure: str) -> float | None:
        """Give one score; None if there is no such kind.

        Raises:
            KeyError: there is no such measure.
        """
        for scores in (self.overall, *self.kinds):
            if scores.kind == kind:
                return float(getattr(scores, MEASURES[measure]))
        return None


def evaluate(judged: Judged, run: Run, half: Half | None = None) -> Evaluation:
    """Measure a run.

    Args:
        judged: the topics and the grades of their documents.
        run: what was found for each.
        half: measure this half of the set only.

    Raises:
        MissingExtra: ``ir_measures`` is not installed.
    """
    topics = [topic for topic in judged.topics if half is None or topic.half == half]
    grades = {topic.id: judged.grades[topic.id] for topic in topics}
    found = {topic.id: run.get(topic.id, ()) for topic in topics}
    right = _right(grades)
    values = _values(grades, found, right)
    by_kind: dict[str, list[Topic]] = defaultdict(list)
    for topic in topics:
        by_kind[topic.kind].append(topic)
    missed = (_missed(topic, values[topic.id], judged, found[topic.id], right) for topic in topics)
    return Evaluation(
        half=half,
        overall=_mean(ALL_KINDS, topics, values),
        kinds=tuple(_mean(kind, ones, values) for kind, ones in by_kind.items()),
        left_out=judged.missing,
        missed=tuple(one for one in missed if one is not None),
    )


def _right(grades: Mapping[str, Mapping[str, int]]) -> int:
    graded = any(grade >= RIGHT for found in grades.values() for grade in found.values())
    return RIGHT if graded else BESIDE


def _values(
    grades: Mapping[str, Mapping[str, int]], found: Run, right: int
) -> dict[str, dict[str, float]]:
    """Compute every measure of every topic."""
    ir: Any = load_measures()
    recall, as_much = ir.R(rel=right) @ DEPTH, ir.P(rel=right) @ DEPTH
    named = {
        ir.Success(rel=right) @ 1: "success@1",
        ir.RR(rel=right) @ DEPTH: "mrr",
        ir.nDCG @ _PAGE: "ndcg@10",
    }
    values: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(MEASURES, 0.0))
    for one in ir.iter_calc([*named, recall, as_much], grades, _scored(found)):
        if name := named.get(one.measure):
            values[one.query_id][name] = one.value
        else:
            # The larger of the two is the share of what 20 places can hold.
            recalled = max(one.value, values[one.query_id]["recall@20"])
            values[one.query_id]["recall@20"] = recalled
    page = {key: [one for one in ones if one.place <= _PAGE] for key, ones in found.items()}
    for one in ir.iter_calc([ir.SetP], grades, _scored(page)):
        values[one.query_id]["precision@10"] = one.value
    for key, ones in found.items():
        values[key]["zero-results"] = float(not ones)
    return values


def _scored(found: Mapping[str, Iterable[Found]]) -> dict[str, dict[str, float]]:
    return {key: {one.document: 1 / one.place for one in ones} for key, ones in found.items()}


def _mean(kind: str, topics: Sequence[Topic], values: Mapping[str, Mapping[str, float]]) -> Scores:
    count = len(topics)
    means = {
        field: sum(values[topic.id][name] for topic in topics) / count if count else 0.0
        for name, field in MEASURES.items()
    }
    return Scores(kind=kind, queries=count, **means)


def _missed(
    topic: Topic,
    scores: Mapping[str, float],
    judged: Judged,
    found: Sequence[Found],
    right: int,
) -> TopicScores | None:
    if min(scores["success@1"], scores["recall@20"], scores["precision@10"]) == 1:
        return None
    grades = judged.grades[topic.id]
    held = {one.document for one in found[:DEPTH]}
    missing = [key for key, grade in grades.items() if grade >= right and key not in held]
    wrong = [one for one in found if one.place <= _PAGE and grades.get(one.document, 0) < BESIDE]
    return TopicScores(
        id=topic.id,
        kind=topic.kind,
        query=topic.query,
        scores=dict(scores),
        first=(found[0].name or found[0].document) if found else "",
        missing=tuple(sorted(judged.names.get(one, one) for one in missing)[:DEPTH]),
        wrong=tuple(one.name or one.document for one in wrong),
    )
