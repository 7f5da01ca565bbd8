"""Candidates in order: the tier first, then a weighted sum within it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple, Protocol

import msgspec

from rxindex.index.schema import SEPARATOR
from rxindex.search.retrieve import TIERS, Candidate, Tier
from rxindex.search.understood import Understood
from rxindex.search.wanted import Wanted

__all__ = ["Ranked", "Usage", "rank"]


class Usage(Protocol):
    """What is known of how drugs are used (see `rxindex.vocabulary.Vocabulary`)."""

    def commonness(self, ingredients: Sequence[str]) -> float:
        """Tell how often drugs with these ingredients are prescribed, 0 to 1."""

    def usualness(self, ingredients: Sequence[str], indications: Sequence[str]) -> float:
        """Tell how usual it is to give them for a use, 0 to 1."""


#: Within a tier that names a drug: how often its ingredients are prescribed, how many packages
#: there are of it, a simple composition, and being a generic count (who asks for a brand has a
#: tier of its own). They sum to one.
_NAMED = (0.35, 0.35, 0.15, 0.15)

#: Within a tier that goes across a class or a use, all match equally by their words; how often
#: the substance is prescribed says most about what a prescriber has in mind. Then its packages,
#: a simple composition, and the similarity of meaning.
_SPREAD = (0.60, 0.10, 0.20, 0.10)

#: How much it counts that a strength is the very one that was asked for, not merely equal to it.
_EXACT = 0.5

#: For a use: how usual it is to give the drug for it comes in the place of meaning.
_USE = (0.30, 0.20, 0.10, 0.40)

#: The best and the worst match of one tier are this far apart, less than any two tiers are.
_WIDTH = 0.045

#: Vectors less alike than this have nothing to do with each other.
_LEAST_COSINE = 0.3

#: Packages from which on a drug or substance is as common as can be.
_COMMONEST = 1500

_SHARES = tuple(math.log1p(n) / math.log1p(_COMMONEST) for n in range(_COMMONEST + 1))

#: A beginning of the names of so many substances is answered across them.
_MANY = 4


class Ranked(msgspec.Struct, frozen=True):
    """A candidate with its score.

    Attributes:
        candidate: the candidate.
        tier: the tier that it is shown with.
        score: 0 to 1, the tier's worth less a little for a match that could be better.
    """

    candidate: Candidate
    tier: Tier
    score: float


def rank(candidates: list[Candidate], asked: Understood, usage: Usage) -> list[Ranked]:
    """Order candidates.

    What has all that was asked for comes first. Of several drugs, each has its best hit before
    any has a second. Nearness of meaning only counts where no drug was named; drugs whose every
    package is obsolete come last within their tier; tiers that stand for a class or a use go
    across ingredients before they list strengths.

    Args:
        candidates: each drug once.
        asked: the query, understood.
        usage: of ingredients.
    """
    kept = _kept(candidates, asked)
    packages: dict[str, int] = defaultdict(int)
    for one in kept:
        packages[one.ingredients] += one.packages
    uses = [name for wanted in asked.wanted for name in wanted.indications]
    measures = {key: _measure(key, count, uses, usage) for key, count in packages.items()}
    shown = [_as_corrected(wanted) for wanted in asked.wanted]
    exact = [group[0].casefold() for group in asked.filters.strengths if group]
    ranked = [_ranked(one, shown, measures[one.ingredients], exact) for one in kept]
    together = [found for found in ranked if found.candidate.together]
    each: dict[int, list[Ranked]] = defaultdict(list)
    for found in ranked:
        if not found.candidate.together:
            each[found.candidate.of].append(found)
    lists = [_in_order(each[place], asked) for place in sorted(each)]
    turns = [found for turn in zip_longest(*lists) for found in turn if found is not None]
    return [*_in_order(together, asked), *turns]


def _kept(candidates: list[Candidate], asked: Understood) -> list[Candidate]:
    """Leave out what only matched a lesser part of the query than others did."""
    kept = [one for one in candidates if one.tier.name != "meaning" or one.cosine >= _LEAST_COSINE]
    named = {n for n, wanted in enumerate(asked.wanted) if wanted.named}
    if named and len(named) < len(asked.wanted):
        # "metformin for diabetes" is about metformin: other drugs for diabetes are not asked for.
        together = any(one.together for one in kept)
        return [one for one in kept if (one.together if together else one.of in named)]
    return kept


class _Measures(NamedTuple):
    """What speaks for all drugs of one set of ingredients.

    Attributes:
        named: the share of it in `_NAMED` that comes first, how often they are prescribed.
        simple: the share there of a simple composition.
        spread: all of `_SPREAD` but the similarity of meaning.
        use: all of `_USE`.
    """

    named: float
    simple: float
    spread: float
    use: float


def _measure(key: str, packages: int, uses: Sequence[str], usage: Usage) -> _Measures:
    ingredients = key.split(SEPARATOR)
    prescribed = usage.commonness(ingredients)
    common, simple = _share(packages), 1 / len(ingredients)
    usual = usage.usualness(ingredients, uses) if uses else 0.0
    a, b, c, _ = _SPREAD
    spread = a * prescribed + b * common + c * simple
    a, b, c, d = _USE
    use = a * prescribed + b * common + c * simple + d * usual
    return _Measures(_NAMED[0] * prescribed, _NAMED[2] * simple, spread, use)


def _ranked(
    one: Candidate, shown: Sequence[Tier | None], of: _Measures, exact: Sequence[str]
) -> Ranked:
    tier = one.tier
    if tier.name == "indication":
        within = of.use
    elif tier.spread:
        within = of.spread + _SPREAD[3] * max(one.cosine, 0.0)
    else:
        generic = _NAMED[3] if one.kind == "generic" else 0.0
        within = of.named + _NAMED[1] * _share(one.packages) + of.simple + generic
    if one.of < len(shown) and tier.name != "meaning":
        tier = shown[one.of] or tier
    if exact:
        within = (1 - _EXACT) * within + _EXACT * _is_exact(one, exact)
    return Ranked(one, tier, round(tier.worth - _WIDTH * (1 - within), 4))


def _is_exact(one: Candidate, exact: Sequence[str]) -> bool:
    """Tell whether it has each strength as it was asked for: 250 mg, and not 250 mg in 5 mL."""
    held = [part.strip() for part in one.strength.casefold().split(SEPARATOR)]
    return all(strength in held for strength in exact)


def _share(packages: int) -> float:
    return _SHARES[packages if packages < _COMMONEST else _COMMONEST]


def _as_corrected(wanted: Wanted) -> Tier | None:
    """Give the tier that hits are shown with: of a corrected name, how it was corrected."""
    if wanted.correction is None:
        return None
    return TIERS["sound" if wanted.correction.how == "sound" else "spelling"]


def _in_order(ranked: list[Ranked], asked: Understood) -> list[Ranked]:
    """Order by tier; within one, active drugs first, and across ingredients where it spreads."""
    ordered = sorted(ranked, key=_key)
    begun = any(wanted.beginning for wanted in asked.wanted)
    many = begun and len({one.candidate.ingredients for one in ordered}) >= _MANY
    if not many and not any(one.candidate.tier.spread for one in ordered):
        return ordered
    alone = {(one.candidate.tier.name, one.candidate.ingredients) for one in ordered}
    turns = Counter[tuple[str, bool, str]]()
    placed = []
    for place, one in enumerate(ordered):
        found = one.candidate
        spread = found.tier.spread or (many and found.tier.name == "name")
        group = (found.tier.name, found.active, found.ingredients)
        turn = turns[group] if spread else 0
        turns[group] += 1
        several = spread and SEPARATOR in found.ingredients
        if several and any(
            (found.tier.name, part) in alone for part in found.ingredients.split(SEPARATOR)
        ):
            # Lisinopril with another drug is a second lisinopril to who asks for a class.
            turn += 1
        placed.append((-found.tier.worth, not found.active, turn, place))
    placed.sort()
    return [ordered[place] for _, _, _, place in placed]


def _key(one: Ranked) -> tuple[float, bool, float, int, str]:
    found = one.candidate
    return -found.tier.worth, not found.active, -one.score, -found.packages, found.id
