"""The built-in judged set, held against the FDA's directory that it was written for."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from scripts.evaluation.classes import main as judge_classes

from rxindex.model import Drug
from rxindex.search.evaluation.judge import Judged, judge
from rxindex.search.evaluation.judged import Judgement, Topic, ingredient_names, read_judged
from rxindex.search.request import LONGEST_QUERY
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.sync.assemble import assemble
from rxindex.vocabulary import Vocabulary

pytestmark = [pytest.mark.xdist_group("judged set"), pytest.mark.lasts(40)]

#: Kind of query to how many there are at least.
LEAST = {
    "brand": 70, "generic": 50, "misspelling": 150, "abbreviation": 50, "class": 70,
    "indication": 150, "filtered": 60, "ndc": 30, "look-alike": 60, "several": 30,
}  # fmt: skip


@pytest.fixture(scope="module")
def topics() -> tuple[Topic, ...]:
    return read_judged()


@pytest.fixture(scope="module")
def drugs(vocabulary: Vocabulary) -> list[Drug]:
    """The drugs of the demo."""
    with open_source("sample", keep_otc=vocabulary.treats) as source:
        assembled = assemble(source.rows(Partition("all")), vocabulary, "2019-05-01")
        return [one for one in assembled if isinstance(one, Drug)]


@pytest.fixture(scope="module")
def judged(topics: tuple[Topic, ...], drugs: list[Drug]) -> Judged:
    return judge(topics, drugs)


def test_each_kind_has_its_number(topics: tuple[Topic, ...]) -> None:
    counts = Counter(topic.kind for topic in topics)
    assert set(counts) == set(LEAST)
    for kind, least in LEAST.items():
        assert counts[kind] >= least, kind


def test_the_page_has_the_numbers(topics: tuple[Topic, ...]) -> None:
    page = (Path(__file__).parents[3] / "docs/evaluation.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", page, re.MULTILINE))
    assert rows == {kind: str(n) for kind, n in Counter(t.kind for t in topics).items()}
    assert f"{len(topics)} queries, in" in page


def test_each_kind_is_halved_to_within_one_query(topics: tuple[Topic, ...]) -> None:
    halves = Counter((topic.kind, topic.half) for topic in topics)
    assert all(topic.half is not None for topic in topics)
    for kind in LEAST:
        assert abs(halves[kind, "tuning"] - halves[kind, "test"]) <= 1, kind


def test_queries_that_are_judged_alike_are_in_one_half(topics: tuple[Topic, ...]) -> None:
    halves = defaultdict(set)
    for topic in topics:
        halves[topic.kind, topic.right].add(topic.half)
    for (kind, right), found in halves.items():
        assert len(found) == 1, (kind, right)


def test_no_query_is_there_twice_and_none_is_too_long(topics: tuple[Topic, ...]) -> None:
    counts = Counter(topic.query.casefold() for topic in topics)
    assert [query for query, count in counts.items() if count > 1] == []
    assert max(map(len, counts)) <= LONGEST_QUERY


def test_the_directory_has_a_right_answer_to_every_query(judged: Judged) -> None:
    assert judged.missing == ()


def test_every_right_judgement_means_a_drug_of_the_directory(
    topics: tuple[Topic, ...], drugs: list[Drug]
) -> None:
    rights = {judgement for topic in topics for judgement in topic.right}
    each = [Topic(str(n), "k", "q", (one,)) for n, one in enumerate(sorted(rights, key=repr))]
    missing = set(judge(each, drugs).missing)
    assert [topic.right for topic in each if topic.id in missing] == []


def test_every_ingredient_that_is_judged_is_in_the_directory(
    topics: tuple[Topic, ...], drugs: list[Drug]
) -> None:
    there = {name for drug in drugs for name in drug.ingredients}
    named = {name for topic in topics for one, _ in topic.judgements() for name in _names(one)}
    assert named - there == set()


def test_what_is_right_is_not_wrong_too(topics: tuple[Topic, ...]) -> None:
    for topic in topics:
        assert not set(topic.right) & {*topic.beside, *topic.wrong}, topic.id


def test_a_misspelling_is_no_term_of_the_vocabulary(
    topics: tuple[Topic, ...], vocabulary: Vocabulary
) -> None:
    misspelled = [topic.query for topic in topics if topic.kind == "misspelling"]
    assert [query for query in misspelled if vocabulary.expand(query)] == []


def test_look_alikes_have_a_twin_that_is_judged_wrong(judged: Judged) -> None:
    for topic in judged.topics:
        if topic.kind == "look-alike":
            assert 0 in judged.grades[topic.id].values(), topic.query


def test_usual_choices_for_a_use_fit_on_a_page(topics: tuple[Topic, ...]) -> None:
    for topic in topics:
        if topic.kind == "indication":
            assert len(topic.right) <= 12, topic.query


def test_classes_are_as_the_directory_and_the_review_have_them() -> None:
    assert judge_classes(["--check"]) == 0


def _names(judgement: Judgement) -> frozenset[str]:
    return ingredient_names(judgement.ingredients) | ingredient_names(judgement.contains)
