"""A query, understood."""

from __future__ import annotations

import msgspec

from rxindex.search.answer import Part, Understanding
from rxindex.search.filters import Filters
from rxindex.search.wanted import Wanted

__all__ = ["Understood"]


class Understood(msgspec.Struct, frozen=True):
    """A query, understood.

    Attributes:
        query: as it was typed.
        ndc: canonical forms of every reading of a code; empty if the query is none.
        products: labeler and product of every reading, where the code has no package.
        insisted: the filters of the request.
        said: the filters of the words.
        wanted: what is looked for, in the order of the query.
        words: what is left: neither known, nor a filter, nor empty.
        text: all words but the filters, for the model.
        either: any one of what is wanted will do.
        exact: as the request has it.
        understanding: the same for people.
    """

    query: str
    ndc: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    insisted: Filters = Filters()
    said: Filters = Filters()
    wanted: tuple[Wanted, ...] = ()
    words: tuple[str, ...] = ()
    text: str = ""
    either: bool = False
    exact: bool = False
    understanding: Understanding = Understanding()

    @property
    def filters(self) -> Filters:
        """All filters: those of the request and those of the words."""
        return self.insisted.with_(self.said)

    def as_words(self) -> Understood:
        """Give the same query with nothing known of its words: they are looked for as text."""
        typed = [one.correction.typed if one.correction else one.text for one in self.wanted]
        words = (*typed, *self.words)
        told = Understanding(tuple(Part(word, "word") for word in words))
        return msgspec.structs.replace(self, wanted=(), words=words, understanding=told)

    @property
    def corrected(self) -> str:
        """What was searched for where that is not what was typed; else empty."""
        return ", ".join(one.text for one in self.wanted if one.correction is not None)
