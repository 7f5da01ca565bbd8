"""From judged queries to the drugs of one catalogue that answer them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from rxindex.index.catalogue import Catalogue
from rxindex.index.store import DrugStore
from rxindex.model import Drug, fold
from rxindex.search.evaluation.judged import BESIDE, RIGHT, Judgement, Topic, ingredient_names

__all__ = ["Judged", "catalogue_drugs", "ingredients_document", "judge"]


class Judged(msgspec.Struct, frozen=True):
    """What a catalogue has for judged queries.

    A *document* is what a query finds, as TREC's files name it: a drug's id, or a set of
    ingredients (`ingredients_document`).

    Attributes:
        topics: those that the catalogue has an answer to.
        missing: ids of the others, which are left out: nothing that they ask for is there.
        grades: topic id to document to grade (TREC's qrels).
        documents: topic id to drug id to document, for topics whose unit is ``ingredients``.
        names: document to the drug's label name, for people; documents that are not there name
            themselves.
    """

    topics: tuple[Topic, ...]
    missing: tuple[str, ...]
    grades: Mapping[str, Mapping[str, int]]
    documents: Mapping[str, Mapping[str, str]] = {}
    names: Mapping[str, str] = {}


def judge(topics: Sequence[Topic], drugs: Iterable[Drug]) -> Judged:
    """Find the drugs that each topic's judgements mean.

    Where several judgements mean a drug, the best grade counts. In topics whose unit is
    ``ingredients``, a combination that holds the ingredients of a judgement counts as beside it,
    unless it is judged itself.

    Args:
        topics: what was judged.
        drugs: of the whole catalogue, each once.
    """
    lookup = _Lookup(topics)
    grades: dict[str, dict[str, int]] = {topic.id: {} for topic in topics}
    documents: dict[str, dict[str, str]] = defaultdict(dict)
    names: dict[str, str] = {}
    for drug in drugs:
        named = ingredients_document(drug.ingredients)
        for topic, grade in lookup.grades(drug):
            document = drug.id if topic.unit == "drug" else named
            found = grades[topic.id]
            found[document] = max(grade, found.get(document, 0))
            if topic.unit == "ingredients":
                documents[topic.id][drug.id] = document
            else:
                names[document] = drug.name
    answered = {topic.id for topic in topics if RIGHT in grades[topic.id].values()}
    return Judged(
        topics=tuple(topic for topic in topics if topic.id in answered),
        missing=tuple(topic.id for topic in topics if topic.id not in answered),
        grades={key: grades[key] for key in grades if key in answered},
        documents={key: documents[key] for key in documents if key in answered},
        names=names,
    )


def catalogue_drugs(catalogue: Catalogue) -> Iterator[Drug]:
    """Read every drug of the live generation, packages included.

    Raises:
        CatalogueNotIndexed: nothing was loaded yet.
        IndexUnavailable: Redis does not answer.
    """
    store = DrugStore(catalogue, catalogue.require_live())
    seen: set[str] = set()
    for ids in store.ids():
        # SCAN may give a key twice.
        new = [one for one in dict.fromkeys(ids) if one not in seen]
        seen.update(new)
        yield from (drug for drug in store.get(new) if drug is not None)


def ingredients_document(ingredients: Iterable[str]) -> str:
    """Name a set of ingredients as a document: ``ethinyl_estradiol+norethindrone``."""
    return "+".join(sorted("_".join(fold(name).split()) for name in ingredients))


class _Lookup:
    """Every judgement, by what a drug must have to be meant: to try them all would take minutes."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._by_ingredient: dict[str, list[tuple[Topic, Judgement, int]]] = defaultdict(list)
        self._others: list[tuple[Topic, Judgement, int]] = []
        for topic in topics:
            for judgement, grade in topic.judgements():
                names = ingredient_names(judgement.ingredients or judgement.contains)
                where = self._by_ingredient[min(names)] if names else self._others
                where.append((topic, judgement, grade))

    def grades(self, drug: Drug) -> Iterator[tuple[Topic, int]]:
        """Give the topics that a drug is judged for, with its grade in each judgement."""
        names = {fold(name) for name in drug.ingredients}
        for name in names:
            for topic, judgement, grade in self._by_ingredient.get(name, ()):
                if judgement.means(drug):
                    yield topic, grade
                elif topic.unit == "ingredients" and _holds(judgement, names, drug):
                    yield topic, min(grade, BESIDE)
        for topic, judgement, grade in self._others:
            if judgement.means(drug):
                yield topic, grade


def _holds(judgement: Judgement, names: set[str], drug: Drug) -> bool:
    """Tell whether a drug is a combination that holds what is meant, and more."""
    if not names > ingredient_names(judgement.ingredients):
        return False
    among = msgspec.structs.replace(judgement, ingredients="", contains=judgement.ingredients)
    return among.means(drug)
