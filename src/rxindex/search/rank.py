"""Candidates in order: the tier first, then a weighted sum within it."""

from __future__ import annotations

import math
from collections import Counter

from rapidfuzz import fuzz

from rxindex.search.retrieve import Candidate
from rxindex.search.understand import Understood

__all__ = ["Ranked", "rank"]

#: Few hits of firm tiers mean that the spelling may be wrong.
THIN = 3

#: Within a tier that names a drug: how much the text score, the similarity of meaning, how
#: common the drug is, and a simple composition count. They sum to one.
_NAMED = (0.35, 0.25, 0.25, 0.15)

#: Within a tier that goes across a class or a use, all match equally by their words; how common
#: the substance is says most about what a prescriber has in mind.
_SPREAD = (0.0, 0.25, 0.55, 0.20)

#: The best and the worst match of one tier are this far apart, less than any two tiers are.
_WIDTH = 0.045

#: Names less alike than this (0 to 100) are not misspellings of each other.
_LEAST_ALIKE = 68.0

#: Tiers in which a drug was asked for by its name: what merely has a near vector, or sounds
#: alike, is then noise.
_NAMES = frozenset({"ndc", "brand", "generic", "name"})

#: Vectors less alike than this have nothing to do with each other.
_LEAST_COSINE = 0.3

#: Packages from which on a drug or substance is as common as can be.
_COMMONEST = 1500


class Ranked:
    """A candidate with its score.

    Attributes:
        candidate: the candidate.
        score: 0 to 1, the tier's worth less a little for a match that could be better.
    """

    __slots__ = ("candidate", "score")

    def __init__(self, candidate: Candidate, score: float) -> None:
        self.candidate = candidate
        self.score = score


def rank(candidates: list[Candidate], asked: Understood, limit: int) -> list[Ranked]:
    """Order candidates and cut the list.

    Fuzzy and phonetic matches only count where the tiers above them found little, and nearness
    of meaning only where no drug was named; drugs whose every package is obsolete come last
    within their tier; tiers that stand for a class or a use go across ingredients before they
    list strengths.

    Args:
        candidates: each drug once.
        asked: the query.
        limit: how many to keep.
    """
    firm = sum(not one.tier.thin and one.tier.name != "meaning" for one in candidates)
    named = any(one.tier.name in _NAMES for one in candidates)

    def counts(one: Candidate) -> bool:
        if one.tier.thin:
            # A name that the vocabulary knows is not misspelled, only not in this catalogue:
            # whoever asks for prednisone must not be given prednisolone for it.
            return firm < THIN and not (named or asked.whole) and _is_alike(one, asked.name)
        if one.tier.name == "meaning":
            return not named and one.cosine >= _LEAST_COSINE
        return True

    kept = [one for one in candidates if counts(one)]
    common = Counter[str]()
    for one in kept:
        common[one.ingredients] += one.packages
    ranked = [Ranked(one, _score(one, common[one.ingredients])) for one in kept]
    ranked.sort(key=_order)
    return _spread(ranked)[:limit]


def _score(one: Candidate, of_substance: int) -> float:
    lexical, cosine, common, simple = _SPREAD if one.tier.spread else _NAMED
    packages = of_substance if one.tier.spread else one.packages
    within = (
        lexical * one.lexical
        + cosine * max(one.cosine, 0.0)
        + common * min(math.log1p(packages) / math.log1p(_COMMONEST), 1.0)
        + simple / (1 + one.ingredients.count(";"))
    )
    return round(one.tier.worth - _WIDTH * (1 - within), 4)


def _order(one: Ranked) -> tuple[float, bool, float, int, str]:
    found = one.candidate
    return -found.tier.worth, not found.active, -one.score, -found.packages, found.id


def _is_alike(one: Candidate, name: str) -> bool:
    """Tell whether a fuzzy match is near enough, and take its nearness for its text score."""
    names = [one.brand, one.generic, *one.ingredients.split(";")]
    best = max(
        (fuzz.ratio(name.casefold(), other.casefold()) for other in names if other), default=0.0
    )
    one.lexical = best / 100
    return best >= _LEAST_ALIKE


def _spread(ordered: list[Ranked]) -> list[Ranked]:
    """Within tiers that spread, let each ingredient set have its best drug before any second."""
    turns = Counter[tuple[str, str]]()
    placed = []
    for place, one in enumerate(ordered):
        found = one.candidate
        group = (found.tier.name, found.ingredients)
        turn = turns[group] if found.tier.spread else 0
        turns[group] += 1
        placed.append(((-found.tier.worth, not found.active, turn, place), one))
    placed.sort(key=lambda pair: pair[0])
    return [one for _, one in placed]
