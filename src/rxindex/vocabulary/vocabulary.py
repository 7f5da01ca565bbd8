"""The clinical vocabulary: what is known of each ingredient, and how to look it up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from types import MappingProxyType

import msgspec

from rxindex.vocabulary.join import SubstanceJoin
from rxindex.vocabulary.model import (
    Combination,
    DrugClass,
    Expansion,
    Facts,
    Indication,
    Ingredient,
    SaltWords,
)
from rxindex.vocabulary.terms import TermTable

__all__ = ["Vocabulary"]


class Vocabulary:
    """Every fact, read-only.

    Attributes:
        ingredients: By name.
        classes: By id.
        indications: By id.
        combinations: The fixed-dose combinations.
        salts: Words that may surround the name of an ingredient.
    """

    def __init__(
        self,
        ingredients: Iterable[Ingredient],
        classes: Iterable[DrugClass],
        indications: Iterable[Indication],
        combinations: Iterable[Combination],
        salts: SaltWords,
    ) -> None:
        """Index the facts. ``load_vocabulary`` is the usual way to get a vocabulary.

        Args:
            ingredients: Each name once.
            classes: Each id once, every id that an ingredient or a combination names.
            indications: The same.
            combinations: Each set of ingredients once.
            salts: Words that may surround the name of an ingredient.
        """
        self.ingredients: Mapping[str, Ingredient] = MappingProxyType(
            {ingredient.name: ingredient for ingredient in ingredients}
        )
        self.classes: Mapping[str, DrugClass] = MappingProxyType({c.id: c for c in classes})
        self.indications: Mapping[str, Indication] = MappingProxyType(
            {indication.id: indication for indication in indications}
        )
        self.combinations: tuple[Combination, ...] = tuple(combinations)
        self.salts: SaltWords = salts
        self._by_ingredients = {frozenset(c.ingredients): c for c in self.combinations}
        # The forty strengths of a drug come one after the other with the same substances.
        self._facts = lru_cache(maxsize=4096)(self._collect)

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of all the facts: it changes when any fact changes."""
        facts = (
            [self.ingredients[name] for name in sorted(self.ingredients)],
            [self.classes[key] for key in sorted(self.classes)],
            [self.indications[key] for key in sorted(self.indications)],
            sorted(self.combinations, key=lambda c: sorted(c.ingredients)),
            self.salts,
        )
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:16]

    # Built on first use: a caller that only expands terms never pays for the join, nor the
    # other way round.
    @cached_property
    def _join(self) -> SubstanceJoin:
        return SubstanceJoin(self.ingredients.values(), self.salts)

    @cached_property
    def _terms(self) -> TermTable:
        return TermTable(self.ingredients, self.classes, self.indications, self.combinations)

    def ingredient(self, substance: str) -> Ingredient | None:
        """Find the ingredient that a substance contains.

        Args:
            substance: A name as a catalogue writes it, salt and hydrate included.

        Returns:
            The ingredient, or None when the vocabulary does not know it.
        """
        return self._join.find(substance)

    def facts(self, substances: Sequence[str]) -> Facts:
        """Collect what is known of a drug.

        A brand names a whole product, so brands are given only when every substance is known:
        those of the one ingredient, or those of exactly this combination.

        Args:
            substances: The drug's active ingredients as the catalogue writes them. Blank ones
                are ignored.

        Returns:
            The facts. All empty for no substance.
        """
        return self._facts(tuple(substances))

    def _collect(self, substances: tuple[str, ...]) -> Facts:
        found: dict[str, Ingredient] = {}
        unknown: dict[str, None] = {}
        for substance in substances:
            if not substance.strip():
                continue
            ingredient = self.ingredient(substance)
            if ingredient is None:
                unknown[substance] = None
            else:
                found[ingredient.name] = ingredient
        ingredients = tuple(found.values())
        combination = None if unknown else self._by_ingredients.get(frozenset(found))

        synonyms = [name for i in ingredients for name in (*i.synonyms, *i.abbreviations)]
        class_ids = [key for i in ingredients for key in i.classes]
        indication_ids = [key for i in ingredients for key in i.indications]
        brands: tuple[str, ...] = ()
        if combination is not None:
            synonyms += combination.abbreviations
            brands = combination.brands
            class_ids += combination.classes
            if combination.indications:
                indication_ids = list(combination.indications)
        elif len(ingredients) == 1 and not unknown:
            brands = ingredients[0].brands

        classes = [self.classes[key] for key in dict.fromkeys(class_ids)]
        indications = [self.indications[key] for key in dict.fromkeys(indication_ids)]
        return Facts(
            ingredients=ingredients,
            unknown=tuple(unknown),
            synonyms=_once(synonyms),
            brands=_once(brands),
            classes=_once(n for c in classes for n in (c.name, *c.names, *c.abbreviations)),
            class_names=_once(c.name for c in classes),
            indications=_once(n for i in indications for n in (i.name, *i.names)),
            plain_indications=_once(n for i in indications for n in i.plain),
            main_classes=_once(n for c in classes for n in (c.name, *c.names[:1])),
            main_indications=_once(n for i in indications for n in (i.name, *i.plain[:1])),
        )

    def treats(self, substances: Sequence[str]) -> bool:
        """Tell whether these active ingredients are known and treat something.

        Sunscreens, hand sanitisers and toothpastes are over-the-counter drugs to the FDA; a
        prescriber does not look for them.

        Args:
            substances: The drug's active ingredients as the catalogue writes them.

        Returns:
            False if one is unknown, or if all are for hygiene and skin care only.
        """
        found = [self.ingredient(substance) for substance in substances]
        return (
            bool(found)
            and all(found)
            and any(
                not self.indications[key].care for one in found if one for key in one.indications
            )
        )

    def expand(self, term: str) -> Expansion | None:
        """Recognise a term that a prescriber typed: ``ASA``, ``statins``, ``Lipitor``.

        Args:
            term: The term alone. Case, spaces and punctuation do not count.

        Returns:
            What it stands for, or None when it is not exactly a term of the vocabulary.
        """
        return self._terms.recognise(term)

    def nearest(self, term: str) -> str | None:
        """Find the term that a misspelled one was probably meant to be: ``cholestrl``.

        Args:
            term: The term alone, one that `expand` does not recognise.

        Returns:
            The term as the vocabulary writes it, or None where nothing is near enough.
        """
        return self._terms.nearest(term)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
