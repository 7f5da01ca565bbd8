"""What a misspelled text may be taken for, in one catalogue."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import msgspec

from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.commonness import Commonness
from rxindex.search.spoken import is_abbreviation, spoken_terms
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key

__all__ = ["Nameable", "NameableKind", "nameables", "words_of"]

NameableKind = Literal["brand", "generic", "ingredient", "class", "indication"]
"""What a name or a term is of."""

#: Letters. Whoever types more than that is not naming one drug.
_LONGEST = 60
#: Letters: of anything shorter every change makes another word.
_SHORTEST = 4
_BETWEEN_WORDS = re.compile(r"[\s/,;()]+")
_ASCII_WORDS = str.maketrans(
    {
        mark: " " if _BETWEEN_WORDS.match(mark) else ""
        for mark in map(chr, range(128))
        if not mark.isalnum()
    }
)


class Nameable(msgspec.Struct, frozen=True):
    """A name or a term that may have been meant.

    Attributes:
        key: its `term_key`.
        text: as the catalogue writes it; as the vocabulary does for a class, an indication or
            another name of an ingredient.
        kind: what it is of.
        common: 0 to 1, how often it is meant.
        known: whether the vocabulary knows it too: prescribers ask for it by that name.
        several: whether it names the ingredients of a combination one by one.
    """

    key: str
    text: str
    kind: NameableKind
    common: float
    known: bool
    several: bool = False


def nameables(
    lexicon: Lexicon, vocabulary: Vocabulary, commonness: Commonness
) -> tuple[Nameable, ...]:
    """Collect what there is to be misspelled.

    Names of the catalogue, and the beginnings that its brand names share; other names of its
    ingredients, and what the classes and uses of its drugs are called, from the vocabulary.
    Abbreviations are left out: a letter more or less makes another one.

    Args:
        lexicon: the catalogue's names.
        vocabulary: what it does not say itself.
        commonness: 0 to 1, how often a name is meant.

    Returns:
        Each key once.
    """
    found: dict[str, Nameable] = {}
    for one in (
        *_names(lexicon, vocabulary, commonness),
        *_brand_heads(lexicon, vocabulary, commonness),
        *_synonyms(lexicon, vocabulary, commonness),
        *_terms(lexicon, vocabulary),
    ):
        if not _SHORTEST <= len(one.key) <= _LONGEST:
            continue
        first = found.setdefault(one.key, one)
        if one.common > first.common:
            found[one.key] = msgspec.structs.replace(first, common=one.common)
    return tuple(found.values())


def words_of(text: str) -> list[str]:
    """Cut a name into words, each as its `term_key`."""
    if text.isascii():
        # Nearly all names are, and there are many: this is five times as quick.
        return text.lower().translate(_ASCII_WORDS).split()
    return [key for word in _BETWEEN_WORDS.split(text) if (key := term_key(word))]


def _names(lexicon: Lexicon, vocabulary: Vocabulary, commonness: Commonness) -> Iterator[Nameable]:
    for key in lexicon.keys:
        alike = lexicon.lookup(key)
        # The plain name of a substance says more than the label that repeats it.
        shown = next((one for one in alike if one.kind == "ingredient"), alike[0])
        yield Nameable(
            key,
            shown.text,
            shown.kind,
            max(map(commonness, alike)),
            vocabulary.expand(key) is not None,
            several=shown.kind == "generic" and len(shown.ingredients) > 1,
        )


def _brand_heads(
    lexicon: Lexicon, vocabulary: Vocabulary, commonness: Commonness
) -> Iterator[Nameable]:
    """Give the first words of brand names that all contain one ingredient: ``Advair``."""
    heads: dict[str, list[Name]] = defaultdict(list)
    for name in lexicon.names:
        if name.kind == "brand" and len(words := words_of(name.text)) > 1:
            heads[words[0]].append(name)
    for key, names in heads.items():
        shared = set(names[0].ingredients).intersection(*(one.ingredients for one in names))
        known = any(vocabulary.expand(text) for text in (key, *(one.text for one in names)))
        if key.isalpha() and (shared or vocabulary.expand(key)):
            text = next(filter(term_key, _BETWEEN_WORDS.split(names[0].text)))
            yield Nameable(key, text, "brand", max(map(commonness, names)), known)


def _synonyms(
    lexicon: Lexicon, vocabulary: Vocabulary, commonness: Commonness
) -> Iterator[Nameable]:
    """Give the other names of the catalogue's ingredients: ``paracetamol``."""
    for name in lexicon.names:
        ingredient = vocabulary.ingredient(name.text) if name.kind == "ingredient" else None
        for text in ingredient.synonyms if ingredient else ():
            yield Nameable(term_key(text), text, "ingredient", commonness(name) / 2, known=True)


def _terms(lexicon: Lexicon, vocabulary: Vocabulary) -> Iterator[Nameable]:
    for term in spoken_terms(lexicon, vocabulary):
        if not is_abbreviation(term.text):
            yield Nameable(term_key(term.text), term.text, term.kind, term.common, known=True)
