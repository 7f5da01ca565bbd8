"""Completions of what is being typed: names, classes and uses that the catalogue has drugs of.

What begins with the text comes first, then what has a later word that does, then, where that is
little, what nearly begins so; within each the commonest first. All of it is in sorted arrays in
the process that answers, so that a key press costs no round trip.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rxindex.errors import QueryError
from rxindex.index.lexicon import Lexicon
from rxindex.search.answer import Suggestion
from rxindex.search.commonness import Commonness, commonness_by_packages
from rxindex.search.request import LONGEST_QUERY, MOST_HITS
from rxindex.search.safety import Safety
from rxindex.search.spelling import Speller
from rxindex.search.spoken import spoken_terms
from rxindex.search.suggestible import Line, collect_lines, later_words, other_names
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key

__all__ = ["Suggester"]

#: Letters from which on a later word of a name is found, and a misspelled beginning.
_SHORTEST_WORD = 3
_SHORTEST_FUZZY = 4
#: With fewer lines than this for one word, a misspelling is looked for; for several words, with
#: none.
_FEW = 3
#: Lines taken for each that is wanted: some turn out to be of one substance.
_SPARE = 8

_Match = Literal["prefix", "word", "fuzzy", "abbreviation"]


class Suggester:
    """Suggests what a prescriber may be about to type, from one catalogue.

    Read-only once it is made: threads may share it.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        vocabulary: Vocabulary,
        speller: Speller,
        safety: Safety,
        commonness: Commonness = commonness_by_packages,
    ) -> None:
        """Sort what there is to suggest: well below a second for 30,000 names.

        Args:
            lexicon: the catalogue's names.
            vocabulary: abbreviations, classes, indications.
            speller: of the same catalogue, for beginnings that are misspelled.
            safety: of the same catalogue, for look-alikes.
            commonness: 0 to 1, how often a name is meant.
        """
        self._vocabulary = vocabulary
        self._speller = speller
        self._safety = safety
        terms = spoken_terms(lexicon, vocabulary)
        self._lines = collect_lines(lexicon, vocabulary, terms, commonness)
        self._keys = [line.key for line in self._lines]
        self._merit: NDArray[np.float64] = np.array([line.merit for line in self._lines], float)
        later = later_words(self._lines, vocabulary)
        self._later_keys = [key for key, _ in later]
        self._later_lines: NDArray[np.intp] = np.array([line for _, line in later], np.intp)
        self._other_names = other_names(self._lines, lexicon, vocabulary, terms)

    def suggest(self, text: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """Complete what is being typed.

        A strength that is being typed after a name (``lisinopril 1``) is left out, unless a name
        goes on like that: what is suggested is what the catalogue has.

        Args:
            text: what was typed so far.
            limit: how many lines, 1 to `MOST_HITS`.

        Returns:
            Whole names and abbreviations first, then what begins with the text, what has a word
            that does, and what nearly begins so. One line for each name; none for a blank text.

        Raises:
            QueryError: the text is longer than `LONGEST_QUERY`, or the limit is out of bounds.
        """
        if len(text) > LONGEST_QUERY:
            raise QueryError(f"the text is longer than {LONGEST_QUERY} characters; shorten it")
        if not 1 <= limit <= MOST_HITS:
            raise QueryError(f"the limit is {limit}; give a number from 1 to {MOST_HITS}")
        found = self._find(text, limit)
        if not found and (name := _before_a_number(text)):
            found = self._find(name, limit)
        return tuple(self._suggestion(at, match) for at, match in found)

    def _find(self, text: str, limit: int) -> list[tuple[int, _Match]]:
        key = term_key(text)
        if not key:
            return []
        found: dict[str, tuple[int, _Match]] = {}
        self._take(found, self._named(key), limit)
        self._take(found, self._beginning(key, limit), limit)
        if len(key) >= _SHORTEST_WORD:
            self._take(found, self._with_word(key, limit), limit)
        few = _FEW if len(text.split()) == 1 else 1
        if len(key) >= _SHORTEST_FUZZY and len(found) < few and not self._speller.knows(text):
            self._take(found, self._misspelled(text, limit), limit)
        return list(found.values())

    def _take(
        self,
        found: dict[str, tuple[int, _Match]],
        lines: Iterable[tuple[int, _Match]],
        limit: int,
    ) -> None:
        for at, match in lines:
            if len(found) == limit:
                return
            line = self._lines[at]
            # Two classes may be called the same; to search for it finds both.
            if not any(self._same(line, shown) for shown, _ in found.values()):
                found.setdefault(line.of, (at, match))

    def _same(self, line: Line, shown: int) -> bool:
        other = self._lines[shown]
        return (line.kind, line.key) == (other.kind, other.key)

    def _named(self, key: str) -> Iterator[tuple[int, _Match]]:
        """Find what the text is the whole name, an abbreviation or another name of."""
        first = bisect.bisect_left(self._keys, key)
        for at in range(first, bisect.bisect_right(self._keys, key, lo=first)):
            yield at, "prefix"
        for at in self._other_names.get(key, ()):
            yield at, "abbreviation"

    def _beginning(self, key: str, limit: int) -> Iterator[tuple[int, _Match]]:
        first, last = _starting(self._keys, key)
        for at in _highest(self._merit[first:last], limit * _SPARE):
            yield first + int(at), "prefix"

    def _with_word(self, key: str, limit: int) -> Iterator[tuple[int, _Match]]:
        first, last = _starting(self._later_keys, key)
        lines = self._later_lines[first:last]
        for at in _highest(self._merit[lines], limit * _SPARE):
            yield int(lines[at]), "word"

    def _misspelled(self, text: str, limit: int) -> Iterator[tuple[int, _Match]]:
        for guess in self._speller.beginning(text, limit):
            key = term_key(guess.text)
            for at, _ in self._named(key):
                yield at, "fuzzy"

    def _suggestion(self, at: int, match: _Match) -> Suggestion:
        line = self._lines[at]
        named = line.kind in {"brand", "generic"}
        return Suggestion(
            text=line.text,
            display=self._vocabulary.tall_man(line.text) if named else line.text,
            kind=line.kind,
            generic=line.generic,
            packages=line.packages,
            match=match,
            warning=self._safety.look_alike(line.text) if named else "",
        )


def _starting(keys: Sequence[str], prefix: str) -> tuple[int, int]:
    """Find the part of sorted keys that begins with a prefix."""
    first = bisect.bisect_left(keys, prefix)
    return first, bisect.bisect_left(keys, prefix + "\U0010ffff", lo=first)


def _highest(merit: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Give the positions of the highest values, the highest first."""
    found = np.arange(len(merit))
    if len(merit) > count:
        found = np.argpartition(-merit, count)[:count]
        found.sort()
    ordered: NDArray[np.intp] = found[np.argsort(-merit[found], kind="stable")]
    return ordered


def _before_a_number(text: str) -> str:
    """Cut a text before the first word, other than its first, that begins with a digit."""
    words = text.split()
    numbers = (at for at, word in enumerate(words) if at and word.lstrip(".")[:1].isdigit())
    return " ".join(words[: next(numbers, 0)])
