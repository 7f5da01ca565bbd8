"""What may be suggested to complete a text, in one catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.commonness import Commonness
from rxindex.search.nameable import words_of
from rxindex.search.spoken import SpokenTerm, is_abbreviation
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key

__all__ = ["Line", "LineKind", "collect_lines", "later_words", "other_names"]

LineKind = Literal["brand", "generic", "class", "indication"]
"""What is suggested."""

#: Letters of a name beyond which nobody goes on typing it from one of its later words.
_LONGEST = 60
#: How much less common each further ingredient makes a generic name that lists them.
_LISTED = 0.2
#: And each further word a brand name: Tylenol comes before Tylenol Extra Strength.
_WORDY = 0.05
#: And a term each one before it that means the same: heart failure comes before its other names.
_LATER_TERM = 0.001
#: Words that join others, whatever they join.
_JOINING = frozenset({"and", "with", "for", "the", "of", "in"})


class Line(msgspec.Struct, frozen=True):
    """What may be suggested.

    Attributes:
        key: its `term_key`.
        text: as it is shown.
        kind: what it is of.
        of: key of what it is a line of; of several lines only the best is shown. The plain
            ingredient for a generic name that adds a salt to it; the class or the indication
            for each of its terms.
        merit: what is higher comes first.
        packages: of all its drugs.
        generic: of a brand, its ingredients; else empty.
    """

    key: str
    text: str
    kind: LineKind
    of: str
    merit: float
    packages: int
    generic: str = ""


def collect_lines(
    lexicon: Lexicon,
    vocabulary: Vocabulary,
    terms: Iterable[SpokenTerm],
    commonness: Commonness,
) -> tuple[Line, ...]:
    """Collect the catalogue's names, and what its classes and indications are called.

    Args:
        lexicon: the catalogue's names.
        vocabulary: which generic names are an ingredient with a salt.
        terms: what the classes and indications are called, those of each together.
        commonness: 0 to 1, how often a name is meant.

    Returns:
        Sorted by key; a name that is a brand and a generic name once.
    """
    lines = [_name(lexicon.lookup(key), key, vocabulary, commonness) for key in lexicon.keys]
    for of, alike in groupby(terms, _of):
        for place, one in enumerate(alike):
            if not is_abbreviation(one.text):
                merit = one.common - place * _LATER_TERM
                key = term_key(one.text)
                lines.append(Line(key, one.text, one.kind, of, merit, one.packages))
    return tuple(sorted(lines, key=lambda line: (line.key, -line.merit)))


def later_words(lines: Sequence[Line], vocabulary: Vocabulary) -> list[tuple[str, int]]:
    """Find how else than from its beginning a line may be typed.

    From one of its later words on, and without the words that do not tell which drug is meant
    (``and``, ``hydrochloride``): ``diskus``, ``amoxicillin clav``.

    Args:
        lines: what there is.
        vocabulary: its salts.

    Returns:
        Sorted pairs of a `term_key` and the position of the line.
    """
    salts = (*vocabulary.salts.trailing, *vocabulary.salts.leading)
    empty = _JOINING.union(word for salt in salts for word in words_of(salt))
    found: list[tuple[str, int]] = []
    for position, line in enumerate(lines):
        words = words_of(line.text)
        if len(words) == 1 or len(line.key) > _LONGEST:
            continue
        telling = [word for word in words if word not in empty]
        if 1 < len(telling) < len(words):
            found.append(("".join(telling), position))
        found += (
            ("".join(telling[at:]), position) for at in range(words[0] in telling, len(telling))
        )
    return sorted(found)


def other_names(
    lines: Sequence[Line], lexicon: Lexicon, vocabulary: Vocabulary, terms: Iterable[SpokenTerm]
) -> dict[str, tuple[int, ...]]:
    """Find which lines abbreviations and other names of an ingredient stand for.

    Args:
        lines: what there is.
        lexicon: the catalogue's names.
        vocabulary: the abbreviations and other names of ingredients and combinations.
        terms: those of classes and indications.

    Returns:
        By `term_key` the positions of the lines; several where one has several meanings.
    """
    at = {(line.key, line.kind): position for position, line in enumerate(lines)}
    found: dict[str, dict[int, None]] = defaultdict(dict)

    def add(names: Iterable[str], stands_for: str, kind: LineKind) -> None:
        position = at.get((term_key(stands_for), kind))
        if position is not None:
            for name in names:
                found[term_key(name)][position] = None

    for ingredient in vocabulary.ingredients.values():
        add((*ingredient.abbreviations, *ingredient.synonyms), ingredient.name, "generic")
    combined = {
        frozenset(name.ingredients): name.text
        for name in reversed(lexicon.names)
        if name.kind == "generic" and len(name.ingredients) > 1
    }
    for combination in vocabulary.combinations:
        generic = combined.get(frozenset(combination.ingredients), "")
        add(combination.abbreviations, generic, "generic")
    usual: dict[str, str] = {}
    for term in terms:
        if is_abbreviation(term.text):
            add((term.text,), usual.get(term.means, ""), term.kind)
        # What a class is called first when spoken, but the medical name of an indication.
        elif term.kind == "class" and usual.get(term.means) == term.means:
            usual[term.means] = term.text
        else:
            usual.setdefault(term.means, term.text)
    return {key: tuple(positions) for key, positions in found.items()}


def _name(alike: Sequence[Name], key: str, vocabulary: Vocabulary, commonness: Commonness) -> Line:
    """Make the line of a name; ``alike`` are its kinds, the one with the most packages first."""
    plain = next((one for one in alike if one.kind == "ingredient"), None)
    generic = plain or next((one for one in alike if one.kind == "generic"), None)
    merit = max(map(commonness, alike))
    known = vocabulary.expand(key) if generic is not plain else None
    if generic is None or (known is not None and known.kind == "brand"):
        name = next((one for one in alike if one.kind == "brand"), alike[0])
        substance = ", ".join(name.ingredients)
        merit -= _WORDY * (len(words_of(name.text)) - 1)
        return Line(key, name.text, "brand", key, merit, name.packages, substance)
    if generic.kind == "generic" and len(generic.ingredients) > 1:
        merit -= _LISTED * (len(generic.ingredients) - 1)
    of = key if plain else _plain(generic, key, vocabulary)
    return Line(key, generic.text, "generic", of, merit, generic.packages)


def _plain(generic: Name, key: str, vocabulary: Vocabulary) -> str:
    """Give the key of the ingredient to which a generic name adds no more than a salt or a form."""
    if len(generic.ingredients) == 1 and key.startswith(plain := term_key(generic.ingredients[0])):
        return plain
    ingredient = vocabulary.ingredient(generic.text)
    return key if ingredient is None else term_key(ingredient.name)


def _of(term: SpokenTerm) -> str:
    # With a blank, which no key of a name has.
    return f"{term.kind} {term.means}"
