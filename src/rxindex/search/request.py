"""What a caller asks for: the words, and how the answer should be cut."""

from __future__ import annotations

import msgspec

from rxindex.errors import QueryError

__all__ = ["FILTERS", "LONGEST_QUERY", "MOST_HITS", "MOST_OFFSET", "MOST_VALUES", "SearchRequest"]

#: Characters. A prescriber types a dozen; what is longer is refused rather than searched.
LONGEST_QUERY = 300

#: The most hits that one answer holds.
MOST_HITS = 100

#: The last place at which an answer may begin: nobody turns so many pages.
MOST_OFFSET = 900

#: The most values that one filter takes.
MOST_VALUES = 20


class SearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A search.

    The filters take values as facets show them and hits carry them; several values of one filter
    are alternatives, several filters have to hold together, and all of them together with what
    the words themselves ask for.

    Attributes:
        q: what a prescriber typed.
        limit: how many hits, 1 to `MOST_HITS`.
        offset: how many to leave out before the first, 0 to `MOST_OFFSET`.
        exact: take the words as they are typed: no correction, no sound, no meaning.
        facets: count the values of each facet over all that matched.
        group: one hit for each set of ingredients, which says how many more there are.
        form: dosage forms.
        route: routes of administration.
        class_: class names; ``class`` in JSON.
        schedule: DEA schedules, ``CII`` to ``CV``.
        kind: ``brand``, ``generic``.
        labeler: who sells one of its packages.
        strength: as hits show them, one ingredient's at a time (``20 mg``).
        ingredient: active ingredients.
        composition: exactly these active ingredients and no others, in any order: opens one
            group of a grouped answer.
        active: leave out drugs of which every package is obsolete.
    """

    q: str
    limit: int = 10
    offset: int = 0
    exact: bool = False
    facets: bool = False
    group: bool = False
    form: tuple[str, ...] = ()
    route: tuple[str, ...] = ()
    class_: tuple[str, ...] = msgspec.field(default=(), name="class")
    schedule: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    labeler: tuple[str, ...] = ()
    strength: tuple[str, ...] = ()
    ingredient: tuple[str, ...] = ()
    composition: tuple[str, ...] = ()
    active: bool = False

    def check(self) -> None:
        """Refuse what is out of bounds.

        Raises:
            QueryError: the message says what, and what is allowed.
        """
        if not 1 <= self.limit <= MOST_HITS:
            raise QueryError(f"the limit is {self.limit}; give a number from 1 to {MOST_HITS}")
        if not 0 <= self.offset <= MOST_OFFSET:
            raise QueryError(f"the offset is {self.offset}; give a number from 0 to {MOST_OFFSET}")
        for name in (*FILTERS, "composition"):
            values = getattr(self, name)
            shown = name.rstrip("_")
            if len(values) > MOST_VALUES:
                raise QueryError(f"{shown} has {len(values)} values; give at most {MOST_VALUES}")
            for value in values:
                if not value.strip() or len(value) > LONGEST_QUERY or not value.isprintable():
                    raise QueryError(
                        f"{shown} has a value that is blank, unprintable or longer than "
                        f"{LONGEST_QUERY} characters; give values as the facets show them"
                    )


#: The fields of a request that are filters with values.
FILTERS = (
    "form", "route", "class_", "schedule", "kind", "labeler", "strength", "ingredient",
)  # fmt: skip
