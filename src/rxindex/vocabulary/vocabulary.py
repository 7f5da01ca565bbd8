"""The clinical vocabulary: what is known of each ingredient, and how to look it up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Self

import msgspec

from rxindex.vocabulary.join import SubstanceJoin
from rxindex.vocabulary.model import (
    Combination,
    DrugClass,
    Expansion,
    Facts,
    Indication,
    Ingredient,
    LookAlikes,
    Prescribed,
    SaltWords,
)
from rxindex.vocabulary.terms import TermTable, term_key

__all__ = ["Vocabulary"]

# How a catalogue that has no list of substances names several in one text.
_BETWEEN = re.compile(r"\s*(?:[,;/&+]|\b(?:and|with)\b)\s*", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_NOT_SUBSTANCE = re.compile(
    r"\b(?:\d+(?:\.\d+)?\s*%|tablets?|capsules?|cream|gel|lotion|ointment|patch|solution|kit|pack)"
    r"(?=\s|$)",
    re.IGNORECASE,
)


class Vocabulary:
    """Every fact, read-only.

    Attributes:
        ingredients: By name.
        classes: By id.
        indications: By id.
        combinations: The fixed-dose combinations.
        salts: Words that may surround the name of an ingredient.
        look_alikes: Names that are taken for one another.
        prescribed: What is prescribed most.
    """

    def __init__(
        self,
        ingredients: Iterable[Ingredient],
        classes: Iterable[DrugClass],
        indications: Iterable[Indication],
        combinations: Iterable[Combination],
        salts: SaltWords,
        look_alikes: LookAlikes = LookAlikes(),  # noqa: B008 - immutable
        prescribed: Prescribed = Prescribed(),  # noqa: B008 - immutable
    ) -> None:
        """Index the facts. ``load_vocabulary`` is the usual way to get a vocabulary.

        Args:
            ingredients: Each name once.
            classes: Each id once, every id that an ingredient or a combination names.
            indications: The same.
            combinations: Each set of ingredients once.
            salts: Words that may surround the name of an ingredient.
            look_alikes: Names that are taken for one another.
            prescribed: What is prescribed most.
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
        self.look_alikes: LookAlikes = look_alikes
        self.prescribed: Prescribed = prescribed
        self._by_ingredients = {frozenset(c.ingredients): c for c in self.combinations}
        # The forty strengths of a drug come one after the other with the same substances.
        self._facts = lru_cache(maxsize=4096)(self._collect)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """Give what another process makes the same vocabulary from."""
        return type(self), (
            tuple(self.ingredients.values()),
            tuple(self.classes.values()),
            tuple(self.indications.values()),
            self.combinations,
            self.salts,
            self.look_alikes,
            self.prescribed,
        )

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of all the facts: it changes when any fact of a drug changes.

        What is prescribed most is left out: it puts answers in order, and no drug's document
        holds it.
        """
        facts = (
            [self.ingredients[name] for name in sorted(self.ingredients)],
            [self.classes[key] for key in sorted(self.classes)],
            [self.indications[key] for key in sorted(self.indications)],
            sorted(self.combinations, key=lambda c: sorted(c.ingredients)),
            self.salts,
            self.look_alikes,
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

    @cached_property
    def _tall_man(self) -> dict[str, str]:
        return {term_key(name): name for name in self.look_alikes.tall_man}

    @cached_property
    def _commonness(self) -> dict[frozenset[str], float]:
        order = self.prescribed.order
        # Backwards, so that of two places the first is kept.
        return {
            frozenset((entry,) if isinstance(entry, str) else entry): 1 - place / len(order)
            for place, entry in reversed(tuple(enumerate(order)))
        }

    @cached_property
    def _twins(self) -> dict[str, tuple[str, ...]]:
        twins: dict[str, dict[str, None]] = {}
        for one, other in self.look_alikes.pairs:
            twins.setdefault(term_key(one), {})[other] = None
            twins.setdefault(term_key(other), {})[one] = None
        return {key: tuple(names) for key, names in twins.items()}

    def ingredient(self, substance: str) -> Ingredient | None:
        """Find the ingredient that a substance contains.

        Args:
            substance: A name as a catalogue writes it, salt and hydrate included.

        Returns:
            The ingredient, or None when the vocabulary does not know it.
        """
        return self._join.find(substance)

    def substances(self, text: str) -> tuple[str, ...]:
        """Tell apart the substances that a catalogue names in one text.

        Kits and packs have no list of substances, only a name such as ``Norgestimate and Ethinyl
        Estradiol Tablets``.

        Args:
            text: One substance or several, as a catalogue writes them.

        Returns:
            The parts if the vocabulary knows every one of them, else the text as it is: a name
            that may itself have a comma or an "and" in it is not cut up.
        """
        if self.ingredient(text) is not None:
            return (text,)
        parts = [_NOT_SUBSTANCE.sub("", part).strip() for part in _BETWEEN.split(text)]
        named = tuple(dict.fromkeys(part for part in parts if part))
        return named if named and all(map(self.ingredient, named)) else (text,)

    def tall_man(self, name: str) -> str:
        """Write a name in tall-man lettering, so that it is not taken for another.

        Args:
            name: A generic name, a brand or a label name, in any case. Each word of it counts,
                whatever stands around it: ``HYDROCODONE/APAP 5-325``, ``glipizide, metformin``.

        Returns:
            ``hydrOXYzine`` for ``hydroxyzine``, ``SEROquel XR`` for ``Seroquel XR``; a name that
            needs none, as it was given.
        """
        tall_man = self._tall_man
        return _LETTERS.sub(lambda word: tall_man.get(word[0].lower(), word[0]), name)

    def look_alike_names(self, name: str) -> tuple[str, ...]:
        """Find the names that a name is taken for.

        Args:
            name: A generic name or a brand, in any case.

        Returns:
            The names that look or sound like it; mostly none.
        """
        return self._twins.get(term_key(name), ())

    def commonness(self, ingredients: Sequence[str]) -> float:
        """Tell how often drugs of these ingredients are prescribed, next to all others.

        Args:
            ingredients: Names of all the drug's ingredients, in any order, as the vocabulary
                writes them (those of `rxindex.model.Drug.ingredients` are).

        Returns:
            1.0 for the most prescribed, down to 0.0 for what is not listed. A combination is
            what is listed as that combination; the commonness of its parts says nothing of it.
        """
        return self._commonness.get(frozenset(ingredients), 0.0)

    def facts(self, substances: Sequence[str], routes: Sequence[str] = ()) -> Facts:
        """Collect what is known of a drug.

        A brand names a whole product, so brands are given only when every substance is known:
        those of the one ingredient, or those of exactly this combination.

        Args:
            substances: The drug's active ingredients as the catalogue writes them. Blank ones
                are ignored; one that names several is told apart (see `substances`).
            routes: Its routes of administration, in the catalogue's terms. With them, an
                ingredient's classes and indications that are of other routes only are left out;
                without any, all are given.

        Returns:
            The facts. All empty for no substance.
        """
        return self._facts(tuple(substances), tuple(routes))

    def _collect(self, substances: tuple[str, ...], routes: tuple[str, ...]) -> Facts:
        found: dict[str, Ingredient] = {}
        unknown: dict[str, None] = {}
        for substance in (name for text in substances for name in self.substances(text)):
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
        given = {route.casefold() for route in routes}

        def fits(by: tuple[str, ...]) -> bool:
            return not given or not by or not given.isdisjoint(by)

        class_ids = [k for i in ingredients for k in i.classes if fits(self.classes[k].routes)]
        indication_ids = [
            k for i in ingredients for k in i.indications if fits(self.indications[k].routes)
        ]
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

    def usualness(self, ingredients: Sequence[str], indications: Sequence[str]) -> float:
        """Tell how usual it is to give something for a use.

        Args:
            ingredients: As the vocabulary names them; those that it does not know don't count.
            indications: Medical names of the use.

        Returns:
            1.0 for what is given for it more often than for anything else, less the further down
            the use stands in the list of an ingredient or of the combination, 0.0 for what is
            not known to be given for it.
        """
        combination = self._by_ingredients.get(frozenset(ingredients))
        if combination is not None and combination.indications:
            lists = [combination.indications]
        else:
            lists = [
                known.indications for name in ingredients if (known := self.ingredients.get(name))
            ]
        places = [
            place
            for keys in lists
            for place, key in enumerate(keys)
            if self.indications[key].name in indications
        ]
        return 1 / (1 + min(places) / 2) if places else 0.0

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


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
