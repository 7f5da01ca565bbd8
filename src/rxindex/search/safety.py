"""What a prescriber must not overlook in a hit: names that are taken for one another, and why.

Two sources say which names are confused: the pairs of the vocabulary (ISMP's list of confused
drug names, and the FDA's), where the other one is in the catalogue; and, for names that come
together in one answer, their letters. A hit that was found by another name than was typed says
so; nothing is ever put in the place of a name silently.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

import msgspec
from rapidfuzz.distance import OSA

from rxindex.index.lexicon import Lexicon
from rxindex.search.answer import (
    Alternatives,
    AlternativesOf,
    Correction,
    Hit,
    Warning,  # noqa: A004 - the field's own term
)
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key

__all__ = ["Safety"]

#: How many warnings a hit has at most. Where everything warns, nothing is read.
_MOST_WARNINGS = 3

#: The most ingredients of which each is looked at: nobody orders a cold remedy by its fifth.
_MOST_INGREDIENTS = 3

#: Names this alike are confusable though on no list: about one letter in five differs. Of the
#: 4,400 one-word names in the FDA's directory of 2019, 41 pairs of different drugs are.
_ALIKE = 0.8
_SHORTEST_ALIKE = 5

#: Listed names at least so alike (OSA similarity, 0 to 1) are warned of wherever one appears.
_RESEMBLES = 0.5

_HOW = {
    "spelling": "found by spelling",
    "sound": "found by sound",
    "words": "found by setting or leaving out blanks",
}


class _Word(msgspec.Struct, frozen=True):
    """A name of one word that the catalogue has.

    Attributes:
        key: its `term_key`.
        shown: in tall-man letters where there are any.
        substances: the ingredient that it names, or those of the brand.
    """

    key: str
    shown: str
    substances: frozenset[str]


class _Twin(msgspec.Struct, frozen=True):
    """A name that is taken for one of a hit's.

    Attributes:
        own: the hit's, as it is shown.
        key: `term_key` of the other one.
        shown: the other one, in tall-man letters where there are any.
    """

    own: str
    key: str
    shown: str


class _Near(msgspec.Struct, frozen=True):
    """Names in an answer, made ready.

    Attributes:
        keys: of the names, and of what each begins with, word by word.
        words: those that can be compared letter by letter, by their first letter.
    """

    keys: frozenset[str]
    words: dict[str, tuple[_Word, ...]]


class Safety:
    """The warnings of one generation's hits. It is cheap to ask, and safe from several threads."""

    def __init__(self, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        """Find out which of the vocabulary's look-alikes the catalogue has.

        Args:
            lexicon: the catalogue's names.
            vocabulary: its look-alikes and tall-man letters.
        """
        self._lexicon = lexicon
        self._vocabulary = vocabulary
        self._listed = self._present_twins()
        # An answer has a few names, each of them in many hits; answers repeat.
        self._twins_of = lru_cache(maxsize=16_384)(self._find_twins)
        self._word = lru_cache(maxsize=16_384)(self._read_word)
        self._near = lru_cache(maxsize=64)(self._read_near)
        self._similarity = lru_cache(maxsize=65_536)(OSA.normalized_similarity)

    def twins(self, name: str) -> tuple[str, ...]:
        """Find the names that are taken for a name and that the catalogue has.

        Args:
            name: a brand, a generic name or an ingredient, in any case; what follows its first
                words (a salt, a release) may be there or not.

        Returns:
            In tall-man letters where there are any; the one with the most packages first.
        """
        return tuple(twin.shown for twin in self._twins_of(name, ()))

    def look_alike(self, name: str) -> str:
        """Give the commonest twin of a name that looks or sounds much like it; mostly none.

        Args:
            name: see `twins`.

        Returns:
            In tall-man letters where there are any, or an empty string.
        """
        twins = self._twins_of(name, ())
        return next((twin.shown for twin in twins if self._resembles(twin)), "")

    def alike(self, names: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Find pairs of names that are confusable by their letters, whether listed or not.

        Only names of the catalogue count, of one word without digits, with the same first
        letter; and only those of drugs that have no ingredient in common.

        Returns:
            In tall-man letters where there are any, in the order of ``names``.
        """
        words = [word for name in dict.fromkeys(names) if (word := self._word(name))]
        return tuple(
            (one.shown, other.shown)
            for one, other in itertools.combinations(words, 2)
            if self._confusable(one.key, one.substances, other)
        )

    def warnings(self, hit: Hit, near: Collection[str] = ()) -> tuple[Warning, ...]:
        """Say what must not be overlooked in a hit.

        Args:
            hit: any.
            near: names in the same answer, and the one that was typed. The same frozenset for
                all hits of an answer is quickest.

        Returns:
            At most three, each twin once; twins that are near come first, ``obsolete`` last.
        """
        close = self._near(frozenset(near))
        parts = hit.ingredients or (hit.generic,)
        parts = parts if len(parts) <= _MOST_INGREDIENTS else ()
        held = {term_key(part) for part in parts}
        twins = [
            twin
            for twin in self._twins_of(hit.brand, parts)
            if twin.key in close.keys or twin.key in held or self._resembles(twin)
        ]
        twins += self._resembling((hit.brand, *parts), frozenset(hit.ingredients), close, twins)
        twins.sort(key=lambda twin: twin.key not in close.keys)
        last = () if hit.status != "obsolete" else (_obsolete(),)
        shown = twins[: _MOST_WARNINGS - len(last)]
        return (*(_look_alike(twin, twin.key in close.keys) for twin in shown), *last)

    def warned(self, found: Alternatives) -> Alternatives:
        """Give the same alternatives with the warnings of every hit."""
        lists = (found.equivalents, found.same_ingredients)
        others = [one.hits for one in (*found.same_class, *found.same_indication)]
        hits = [found.drug, *(hit for one in (*lists, *others) for hit in one)]
        near = frozenset(hit.brand or hit.generic for hit in hits)

        def all_of(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
            return tuple(
                msgspec.structs.replace(hit, warnings=self.warnings(hit, near)) for hit in hits
            )

        def each_of(lists: tuple[AlternativesOf, ...]) -> tuple[AlternativesOf, ...]:
            return tuple(AlternativesOf(one.name, all_of(one.hits)) for one in lists)

        return Alternatives(
            drug=all_of((found.drug,))[0],
            equivalents=all_of(found.equivalents),
            same_ingredients=all_of(found.same_ingredients),
            same_class=each_of(found.same_class),
            same_indication=each_of(found.same_indication),
        )

    def _resembles(self, twin: _Twin) -> bool:
        """Tell whether a listed twin is close enough to warn of while nobody has named it.

        Lists hold pairs that were mixed up once for other reasons (Lipitor and Zyrtec); a warning
        on every hit is one that nobody reads. A brand's own plain ingredient (amphotericin B
        for AmBisome, another dose) is always warned of.
        """
        return self._similarity(term_key(twin.own), twin.key) >= _RESEMBLES

    def corrected(self, hit: Hit, correction: Correction) -> Warning:
        """Say that a hit was found by another name than was typed."""
        taken = self._vocabulary.tall_man(correction.taken)
        names = (hit.brand, hit.generic, hit.name, *hit.ingredients)
        named = term_key(correction.taken) in {key for one in names for key in _beginnings(one)}
        became = f"this is {taken}" if named else f"it was taken for {taken}"
        return Warning(
            kind="corrected",
            message=f"you typed {correction.typed!r}; {became}, {_HOW[correction.how]}",
            name=correction.typed,
        )

    def _present_twins(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Map each listed name's key to its twins in the catalogue, as key and as shown."""
        pairs = self._vocabulary.look_alikes.pairs
        packages = dict.fromkeys((term_key(name) for pair in pairs for name in pair), 0)
        # The catalogue has Humulin N and Humulin R where the list has Humulin.
        for name in self._lexicon.names:
            for key in _read_beginnings(name.text):
                if key in packages:
                    packages[key] = max(packages[key], name.packages)
        twins: dict[str, dict[str, str]] = {}
        for pair in pairs:
            for one, other in (pair, pair[::-1]):
                if packages[term_key(other)]:
                    shown = self._vocabulary.tall_man(other)
                    twins.setdefault(term_key(one), {})[term_key(other)] = shown
        return {
            key: tuple(sorted(found.items(), key=lambda twin: -packages[twin[0]]))
            for key, found in twins.items()
        }

    def _find_twins(self, brand: str, parts: tuple[str, ...]) -> tuple[_Twin, ...]:
        """Find the listed twins of a brand, then those of the other names of its drug."""
        itself = {term_key(brand)}
        own = itself | {term_key(part) for part in parts}
        found: dict[str, _Twin] = {}
        # AmBisome must not be taken for the plain amphotericin B that it holds, but within a drug
        # one ingredient is not taken for another, nor for its own brand.
        for name, left_out in ((brand, itself), *((part, own) for part in parts)):
            for beginning in reversed(_beginnings(name)):
                for key, shown in self._listed.get(beginning, ()):
                    if key not in left_out:
                        found.setdefault(key, _Twin(self._vocabulary.tall_man(name), key, shown))
        return tuple(found.values())

    def _resembling(
        self,
        names: Sequence[str],
        ingredients: frozenset[str],
        near: _Near,
        listed: Sequence[_Twin],
    ) -> Iterator[_Twin]:
        """Find what is near and confusable by its letters alone, and no name of the drug itself."""
        keys = [term_key(name) for name in names]
        known = {*keys, *(twin.key for twin in listed)}
        for name, key in zip(names, keys, strict=True):
            for other in near.words.get(key[:1], ()):
                if other.key not in known and self._confusable(key, ingredients, other):
                    known.add(other.key)
                    yield _Twin(self._vocabulary.tall_man(name), other.key, other.shown)

    def _confusable(self, key: str, substances: frozenset[str], other: _Word) -> bool:
        return (
            key[:1] == other.key[:1]
            and key != other.key
            # Claritin and ClaritinD: a line of one brand, told apart by what follows.
            and not key.startswith(other.key)
            and not other.key.startswith(key)
            and substances.isdisjoint(other.substances)
            and self._similarity(key, other.key) >= _ALIKE
        )

    def _read_word(self, name: str) -> _Word | None:
        key = term_key(name)
        if len(key) < _SHORTEST_ALIKE or not name.strip().isalpha():
            return None
        found = self._lexicon.lookup(name)
        if not found:
            return None
        if any(one.kind == "ingredient" for one in found):
            # Its drug with the most packages may be a combination.
            substances = frozenset(one.text for one in found if one.kind == "ingredient")
        else:
            substances = frozenset(found[0].ingredients)
        return _Word(key, self._vocabulary.tall_man(name), substances)

    def _read_near(self, names: frozenset[str]) -> _Near:
        words: dict[str, tuple[_Word, ...]] = {}
        for name in sorted(names):
            if word := self._word(name):
                words[word.key[0]] = (*words.get(word.key[0], ()), word)
        return _Near(frozenset(key for name in names for key in _beginnings(name)), words)


def _read_beginnings(name: str) -> tuple[str, ...]:
    """Give the `term_key` of a name's first word, of its first two, and so on."""
    parts = filter(None, map(term_key, name.split()))
    return tuple(itertools.accumulate(parts))


#: The names of an answer come again in others, and each is asked for several times.
_beginnings = lru_cache(maxsize=16_384)(_read_beginnings)


def _look_alike(twin: _Twin, near: bool) -> Warning:
    where = ", which this answer names too" if near else ""
    return Warning(
        kind="look-alike",
        message=f"{twin.own} is easily taken for {twin.shown}{where}: check the name",
        name=twin.shown,
    )


def _obsolete() -> Warning:
    return Warning(kind="obsolete", message="no package of it is marketed any more")
