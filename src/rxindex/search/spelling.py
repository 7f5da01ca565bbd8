"""Which name of the catalogue a misspelled one was meant to be.

A text that is a name is never taken for another, and nothing is ever taken for a name that the
catalogue does not have. How far two names are apart is the mean of two counts of changed, added,
left out or swapped letters (optimal string alignment): one of the letters, one of how they sound.
So a wrong vowel, ``f`` for ``ph`` or a doubled letter counts half; a wrong first letter, which is
rare, counts more. A name may have been cut short. Of two names about equally near the commoner
one is taken.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from rxindex.index.lexicon import Lexicon
from rxindex.search.commonness import Commonness, commonness_by_packages
from rxindex.search.letter_pairs import LetterPairs, worthiest
from rxindex.search.nameable import (
    Nameable,
    NameableKind,
    nameables,
    words_of,
)
from rxindex.search.sound import sound_key, sound_keys
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key

__all__ = ["Guess", "Speller"]

#: Letters of what is corrected, and of what may be a name cut short.
_SHORTEST = 4
_SHORTEST_CUT = 5
#: A word that so many names have is a word and no mistake, unless so many times as many names
#: have the word that it is mistaken for.
_NAMES_OF_A_WORD = 3
_MANY_TIMES = 20
#: How many names that share letters with a text are compared with it, and with a beginning how
#: many of the commonest that have its first letter: a few letters, two of them swapped, may share
#: less with the right name than with hundreds of others.
_COMPARED = 96
_COMMONEST = 256
#: How many shared pairs of letters each letter that a text lacks takes away: where it is a whole
#: name, and where it is a beginning.
_LACKS = 0.3
_LACKS_IN_BEGINNING = 0.02
#: All in changed letters. A wrong first letter; a name cut short, and each letter that is missing;
#: the names of a combination's ingredients; by how much the commonest name is nearer than one
#: that nobody asks for, and one that the vocabulary knows too than one that it does not.
_FIRST_LETTER = 0.5
_CUT = 0.8
_CUT_LETTER = 0.1
_COMBINATION = 0.5
_COMMON = 1.5
_KNOWN = 0.4
#: Of so many letters of a text at most, so many may be changed; of more letters, the third.
_ALLOWED = ((4, 1.0), (5, 1.25), (6, 1.75), (8, 2.0), (11, 2.5))
#: The same, for a text that is the beginning of a name.
_ALLOWED_IN_BEGINNING = ((5, 1.0), (9, 2.0))
_ALLOWED_IN_MORE = 3.0
#: So many more letters than in the nearest beginning may be changed in another.
_FARTHER = 0.5
#: What share of it is allowed for a name that nobody asks for.
_ALLOWED_UNCOMMON = 0.55
#: What is less similar is not near.
_LEAST_SIMILAR = 0.6


class Guess(msgspec.Struct, frozen=True):
    """A name that a misspelled text may have been meant to be.

    Attributes:
        text: as the catalogue writes it; as the vocabulary does for a class, an indication or
            another name of an ingredient.
        kind: what it is of.
        similarity: 0 to 1.
        how: ``words`` (only blanks or the order of the words differ), ``sound`` (it sounds the
            same) or ``spelling``.
    """

    text: str
    kind: NameableKind
    similarity: float
    how: Literal["spelling", "sound", "words"]


class _Near(NamedTuple):
    """The position of a name near a text, and in how many letters they differ."""

    position: int
    changed: float


class Speller:
    """Corrects misspelled names, one catalogue's.

    Read-only once it is made: threads may share it.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        vocabulary: Vocabulary,
        commonness: Commonness = commonness_by_packages,
    ) -> None:
        """Collect what there is to be misspelled: about a second for 30,000 names.

        Args:
            lexicon: the catalogue's names.
            vocabulary: what classes, indications and ingredients are also called.
            commonness: 0 to 1, how often a name is meant.
        """
        self._lexicon = lexicon
        self._vocabulary = vocabulary
        self._targets = nameables(lexicon, vocabulary, commonness)
        self._keys = [one.key for one in self._targets]
        self._sounds = sound_keys(self._keys)
        self._by_letter = LetterPairs(self._keys)
        self._by_sound = LetterPairs(self._sounds)
        self._first_letters = _first_letters(self._keys)
        self._first_sounds = _first_letters(self._sounds)
        self._merit: NDArray[np.float64] = np.array([_merit(one) for one in self._targets], float)
        self._most_merit = float(self._merit.max(initial=0.0))
        by_first: dict[str, list[int]] = defaultdict(list)
        for position in np.argsort(-self._merit, kind="stable"):
            by_first[self._keys[position][0]].append(int(position))
        self._commonest = {
            letter: np.array(positions[:_COMMONEST], np.intp)
            for letter, positions in by_first.items()
        }
        self._known = frozenset(self._keys)
        self._names_with: Counter[str] = Counter()
        self._in_order: dict[str, int] = {}
        for position, one in enumerate(self._targets):
            words = words_of(one.text)
            self._names_with.update(set(words))
            self._in_order.setdefault(" ".join(sorted(words)), position)

    def knows(self, text: str) -> bool:
        """Tell whether a text is a name of the catalogue or a term of the vocabulary.

        The first word that brand names of one ingredient share (``Advair``) is a name too.
        """
        return (
            term_key(text) in self._known
            or bool(self._lexicon.lookup(text))
            or self._vocabulary.expand(text) is not None
        )

    def correct(self, text: str) -> Guess | None:
        """Find the one name that a misspelled text was meant to be.

        Returns:
            None where the text is known or made of words that names have, where it has a digit
            or less than four letters, and where no name is near enough. Another name may be as
            near: `near` gives them all.
        """
        return self.read(text, 0)[0]

    def near(self, text: str, limit: int = 5) -> tuple[Guess, ...]:
        """Find the names that a text may have been meant to be, also if none is very near.

        A name that only adds to a nearer one (its salt, its release) is left out.

        Returns:
            At most ``limit``, the most likely first; none for a text with a digit in it.
        """
        return self.read(text, limit)[1]

    def read(self, text: str, limit: int = 5) -> tuple[Guess | None, tuple[Guess, ...]]:
        """Give what `correct` and `near` give, at the price of one of them.

        Args:
            text: what was typed.
            limit: of the names that are near.
        """
        key = term_key(text)
        if not _can_be_misspelled(key) or (not limit and self.knows(text)):
            return None, ()
        sound = sound_key(key)
        near = self._nearest(key, sound)
        if (swapped := self._swapped(text)) is not None:
            near.insert(0, _Near(swapped, 0.0))
        certain = swapped is not None or (near and self._is_enough(key, text, near[0]))
        taken = self._guess(key, sound, near[0]) if certain and not self.knows(text) else None
        return taken, tuple(itertools.islice(self._apart(key, sound, near), limit))

    def _is_enough(self, key: str, text: str, best: _Near) -> bool:
        """Tell whether the nearest name is near enough to be taken for what was meant."""
        target = self._targets[best.position]
        trusted = 1.0 if target.known else min(1.0, _ALLOWED_UNCOMMON + target.common)
        enough = best.changed <= _allowed(key, _ALLOWED) * trusted
        return enough and not self._is_words(text, target)

    def _apart(self, key: str, sound: str, near: Iterable[_Near]) -> Iterator[Guess]:
        """Leave out names that only add to a nearer one."""
        nearer: tuple[str, ...] = ()
        for one in near:
            name = self._keys[one.position]
            if _similarity(key, one) < _LEAST_SIMILAR or name.startswith(nearer):
                continue
            nearer = (*nearer, name)
            yield self._guess(key, sound, one)

    def beginning(self, text: str, limit: int = 10) -> tuple[Guess, ...]:
        """Find the names that a text is nearly the beginning of: ``liptor``, ``sinthr``.

        Returns:
            At most ``limit``, the most likely first; none for a text with a digit in it.
        """
        key = term_key(text)
        if not _can_be_misspelled(key):
            return ()
        sound = sound_key(key)
        commonest = self._commonest.get(key[0], np.empty(0, np.intp))
        positions = np.union1d(self._sharing(key, sound, _LACKS_IN_BEGINNING), commonest)
        names = [self._keys[position] for position in positions.tolist()]
        changed = _cut_short(key, names) + self._first_letter(key, sound, positions)
        # Where a name begins just so, as a rare one may, one letter may still be wrong.
        most = max(1.0, float(changed.min(initial=_ALLOWED_IN_MORE)) + _FARTHER)
        most = min(most, _allowed(key, _ALLOWED_IN_BEGINNING))
        near = [one for one in self._in_order_of_merit(positions, changed) if one.changed <= most]
        return tuple(self._guess(key, sound, one) for one in near[:limit])

    def _nearest(self, key: str, sound: str) -> list[_Near]:
        """Compare a text with the names that share most with it, and sort them by likelihood."""
        positions = self._sharing(key, sound, _LACKS)
        names = [self._keys[position] for position in positions.tolist()]
        sounds = [self._sounds[position] for position in positions.tolist()]
        changed = (_changed(key, names) + _changed(sound, sounds)) / 2
        if len(key) >= _SHORTEST_CUT:
            lacks = np.maximum(self._by_letter.lengths[positions] - len(key), 0)
            cut = _cut_short(key, names) + _CUT + _CUT_LETTER * lacks
            changed = np.minimum(changed, cut)
        return self._in_order_of_merit(
            positions, changed + self._first_letter(key, sound, positions)
        )

    def _sharing(self, key: str, sound: str, lacks: float) -> NDArray[np.intp]:
        """Find the names that share most pairs of letters with a text, written and heard."""
        lengths, merit = self._by_letter.lengths, self._merit

        def extra(positions: NDArray[np.intp]) -> NDArray[np.float64]:
            missing = np.maximum(lengths[positions] - len(key), 0)
            worth: NDArray[np.float64] = merit[positions] - lacks * missing
            return worth

        shared = self._by_sound.shared(sound, self._by_letter.shared(key))
        return worthiest(shared, extra, self._most_merit, _COMPARED)

    def _first_letter(
        self, key: str, sound: str, positions: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        letter, heard = _first_letters((key, sound))
        wrong: NDArray[np.bool_] = self._first_letters[positions] != letter
        wrong &= self._first_sounds[positions] != heard
        return _FIRST_LETTER * wrong.astype(np.float64)

    def _in_order_of_merit(
        self, positions: NDArray[np.intp], changed: NDArray[np.float64]
    ) -> list[_Near]:
        order = np.argsort(changed - self._merit[positions], kind="stable")
        return list(map(_Near, positions[order].tolist(), changed[order].tolist()))

    def _swapped(self, text: str) -> int | None:
        """Find the name that has the same words in another order."""
        return self._in_order.get(" ".join(sorted(words_of(text))))

    def _is_words(self, text: str, target: Nameable) -> bool:
        """Tell whether a text is made of words that names have, and not just by mistake."""
        least = max(_NAMES_OF_A_WORD, self._names_with[target.key] / _MANY_TIMES)
        return all(self._names_with[word] >= least for word in words_of(text))

    def _guess(self, key: str, sound: str, near: _Near) -> Guess:
        target = self._targets[near.position]
        how: Literal["spelling", "sound", "words"] = "spelling"
        if not near.changed and len(target.key) == len(key):
            how = "words"
        elif self._sounds[near.position] == sound:
            how = "sound"
        return Guess(target.text, target.kind, _similarity(key, near), how)


def _similarity(key: str, near: _Near) -> float:
    return max(0.0, 1 - near.changed / len(key))


def _first_letters(texts: Iterable[str]) -> NDArray[np.uint32]:
    """Give the code point of each text's first letter, 0 where it has none."""
    return np.array([ord(text[0]) if text else 0 for text in texts], np.uint32)


def _can_be_misspelled(key: str) -> bool:
    return len(key) >= _SHORTEST and key.isalpha()


def _merit(one: Nameable) -> float:
    return _COMMON * one.common + _KNOWN * one.known - _COMBINATION * one.several


def _allowed(key: str, table: Sequence[tuple[int, float]]) -> float:
    return next((most for letters, most in table if len(key) <= letters), _ALLOWED_IN_MORE)


def _changed(text: str, others: Sequence[str]) -> NDArray[np.float64]:
    """Count the letters in which each of several texts differs from one."""
    changed: NDArray[np.float64] = process.cdist(
        [text], others, scorer=OSA.distance, dtype=np.float64
    )[0]
    return changed


def _cut_short(key: str, names: Sequence[str]) -> NDArray[np.float64]:
    """Count the letters in which a text differs from the beginning of each name."""
    # A letter left out or added moves the place where the name was cut.
    lengths = (len(key) - 1, len(key), len(key) + 1)
    cuts = _changed(key, [name[:length] for length in lengths for name in names])
    least: NDArray[np.float64] = cuts.reshape(len(lengths), -1).min(axis=0)
    return least
