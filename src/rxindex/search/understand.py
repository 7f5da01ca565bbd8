"""What a prescriber's few words mean, without asking a model.

Codes are read in all their forms. Names, abbreviations, classes and uses are found first, so that
nothing inside a name is taken for anything else; strengths, forms, routes and the like become
filters; what is still unknown is taken for the beginning of a name, or for a misspelled one. Every
step leaves a trace in `Understanding`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rxindex.errors import QueryError
from rxindex.index.lexicon import Lexicon, Name
from rxindex.ndc import ndc_readings
from rxindex.search.answer import Part, Understanding
from rxindex.search.filters import FilterReader
from rxindex.search.reading import Reading, Tools
from rxindex.search.request import LONGEST_QUERY, SearchRequest
from rxindex.search.spelling import Speller
from rxindex.search.understood import Understood
from rxindex.search.wanted import Names
from rxindex.vocabulary import Vocabulary

__all__ = ["Reader"]

_CODE_LABEL = re.compile(r"^\s*(?:ndc|gtin|upc)\s*[:#]?\s*(?=[\d(])", re.IGNORECASE)
_PRODUCT = re.compile(r"(\d{4})-(\d{4})|(\d{5})-(\d{3,4})", re.ASCII)


class Reader:
    """Reads queries for one catalogue. Safe to use from several threads.

    Args:
        lexicon: of the catalogue.
        vocabulary: the same as at indexing.
        commonness: 0 to 1, how often a name is meant.
    """

    def __init__(
        self, lexicon: Lexicon, vocabulary: Vocabulary, commonness: Callable[[Name], float]
    ) -> None:
        self.tools = Tools(
            lexicon,
            Names(lexicon, vocabulary),
            Speller(lexicon, vocabulary, commonness),
            FilterReader(lexicon),
        )

    def read(self, request: SearchRequest) -> Understood:
        """Read a query. One without words is for all that pass the request's filters.

        Raises:
            QueryError: it has neither words nor filters, or is too long, or was no UTF-8.
        """
        asked = self.tools.filters.of_request(request)
        text = _clean(request.q)
        if not (text or asked or request.composition):
            raise QueryError("the query is empty: type a drug name, a class, a use, or an NDC")
        code = _CODE_LABEL.sub("", text)
        codes = tuple(dict.fromkeys(reading.canonical for reading in ndc_readings(code)))
        products = _products(code)
        if codes or products:
            return Understood(
                request.q,
                codes,
                products,
                asked,
                exact=request.exact,
                understanding=Understanding((Part(text, "ndc", codes or products),)),
            )
        if (whole := self.tools.names.find(text)) is not None:
            # All of it is known ("eye drops allergy" is a use, not a form).
            part = Part(whole.text, whole.kind, whole.means)
            return Understood(
                request.q,
                insisted=asked,
                wanted=(whole,),
                text=text,
                exact=request.exact,
                understanding=Understanding((part,)),
            )
        return Reading(self.tools, text, request).understood(asked)


def _products(code: str) -> tuple[str, ...]:
    """Read a product's code (labeler and product, 21 CFR 207.33), without a package.

    Returns:
        In nine digits (5-4), as the index has them; nothing if it is none.
    """
    found = _PRODUCT.fullmatch(code.strip())
    if not found:
        return ()
    labeler, product = filter(None, found.groups())
    return (f"{labeler:0>5}{product:0>4}",)


def _clean(query: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in query):
        raise QueryError("the query is not text: some of its bytes are not UTF-8")
    text = " ".join(query.split())
    if len(text) > LONGEST_QUERY:
        raise QueryError(f"the query has {len(text)} characters, the limit is {LONGEST_QUERY}")
    return text
