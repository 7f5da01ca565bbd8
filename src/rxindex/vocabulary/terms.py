"""From a term that a prescriber types to what it stands for.

Recognition is exact; misspellings are for `rxindex.search.spelling`. Case, spaces and punctuation
do not count (``beta blocker``, ``Beta-Blocker``), and a class is recognised in the plural.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from rxindex.vocabulary.model import (
    Combination,
    DrugClass,
    Expansion,
    Indication,
    Ingredient,
    TermKind,
)

__all__ = ["TermTable", "term_key"]


_ASCII_MARKS = str.maketrans("", "", "".join(c for c in map(chr, range(128)) if not c.isalnum()))


def term_key(term: str) -> str:
    """Reduce a term to what counts when two terms are compared.

    Args:
        term: A term as typed.

    Returns:
        Its letters and digits in lower case, without accents.
    """
    if term.isascii():
        # Nearly all are, and the table is made at every start: this is twenty times as quick.
        return term.lower().translate(_ASCII_MARKS)
    return "".join(c for c in unicodedata.normalize("NFKD", term.casefold()) if c.isalnum())


class TermTable:
    """Every term of the vocabulary and what it stands for."""

    def __init__(
        self,
        ingredients: Mapping[str, Ingredient],
        classes: Mapping[str, DrugClass],
        indications: Mapping[str, Indication],
        combinations: Iterable[Combination],
    ) -> None:
        """Collect the terms.

        A term with two meanings of one kind stands for both. A term with meanings of two kinds
        keeps the kind that comes first: ingredient, brand, abbreviation, class, indication.

        Args:
            ingredients: By name.
            classes: By id.
            indications: By id.
            combinations: The fixed-dose combinations.
        """
        self._table: dict[str, tuple[TermKind, tuple[str, ...], bool]] = {}
        mixed = tuple(combinations)
        for ingredient in ingredients.values():
            self._add("ingredient", (ingredient.name, *ingredient.synonyms), (ingredient.name,))
        for ingredient in ingredients.values():
            self._add("brand", ingredient.brands, (ingredient.name,))
        for combination in mixed:
            self._add("brand", combination.brands, combination.ingredients)
        for ingredient in ingredients.values():
            self._add("abbreviation", ingredient.abbreviations, (ingredient.name,))
        for combination in mixed:
            self._add("abbreviation", combination.abbreviations, combination.ingredients)
        for drug_class in classes.values():
            said = (drug_class.name, *drug_class.names, *drug_class.abbreviations)
            self._add("class", said, (drug_class.name,))
        for indication in indications.values():
            said = (indication.name, *indication.names, *indication.plain)
            self._add("indication", said, (indication.name,))

    def recognise(self, term: str) -> Expansion | None:
        """Recognise a term.

        Args:
            term: A term as typed, and nothing else around it.

        Returns:
            What it stands for, or None.
        """
        key = term_key(term)
        found = self._table.get(key)
        if found is None:
            # Only classes are spoken of in the plural; a brand that ends in "s" is a name.
            plurals = (self._table.get(singular) for singular in _singulars(key))
            found = next((hit for hit in plurals if hit and hit[0] == "class"), None)
        return None if found is None else Expansion(*found)

    def _add(self, kind: TermKind, terms: Iterable[str], names: tuple[str, ...]) -> None:
        for term in terms:
            key = term_key(term)
            if not key:
                continue
            known = self._table.get(key)
            if known is None:
                self._table[key] = (kind, names, False)
            elif known[0] == kind and set(known[1]) != set(names):
                self._table[key] = (kind, tuple(dict.fromkeys((*known[1], *names))), True)


def _singulars(key: str) -> tuple[str, ...]:
    if len(key) < 3 or not key.endswith("s"):
        return ()
    if key.endswith("ies"):
        return (key[:-1], f"{key[:-3]}y")
    if key.endswith("es"):
        return (key[:-1], key[:-2])
    return (key[:-1],)
