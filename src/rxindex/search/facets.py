"""Facets: which values the drugs that matched have, and how many of them have each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rxindex.index.lexicon import Lexicon
from rxindex.index.schema import SEPARATOR
from rxindex.search.answer import FacetValue
from rxindex.search.retrieve import FACET_FIELDS, Candidate

__all__ = ["all_values", "count_facets"]

#: Values of one facet in an answer: more are not read.
_MOST = 20

#: As the index names them, and as requests and answers do.
_SHOWN = {"routes": "route", "classes": "class", "labelers": "labeler"}


def count_facets(candidates: Iterable[Candidate]) -> Mapping[str, tuple[FacetValue, ...]]:
    """Count the values of each facet.

    Args:
        candidates: with the values of `FACET_FIELDS`.

    Returns:
        For each facet its commonest values, at most 20.
    """
    counted: dict[str, Counter[str]] = {
        name: Counter() for name in (*FACET_FIELDS, "kind", "ingredient")
    }
    for one in candidates:
        for name, stored in zip(FACET_FIELDS, one.facets, strict=True):
            counted[name].update(filter(None, stored.split(SEPARATOR)))
        counted["kind"][one.kind] += 1
        counted["ingredient"].update(filter(None, one.ingredients.split(SEPARATOR)))
    return {
        _SHOWN.get(name, name): tuple(
            FacetValue(value, drugs) for value, drugs in _commonest(values)[:_MOST]
        )
        for name, values in counted.items()
    }


def all_values(lexicon: Lexicon) -> Mapping[str, tuple[FacetValue, ...]]:
    """Give every value of every filter in a catalogue, the commonest first."""
    values = {
        "form": lexicon.forms,
        "route": lexicon.routes,
        "class": lexicon.classes,
        "schedule": lexicon.schedules,
        "kind": lexicon.kinds,
        "labeler": lexicon.labelers,
        "strength": lexicon.strengths,
    }
    return {
        name: tuple(FacetValue(value, drugs) for value, drugs in _commonest(counted))
        for name, counted in values.items()
    }


def _commonest(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
