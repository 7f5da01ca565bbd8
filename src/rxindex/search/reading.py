"""Reading the words of one query, step by step."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from rxindex.index.lexicon import Lexicon
from rxindex.search.answer import Correction, Part, Understanding
from rxindex.search.filters import FilterReader, Filters, Taken
from rxindex.search.ordinary import EMPTY, ORDINARY
from rxindex.search.request import SearchRequest
from rxindex.search.spelling import Guess, Speller
from rxindex.search.understood import Understood
from rxindex.search.wanted import Names, Wanted
from rxindex.vocabulary.terms import term_key

__all__ = ["Reading", "Tools"]

#: Between names, these say that either will do.
_EITHER = re.compile(r"(?<!\d)[,;]|[,;](?!\d)|\b(?:or|vs\.?|versus)\b", re.IGNORECASE)
_JOINED = re.compile(r"[^/+-]+")
_WORD = re.compile(r"[^\s,;]+")
_OUTER = ".,;:?!()[]\"'"
#: The most words that one name, class or use has.
_LONGEST_TERM = 6
#: The most words that are corrected together.
_LONGEST_CORRECTED = 3
#: Things that are looked for at once, words that are searched for as text, and texts that are
#: compared with the names of the catalogue: more than anybody types, and few enough to answer.
_MOST_WANTED, _MOST_WORDS, _MOST_COMPARED = 8, 16, 30
#: A word beside a name is taken into it (``advair discus``) only if so much alike.
_ALIKE_AS_WHOLE = 0.86
#: Letters from which on a word can be the beginning of a name.
_SHORTEST_BEGINNING = 3
#: A beginning that only names of rare drugs have is a misspelling if a name is so much alike.
_ALIKE_ENOUGH = 0.84


class Tools(msgspec.Struct, frozen=True):
    """What queries of one catalogue are read with.

    Attributes:
        lexicon: of the catalogue.
        names: finds what a text stands for.
        speller: finds what a misspelled one was meant to be.
        filters: reads strengths, forms and the like.
    """

    lexicon: Lexicon
    names: Names
    speller: Speller
    filters: FilterReader


class _Piece(msgspec.Struct):
    """Words ``first`` to ``last`` of the query, this one not included."""

    first: int
    last: int
    wanted: Wanted


class Reading:
    """One query on its way to being understood.

    Args:
        tools: what it is read with.
        text: what was typed, blanks put in order.
        request: that it is of.
    """

    def __init__(self, tools: Tools, text: str, request: SearchRequest) -> None:
        self._tools = tools
        self._text = text
        self._request = request
        self._places = [
            place
            for match in _WORD.finditer(text)
            for place in self._parted(match.start(), match.end())
        ]
        self._words = [text[a:b].strip(_OUTER) for a, b in self._places]
        self._pieces: list[_Piece] = []
        self._near: list[Guess] = []
        self._compared = 0

    def _parted(self, start: int, end: int) -> list[tuple[int, int]]:
        """Part a word into names that are joined in it: ``codeine/apap``."""
        text = self._text[start:end]
        places = [(start + m.start(), start + m.end()) for m in _JOINED.finditer(text)]
        find = self._tools.names.find
        if len(places) < 2 or find(text.strip(_OUTER)) is not None:
            return [(start, end)]
        parts = [find(self._text[a:b]) for a, b in places]
        named = all(one is not None and one.named for one in parts)
        return places if named else [(start, end)]

    def understood(self, asked: Filters) -> Understood:
        """Understand it.

        Args:
            asked: the filters of the request.
        """
        self._find_names(self._tools.filters.read(self._text).rest)
        spans = [(self._places[p.first][0], self._places[p.last - 1][1]) for p in self._pieces]
        # Again, now that it is known in what no filter may be read.
        taken = self._tools.filters.read(self._text, spans)
        left = self._left(taken.rest)
        if not self._request.exact:
            plain = [n for n in left if self._is_ordinary(self._words[n])]
            odd = self._begin(self._correct([n for n in left if n not in plain]))
            left = sorted([*plain, *odd])
        left = self._limit(self._demote(left))
        return self._put_together(left, taken, asked)

    def _find_names(self, rest: str) -> None:
        """Find what is known, the longest first at each place."""
        place = 0
        while place < len(self._words):
            piece = self._known_at(place, rest)
            if piece is None:
                place += 1
            else:
                self._pieces.append(piece)
                place = piece.last

    def _known_at(self, place: int, rest: str) -> _Piece | None:
        longest = min(_LONGEST_TERM, len(self._words) - place)
        for length in range(longest, 0, -1):
            words = self._words[place : place + length]
            if self._is_empty(words[0]) or self._is_empty(words[-1]):
                continue
            start, end = self._places[place][0], self._places[place + length - 1][1]
            if not rest[start:end].strip(_OUTER + " "):
                continue  # A form, a strength: whatever drug may be called so.
            between = self._text[start:end]
            if length > 1 and _EITHER.search(between):
                continue
            found = self._tools.names.find(between.strip(_OUTER))
            # "Antifungal Cream" on a label is not what a class and a form ask for.
            by_label = found is not None and found.kind == "brand" and not found.known
            said = rest[start:end] != between or all(map(self._is_ordinary, words))
            if by_label and said:
                continue
            if found is not None:
                return _Piece(place, place + length, found)
        return None

    def _is_empty(self, word: str) -> bool:
        return word.lower() in EMPTY or not any(c.isalpha() for c in word)

    def _is_ordinary(self, word: str) -> bool:
        return word.lower() in ORDINARY

    def _left(self, rest: str) -> list[int]:
        """List the words that are neither known nor filters nor empty."""
        taken = {n for p in self._pieces for n in range(p.first, p.last)}
        return [
            n
            for n, (a, b) in enumerate(self._places)
            if n not in taken
            and (word := rest[a:b].strip(_OUTER + " "))
            and word.lower() not in EMPTY
        ]

    def _correct(self, left: list[int]) -> list[int]:
        """Take runs of unknown words for the names that they are probably meant to be."""
        for run in _runs(left):
            if self._join_neighbour(run):
                continue
            self._correct_run(run)
        taken = {n for p in self._pieces for n in range(p.first, p.last)}
        return [n for n in left if n not in taken]

    def _join_neighbour(self, run: list[int]) -> bool:
        """Take an unknown word and the name beside it for one name: ``advair discus``."""
        if len(run) != 1:
            return False
        for piece in self._pieces:
            if piece.last != run[0] and piece.first != run[0] + 1:
                continue
            first, last = min(piece.first, run[0]), max(piece.last, run[0] + 1)
            text = " ".join(self._words[first:last])
            guess, _ = self._compare(text)
            if guess is None or guess.similarity < _ALIKE_AS_WHOLE or not piece.wanted.named:
                continue
            if (taken := self._take(guess, text)) is not None:
                piece.first, piece.last, piece.wanted = first, last, taken
                return True
        return False

    def _correct_run(self, run: list[int]) -> None:
        place = 0
        while place < len(run):
            longest = min(_LONGEST_CORRECTED, len(run) - place)
            for length in range(longest, 0, -1):
                first, last = run[place], run[place + length - 1] + 1
                if self._correct_span(first, last):
                    place += length
                    break
            else:
                place += 1

    def _correct_span(self, first: int, last: int) -> bool:
        text = " ".join(self._words[first:last])
        guess, near = self._compare(text)
        if guess is None:
            return False
        if last - first == 1 and not self._beats_beginning(text, guess):
            return False
        taken = self._take(guess, text)
        if taken is None:
            return False
        self._near += [one for one in near if term_key(one.text) != term_key(guess.text)]
        self._pieces.append(_Piece(first, last, taken))
        return True

    def _compare(self, text: str) -> tuple[Guess | None, tuple[Guess, ...]]:
        """Compare a text with the names of the catalogue, unless that was done often enough."""
        self._compared += 1
        if self._compared > _MOST_COMPARED:
            return None, ()
        return self._tools.speller.read(text)

    def _beats_beginning(self, text: str, guess: Guess) -> bool:
        """Tell whether a word is rather a misspelled name than the beginning of another."""
        if len(term_key(text)) < _SHORTEST_BEGINNING:
            return True
        starting = self._tools.lexicon.starting(text, 1)
        if not starting:
            return True
        if term_key(guess.text).startswith(term_key(text)):
            return False
        meant = self._tools.lexicon.lookup(guess.text)
        commoner = bool(meant) and meant[0].packages > starting[0].packages
        return commoner and guess.similarity >= _ALIKE_ENOUGH

    def _take(self, guess: Guess, typed: str) -> Wanted | None:
        found = self._tools.names.find(guess.text)
        if found is None:
            return None
        correction = Correction(typed, guess.text, guess.how, round(guess.similarity, 3))
        return msgspec.structs.replace(found, text=guess.text, correction=correction)

    def _begin(self, left: list[int]) -> list[int]:
        """Take unknown words for beginnings of names."""
        kept = []
        alone = len(left) == 1 and not any(p.wanted.named for p in self._pieces)
        for n in left:
            word = self._words[n]
            long_enough = len(term_key(word)) >= _SHORTEST_BEGINNING
            found = self._tools.names.beginning(word) if alone and long_enough else None
            if found is None:
                kept.append(n)
                if not self._near:
                    self._near += self._compare(word)[1]
            else:
                self._pieces.append(_Piece(n, n + 1, found))
        return kept

    def _demote(self, left: list[int]) -> list[int]:
        """Take an ordinary word that is also a brand for a word, beside anything better."""
        self._pieces.sort(key=lambda piece: piece.first)
        if all(piece.wanted.weak for piece in self._pieces):
            return left
        weak = [piece for piece in self._pieces if piece.wanted.weak]
        self._pieces = [piece for piece in self._pieces if not piece.wanted.weak]
        return sorted([*left, *(n for p in weak for n in range(p.first, p.last))])

    def _limit(self, left: list[int]) -> list[int]:
        """Leave out what is there twice, and what is more than anybody looks for at once."""
        pieces: dict[str, _Piece] = {}
        for piece in self._pieces:
            pieces.setdefault(term_key(piece.wanted.text), piece)
        self._pieces = list(pieces.values())[:_MOST_WANTED]
        words = {self._words[n].lower(): n for n in reversed(left)}
        return sorted(words.values())[:_MOST_WORDS]

    def _ignored(self, left: list[int], filters: Filters, asked: Filters) -> frozenset[int]:
        """List the ordinary words that say nothing beside what else there is."""
        if self._request.exact or any(piece.wanted.named for piece in self._pieces):
            return frozenset()
        plain = frozenset(n for n in left if self._is_ordinary(self._words[n]))
        alone = not (self._pieces or filters or asked or len(plain) < len(left))
        return frozenset() if alone else plain

    def _put_together(self, left: list[int], taken: Taken, asked: Filters) -> Understood:
        wanted = tuple(piece.wanted for piece in self._pieces)
        ignored = self._ignored(left, taken.filters, asked)
        kept = [n for n in left if n not in ignored]
        placed = [*taken.parts]
        placed += [
            (self._places[p.first][0], Part(p.wanted.text, p.wanted.kind, p.wanted.means))
            for p in self._pieces
        ]
        placed += [(self._places[n][0], Part(self._words[n], "word")) for n in kept]
        placed += [(self._places[n][0], Part(self._words[n], "ignored")) for n in ignored]
        placed.sort(key=lambda pair: pair[0])
        understanding = Understanding(
            parts=tuple(part for _, part in placed),
            corrections=tuple(one.correction for one in wanted if one.correction is not None),
            did_you_mean=tuple(dict.fromkeys(guess.text for guess in self._near))[:5],
        )
        return Understood(
            self._request.q,
            insisted=asked,
            said=taken.filters,
            wanted=wanted,
            words=tuple(self._words[n] for n in kept),
            text=" ".join(taken.rest.split()) or self._text,
            either=len(wanted) > 1 and _EITHER.search(self._text) is not None,
            exact=self._request.exact,
            understanding=understanding,
        )


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Split into runs of consecutive numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
