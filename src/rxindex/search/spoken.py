"""The classes and uses that a catalogue has drugs of, as prescribers call them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

from rxindex.index.lexicon import Lexicon
from rxindex.search.commonness import commonness_of
from rxindex.vocabulary import Vocabulary

__all__ = ["SpokenTerm", "is_abbreviation", "spoken_terms"]

_LONGEST_ABBREVIATION = 6


class SpokenTerm(msgspec.Struct, frozen=True):
    """A way to call a class or a use.

    Attributes:
        text: as the vocabulary writes it.
        kind: ``class`` or ``indication``.
        means: the established name of the class, or the medical one of the indication.
        packages: of all drugs that belong to it, those of a combination counted once for each
            ingredient that does.
    """

    text: str
    kind: Literal["class", "indication"]
    means: str
    packages: int

    @property
    def common(self) -> float:
        """How often it is meant, 0 to 0.5.

        Far more packages are for a use than have a name, and names are what is typed.
        """
        return commonness_of(self.packages) / 2


def spoken_terms(lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[SpokenTerm, ...]:
    """Collect what the classes and uses that the catalogue has drugs of are called.

    Args:
        lexicon: the catalogue's.
        vocabulary: what classes and indications there are, and what they are called.

    Returns:
        Each class's and each indication's terms, abbreviations included, the established or
        medical name first.
    """
    classes: Counter[str] = Counter()
    indications: Counter[str] = Counter()
    for name in lexicon.names:
        if name.kind != "ingredient":
            continue
        ingredient = vocabulary.ingredient(name.text)
        if ingredient is not None:
            classes.update(dict.fromkeys(ingredient.classes, name.packages))
            indications.update(dict.fromkeys(ingredient.indications, name.packages))
    found: list[SpokenTerm] = []
    for key, one in vocabulary.classes.items():
        if key in classes or one.name in lexicon.classes:
            said: Iterable[str] = (one.name, *one.names, *one.abbreviations)
            found += (SpokenTerm(text, "class", one.name, classes[key]) for text in said)
    for key, use in vocabulary.indications.items():
        if key in indications:
            said = (use.name, *use.names, *use.plain)
            found += (SpokenTerm(text, "indication", use.name, indications[key]) for text in said)
    return tuple(found)


def is_abbreviation(text: str) -> bool:
    """Tell an abbreviation (``GERD``, ``ACEi``, ``5-ARI``) from words.

    Abbreviations are a few letters, most of them capitals; they are typed as they are or not at
    all, and a letter more or less makes another one.
    """
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    return len(text) <= _LONGEST_ABBREVIATION and 2 * capitals > len(letters)
