"""A lexicon as of a catalogue that has everything the vocabulary knows, made without a server."""

from __future__ import annotations

from collections.abc import Iterable

from rxindex.index.lexicon import Lexicon, Name, NameKind
from rxindex.vocabulary import Vocabulary

__all__ = ["full_lexicon", "lexicon_of", "name"]


def name(text: str, kind: NameKind, packages: int = 10, ingredients: Iterable[str] = ()) -> Name:
    """Make a name; an ingredient is its own if no others are given."""
    contained = tuple(ingredients) or ((text,) if kind == "ingredient" else ())
    return Name(text, kind, packages, drugs=1, active=1, ingredients=contained)


def lexicon_of(*names: Name) -> Lexicon:
    """Make a lexicon of names alone."""
    return Lexicon("test", len(names), names, {})


def full_lexicon(vocabulary: Vocabulary) -> Lexicon:
    """Make a lexicon of the vocabulary's ingredients and brands.

    What is prescribed most has the most packages.
    """
    names: list[Name] = []
    for one in vocabulary.ingredients.values():
        packages = 5 + int(1000 * vocabulary.commonness((one.name,)))
        names.append(name(one.name, "ingredient", packages))
        names += (name(text, "brand", packages // 10 + 1, (one.name,)) for text in one.brands)
    for mixed in vocabulary.combinations:
        names += (name(text, "brand", 5, mixed.ingredients) for text in mixed.brands)
    return lexicon_of(*names)
