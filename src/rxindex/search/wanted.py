"""What a word or a phrase stands for: names of this catalogue's drugs, a class, a use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.answer import Correction, PartKind
from rxindex.vocabulary import Expansion, Vocabulary

__all__ = ["NAMED", "Names", "Wanted"]

#: Kinds of parts that name a drug.
NAMED: frozenset[PartKind] = frozenset({"brand", "generic", "ingredient", "abbreviation"})

T = TypeVar("T")

#: Of a beginning, the names that are asked for: the commonest.
_MOST_NAMES = 40


class Wanted(msgspec.Struct, frozen=True):
    """One thing that is looked for. Values are as the index holds them.

    Attributes:
        text: as it was typed, or what it was taken for.
        kind: what it is.
        means: what it stands for, for people to see.
        brands: brand names that are it.
        family: brand names that begin with it and go on with another word: ``Ambien CR``.
        generics: whole generic names that are it.
        same: whole generic names of the same ingredients: as a brand's, or with another salt.
        substances: sets of ingredients; a drug that contains all of one set has to do with it.
        classes: established class names.
        indications: medical names of uses.
        beginning: the names only begin with it.
        weak: only labels call a drug so, be it with ordinary words (``Extra Strength``).
        known: the vocabulary knows it.
        correction: how it came to be taken for this; None where it is what was typed.
    """

    text: str
    kind: PartKind
    means: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    generics: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    substances: tuple[tuple[str, ...], ...] = ()
    classes: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    beginning: bool = False
    weak: bool = False
    known: bool = False
    correction: Correction | None = None

    @property
    def named(self) -> bool:
        """Whether it names a drug."""
        return self.kind in NAMED


class Names:
    """Finds what a text stands for, in a catalogue and in the vocabulary. Read-only.

    Args:
        lexicon: of the catalogue.
        vocabulary: the same as at indexing.
    """

    def __init__(self, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self._lexicon = lexicon
        self._vocabulary = vocabulary
        generics: dict[frozenset[str], list[str]] = defaultdict(list)
        for name in lexicon.names:
            if name.kind == "generic" and name.ingredients:
                generics[frozenset(name.ingredients)].append(name.text)
        self._generics = {key: tuple(texts) for key, texts in generics.items()}

    def generics_of(self, ingredients: Iterable[str]) -> tuple[str, ...]:
        """Give the whole generic names of drugs with exactly these ingredients."""
        return self._generics.get(frozenset(ingredients), ())

    def find(self, text: str) -> Wanted | None:
        """Find what a text is: all of it, and exactly that.

        Returns:
            None where neither the catalogue nor the vocabulary knows it.
        """
        names = self._lexicon.lookup(text)
        known = self._vocabulary.expand(text)
        if known is not None and known.kind in {"class", "indication"}:
            return self._use(text, known, names)
        if not names and known is None:
            return None
        return self._drug(text, known, names)

    def beginning(self, text: str) -> Wanted | None:
        """Find the names that begin with a text; None where none does."""
        names = self._lexicon.starting(text, _MOST_NAMES)
        if not names:
            return None
        sets = {
            (one.text,) if one.kind == "ingredient" else one.ingredients
            for one in names
            if one.kind != "brand"
        }
        generics = [one.text for one in names if one.kind == "generic"]
        generics += [
            g for one in names if one.kind == "ingredient" for g in self.generics_of((one.text,))
        ]
        return Wanted(
            text=text,
            kind="brand" if names[0].kind == "brand" else "generic",
            means=_once(one.text for one in names)[:5],
            brands=_once(one.text for one in names if one.kind == "brand"),
            generics=_once(generics),
            substances=tuple(one for one in sorted(sets) if len(one) == 1)[:5],
            beginning=True,
        )

    def _use(self, text: str, known: Expansion, names: Sequence[Name]) -> Wanted:
        """Make a class or an indication; drugs that happen to be called so are not forgotten."""
        is_class = known.kind == "class"
        return Wanted(
            text=text,
            kind="class" if is_class else "indication",
            means=known.names,
            brands=_once(one.text for one in names if one.kind == "brand"),
            generics=_once(one.text for one in names if one.kind == "generic"),
            classes=known.names if is_class else (),
            indications=() if is_class else known.names,
            known=True,
        )

    def _drug(self, text: str, known: Expansion | None, names: Sequence[Name]) -> Wanted:
        brands = _once(one.text for one in names if one.kind == "brand")
        generics = [one.text for one in names if one.kind == "generic"]
        sets = [
            (one.text,) if one.kind == "ingredient" else one.ingredients
            for one in names
            if one.kind != "brand"
        ]
        branded = [one.ingredients for one in names if one.kind == "brand"]
        if known is not None:
            meant = [(one,) for one in known.names] if known.ambiguous else [known.names]
            (branded if known.kind == "brand" else sets).extend(meant)
        same = [text for of in branded for text in self.generics_of(of)]
        # Who names a salt wants that salt before others of the same substance.
        plain = known is not None or any(one.kind == "ingredient" for one in names)
        (generics if plain else same).extend(text for of in sets for text in self.generics_of(of))
        return Wanted(
            text=text,
            kind=_kind(known, names),
            means=_once(name for one in (*sets, *branded) for name in one),
            brands=brands,
            family=self._family(text) if brands or branded else (),
            generics=_once(generics),
            same=_once(same),
            substances=_once(one for one in (*sets, *branded) if one),
            weak=known is None and all(one.kind == "brand" for one in names),
            known=known is not None,
        )

    def _family(self, text: str) -> tuple[str, ...]:
        """Find the brand names that begin with all of a text and have further words."""
        start = text.casefold()
        return _once(
            one.text
            for one in self._lexicon.starting(text, _MOST_NAMES)
            if one.kind == "brand"
            and one.text.casefold().startswith(start)
            and not one.text[len(start) : len(start) + 1].isalnum()
            and len(one.text) > len(start)
        )


def _kind(known: Expansion | None, names: Sequence[Name]) -> PartKind:
    """Say what a name is; a label that is called like its substance is no brand."""
    kinds = {one.kind for one in names}
    if known is not None and known.kind == "abbreviation":
        return "abbreviation"
    if "ingredient" in kinds or (known is not None and known.kind == "ingredient"):
        return "ingredient"
    return "generic" if "generic" in kinds else "brand"


def _once(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
