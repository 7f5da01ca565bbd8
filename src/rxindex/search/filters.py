"""What narrows an answer: read out of the words of a query, and out of a request.

`FilterReader` takes strengths, forms, routes, schedules, the wish for brand or generic, labelers
and pack sizes out of a query, each as the values that the catalogue itself has, so that Redis is
asked for whole values. What the catalogue has no value for stays a word of the query, but for a
strength with its unit: that can be nothing else, and matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from rxindex.index.escape import tag_in
from rxindex.index.lexicon import Lexicon
from rxindex.search.answer import Part
from rxindex.search.filter_words import FilterWords, Reading
from rxindex.search.request import SearchRequest

__all__ = ["FilterReader", "Filters", "Taken"]

#: Every group has to hold, and any value of it will do.
Groups = tuple[tuple[str, ...], ...]

#: The most values of one group that Redis is asked for. Of more, those of most drugs are.
_MOST_VALUES = 256
#: No drug has fewer packages than none.
_NOTHING = "@count:[-1 -1]"
_FIELDS = {
    "strengths": "strength", "forms": "form", "routes": "routes", "classes": "classes_is",
    "schedules": "schedule", "kinds": "kind", "labelers": "labelers",
    "ingredients": "ingredients",
}  # fmt: skip


class Filters(msgspec.Struct, frozen=True):
    """What narrows an answer. False if nothing does; pack sizes do not.

    Values are as the index holds them. Of each facet there are groups of values: every group has
    to hold, and any value of it will do. A group without a value of the catalogue matches nothing.

    Attributes:
        strengths: of single ingredients; in a group are equal ones in other units, too.
        forms: dosage forms.
        routes: routes of administration.
        classes: class names.
        schedules: DEA schedules.
        kinds: ``brand``, ``generic``.
        labelers: who sells a package.
        ingredients: active ingredients.
        active: leave out drugs of which every package is obsolete.
        sizes: pack sizes (``30``, ``10 mL``). The index has none: packages are compared with it.
        said: the same, pack sizes apart, as a person said it.
    """

    strengths: Groups = ()
    forms: Groups = ()
    routes: Groups = ()
    classes: Groups = ()
    schedules: Groups = ()
    kinds: Groups = ()
    labelers: Groups = ()
    ingredients: Groups = ()
    active: bool = False
    sizes: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.active or any(getattr(self, name) for name in _FIELDS)

    def clause(self) -> str:
        """Write the clauses of a query; an empty string if nothing narrows it."""
        clauses = [
            _clause(field, group)
            for name, field in _FIELDS.items()
            for group in getattr(self, name)
        ]
        if self.active:
            clauses.append(tag_in("status", ["active"]))
        return " ".join(clauses)

    def words(self) -> str:
        """Say what narrows the answer, for a note: ``20 mg, tablet``."""
        return ", ".join(self.said)

    def with_(self, other: Filters) -> Filters:
        """Give the filters that let through what both of them do."""
        together = {name: getattr(self, name) + getattr(other, name) for name in _FIELDS}
        return Filters(
            **together,
            active=self.active or other.active,
            sizes=tuple(dict.fromkeys(self.sizes + other.sizes)),
            said=tuple(dict.fromkeys(self.said + other.said)),
        )


class Taken(msgspec.Struct, frozen=True):
    """A query after its filters were taken out.

    Attributes:
        rest: the query with blanks in their place, as long as before.
        filters: what was taken out.
        parts: the same piece by piece: where each began, and what was made of it.
    """

    rest: str
    filters: Filters
    parts: tuple[tuple[int, Part], ...]


class FilterReader:
    """Reads filters as one catalogue has them. Thread-safe, since it never changes."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Prepare the words: some tenths of a second for a large catalogue.

        Args:
            lexicon: the catalogue's names and values.
        """
        self._words = FilterWords(lexicon)
        ingredients = {one.text: 1 for one in lexicon.names if one.kind == "ingredient"}
        by_facet: dict[str, Mapping[str, int]] = {
            "form": lexicon.forms, "route": lexicon.routes, "class_": lexicon.classes,
            "schedule": lexicon.schedules, "kind": lexicon.kinds, "labeler": lexicon.labelers,
            "strength": lexicon.strengths, "ingredient": ingredients,
        }  # fmt: skip
        self._written = {
            facet: {value.casefold(): value for value in values}
            for facet, values in by_facet.items()
        }

    def read(self, text: str, names: Sequence[tuple[int, int]] = ()) -> Taken:
        """Take the filters out of a query.

        Args:
            text: the query.
            names: spans that were recognised as names, classes or uses (first character, and
                the place after the last); nothing in them is read as a filter.
        """
        reading = Reading(text, names)
        self._words.read(reading)
        filters = Filters(
            strengths=tuple(dict.fromkeys(reading.strengths)),
            forms=_group(reading.together("form")),
            routes=_group(reading.any_of("route")),
            schedules=_group(reading.any_of("schedule")),
            kinds=_group(reading.any_of("kind")),
            labelers=_group(reading.any_of("labeler")),
            active=reading.active,
            sizes=tuple(dict.fromkeys(reading.sizes)),
            said=tuple(dict.fromkeys(p.text for _, p in reading.parts if p.kind != "size")),
        )
        return Taken(reading.rest, filters, reading.parts)

    def of_request(self, request: SearchRequest) -> Filters:
        """Take the filters of a request, whatever the case of their values.

        Several values of one filter are alternatives. A value that the catalogue does not have
        is kept as it is, and matches nothing.
        """
        groups: dict[str, Groups] = {}
        said: list[str] = []
        for facet, written in self._written.items():
            values: tuple[str, ...] = getattr(request, facet)
            found = dict.fromkeys(written.get(value.strip().casefold(), value) for value in values)
            groups[facet] = _group(found)
            said += found
        return Filters(
            strengths=groups["strength"],
            forms=groups["form"],
            routes=groups["route"],
            classes=groups["class_"],
            schedules=groups["schedule"],
            kinds=groups["kind"],
            labelers=groups["labeler"],
            ingredients=groups["ingredient"],
            active=request.active,
            said=(*said, *(["active only"] if request.active else [])),
        )


def _group(values: Iterable[str]) -> Groups:
    group = tuple(values)
    return (group,) if group else ()


# Families of forms come again with every other query, and have dozens of values to escape.
@lru_cache(maxsize=4096)
def _clause(field: str, group: tuple[str, ...]) -> str:
    values = [value for value in group[:_MOST_VALUES] if value.isprintable() and value.strip()]
    return tag_in(field, values) if values else _NOTHING
