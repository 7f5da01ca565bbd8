"""From a substance as a catalogue writes it to the ingredient it contains.

A catalogue writes ``ATORVASTATIN CALCIUM TRIHYDRATE`` where a prescriber says atorvastatin. The
whole name is tried first, so that a name which is itself a salt (sodium chloride, calcium
carbonate) stays whole; then words that name a salt, an ester or a hydrate are dropped from the
end, one at a time; then qualifiers are dropped from the start (``ANHYDROUS CITRIC ACID``). A name
made of nothing but such words is never stripped to nothing: it is unknown. Last, the four-letter
suffix of a biological product is dropped (``BEVACIZUMAB-AWWB``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rxindex.vocabulary.model import Ingredient, SaltWords

__all__ = ["REMEMBERED_SUBSTANCES", "SubstanceJoin", "substance_words"]

REMEMBERED_SUBSTANCES = 8192
"""How many substances a join remembers. A national catalogue has about half as many."""

_WORD = re.compile(r"[a-z0-9]+")
_GREEK = str.maketrans(
    {"\u03b1": "alpha", "\u03b2": "beta", "\u03b3": "gamma", "\u03b4": "delta", "\u03c9": "omega"}
)
# The four meaningless letters that tell one maker's biological product from another's.
_BIOLOGIC_SUFFIX = re.compile(r"-[a-z]{4}$", re.IGNORECASE)


def substance_words(substance: str) -> tuple[str, ...]:
    """Cut the name of a substance into comparable words.

    Case, accents, punctuation and the dots around Greek letters (``.ALPHA.-TOCOPHEROL``) do not
    count.

    Args:
        substance: A name in any style.

    Returns:
        Its words in lower case, in order; empty when the text has no letter and no digit.
    """
    text = unicodedata.normalize("NFKD", substance.casefold()).translate(_GREEK)
    if not text.isascii():
        # Accents are dropped, not turned into spaces, so that an accented name keeps its words.
        text = "".join(mark for mark in text if not unicodedata.combining(mark))
    return tuple(_WORD.findall(text))


class SubstanceJoin:
    """Finds the ingredient that a substance contains."""

    def __init__(self, ingredients: Iterable[Ingredient], salts: SaltWords) -> None:
        """Index the names and the synonyms of the ingredients.

        Args:
            ingredients: Every known ingredient.
            salts: Words that may surround a name.
        """
        known = tuple(ingredients)
        names: dict[tuple[str, ...], Ingredient] = {}
        for ingredient in known:
            names[substance_words(ingredient.name)] = ingredient
        # Names first, all of them: a synonym never hides another ingredient's own name.
        for ingredient in known:
            for synonym in ingredient.synonyms:
                names.setdefault(substance_words(synonym), ingredient)
        names.pop((), None)
        self._names = names
        self._trailing = _single_words(salts.trailing)
        self._leading = _single_words(salts.leading)
        self._own_salts = {i.name: _single_words(i.salts) for i in known if i.salts}
        self._every_salt = self._trailing.union(*self._own_salts.values())
        self.find = lru_cache(maxsize=REMEMBERED_SUBSTANCES)(self._find)
        """Find the ingredient of a substance, or None; remembers the last answers."""

    def _find(self, substance: str) -> Ingredient | None:
        found = self._without_qualifiers(substance_words(substance))
        if found is None:
            base, suffixes = _BIOLOGIC_SUFFIX.subn("", substance.strip())
            if suffixes:
                found = self._without_qualifiers(substance_words(base))
        return found

    def _without_qualifiers(self, words: tuple[str, ...]) -> Ingredient | None:
        start = 0
        while start < len(words):
            found = self._without_salts(words[start:])
            if found is not None:
                return found
            if words[start] not in self._leading:
                return None
            start += 1
        return None

    def _without_salts(self, words: tuple[str, ...]) -> Ingredient | None:
        end = len(words)
        while end > 0:
            found = self._names.get(words[:end])
            if found is not None and self._may_drop(found, words[end:]):
                return found
            if words[end - 1] not in self._every_salt:
                return None
            end -= 1
        return None

    def _may_drop(self, ingredient: Ingredient, dropped: tuple[str, ...]) -> bool:
        own = self._own_salts.get(ingredient.name, frozenset())
        return all(word in self._trailing or word in own for word in dropped)


def _single_words(entries: Iterable[str]) -> frozenset[str]:
    return frozenset(word for entry in entries for word in substance_words(entry))
