"""The words of a query that are filters: where they stand, and what they are in a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from rxindex.index.lexicon import Lexicon
from rxindex.search.answer import Part, PartKind
from rxindex.search.forms import read_forms, read_routes
from rxindex.search.labelers import INTRODUCTIONS, LONGEST_LABELER, LabelerWords
from rxindex.search.sizes import counts_units, find_sizes, size_text, usual_size
from rxindex.search.strengths import Quantity, Strength, StrengthTable, find_strengths

__all__ = ["FilterWords", "Reading"]

#: Stands for what is taken, or is a name: nothing reaches across it.
_BARRIER = "\0"
_WORD_OF_NAME = re.compile(r"[^\W\d_]{2,}")
_TOKEN = re.compile(rf"{_BARRIER}+|[^\W_]+(?:['\N{{RIGHT SINGLE QUOTATION MARK}}][^\W_]+)*")
#: Codes: hyphenated NDCs and products, and any number that is longer than an amount.
_CODE = re.compile(
    r"(?<![\w-])[0-9]{4,6}-[0-9]{3,4}(?:-[0-9]{1,2})?(?![\w-])|(?<!\w)[0-9]{9,}(?!\w)"
)
#: DEA schedules (21 CFR 1308). ``C1`` is an esterase.
_SCHEDULE = re.compile(
    r"(?<![\w-])(?:(?:dea\s+)?sched(?:ule)?\s*(?:c-?)?(iii|ii|iv|i|v|[1-5])|c-?(iii|ii|iv|v|[2-5])|c-(i))"
    r"(?![\w%]|-\w|\s*(?:mg|mcg)\b)",
    re.IGNORECASE,
)
_CONTROLLED = re.compile(
    r"(?<!\w)(?<!non[\s-])(?<!not\s)(?:controlled(?:\s+(?:substance|drug)s?)?|scheduled drugs?)"
    r"(?!\w|[\s-]*release)",
    re.IGNORECASE,
)
_NUMERALS = {"1": "CI", "2": "CII", "3": "CIII", "4": "CIV", "5": "CV"}
_KINDS: dict[str, tuple[str, ...]] = {
    "generic": (
        "generic", "generics", "generic only", "generics only", "only generic", "only generics",
        "generic drug", "generic drugs", "generic equivalent", "generic for", "generic of",
        "no brand", "no brands", "non brand", "not brand",
    ),
    "brand": (
        "brand", "brands", "branded", "brand name", "brand names", "name brand", "brand only",
        "brand name only", "only brand", "innovator", "no generic", "no generics", "non generic",
        "not generic", "dispense as written", "brand necessary", "brand medically necessary",
    ),
}  # fmt: skip
_ACTIVE = (
    "active only", "only active", "active drugs", "no obsolete", "not obsolete", "non obsolete",
    "without obsolete", "not discontinued", "no discontinued", "still marketed", "still sold",
    "currently marketed", "currently available", "still available", "still made",
)  # fmt: skip
#: An introduction and a labeler's name; no other phrase is as long.
_LONGEST_LOOK = LONGEST_LABELER + 2
#: A number behind or ahead of one of these is no strength.
_BEFORE_NUMBER = re.compile(
    r"(?:\b(?:type|stage|grade|phase|class|schedule|factor|age|aged|over|under|day|days|step|omega"
    r"|covid|hepatitis|no|number)[\s.]*|#\s*)$"
)
#: B 12 and D 3 are vitamins; D 1000 is a strength.
_BEFORE_INDEX = re.compile(r"\b(?:vitamin|[a-z])[\s.]*$")
_LARGEST_INDEX = 20
_AFTER_NUMBER = re.compile(
    r"[\s-]*(?:days?|weeks?|wks?|months?|mos?|years?|yrs?|yo|hours?|hrs?|h|minutes?|mins?|times"
    r"|refills?|kg|lbs?|st|nd|rd|th)\b"
)
_IN_TUBES = frozenset({
    "cream", "crm", "ointment", "oint", "gel", "jelly", "lotion", "foam", "paste", "shampoo",
})  # fmt: skip
#: Values that a part shows; there may be dozens of equal strengths.
_SHOWN = 8


class _Meaning(msgspec.Struct, frozen=True):
    """What a phrase stands for: the values of a facet, and routes that come with a form."""

    kind: PartKind
    values: tuple[str, ...]
    routes: tuple[str, ...] = ()
    implied: bool = False


class Reading:
    """A query while it is read."""

    def __init__(self, text: str, names: Iterable[tuple[int, int]]) -> None:
        """Begin.

        Args:
            text: the query.
            names: spans in which nothing is a filter.
        """
        self._text = text
        self.lowered = _lower(text)
        self.open = self.lowered
        self.strengths: list[tuple[str, ...]] = []
        self.sizes: list[str] = []
        self.active = False
        self._first_name = len(text)
        self._groups: dict[PartKind, list[tuple[str, ...]]] = {}
        self._implied_routes: list[tuple[str, ...]] = []
        self._parts: list[tuple[int, int, Part]] = []
        for start, end in names:
            self._first_name = min(self._first_name, end)
            self._close(start, end)
        for code in _CODE.finditer(self.open):
            self._close(*code.span())

    @property
    def rest(self) -> str:
        """The query with blanks in place of what was taken."""
        rest = self._text
        for start, end, _ in self._parts:
            rest = f"{rest[:start]}{' ' * (end - start)}{rest[end:]}"
        return rest

    @property
    def parts(self) -> tuple[tuple[int, Part], ...]:
        """What was taken, in the order of the query."""
        return tuple((start, part) for start, _, part in sorted(self._parts, key=lambda p: p[0]))

    def note(self, start: int, end: int, kind: PartKind, values: tuple[str, ...]) -> None:
        """Take the words between two places, and say what they were."""
        part = Part(" ".join(self._text[start:end].split()), kind, values[:_SHOWN])
        self._parts.append((start, end, part))
        self._close(start, end)

    def take(self, start: int, end: int, meaning: _Meaning) -> None:
        """Take the words between two places, which are values of a facet."""
        self.note(start, end, meaning.kind, meaning.values)
        self._groups.setdefault(meaning.kind, []).append(meaning.values)
        if meaning.routes and meaning.implied:
            self._implied_routes.append(meaning.routes)
        elif meaning.routes:
            self._groups.setdefault("route", []).append(meaning.routes)

    def any_of(self, kind: PartKind) -> tuple[str, ...]:
        """Give the values of which any will do."""
        groups = self._groups.get(kind, [])
        if kind == "route" and not groups:
            groups = self._implied_routes
        return tuple(dict.fromkeys(value for group in groups for value in group))

    def together(self, kind: PartKind) -> tuple[str, ...]:
        """Give the values that all said of it lets through: an ``ER`` ``tablet``.

        Where nothing is both (``cream or ointment``), either will do.
        """
        left: tuple[str, ...] = ()
        for group in self._groups.get(kind, []):
            both = tuple(value for value in left if value in group)
            left = both or tuple(dict.fromkeys(left + group))
        return left

    def follows_name(self, place: int) -> bool:
        """Tell whether a name, or a word that may be one, stands ahead of the place."""
        return self._first_name <= place or _WORD_OF_NAME.search(self.open, 0, place) is not None

    def _close(self, start: int, end: int) -> None:
        start, end = max(start, 0), min(end, len(self.open))
        if start < end:
            self.open = f"{self.open[:start]}{_BARRIER * (end - start)}{self.open[end:]}"


class FilterWords:
    """The words that are filters in one catalogue. Read-only."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Find out what each stands for.

        Args:
            lexicon: the catalogue's names and values.
        """
        self._strengths = StrengthTable(lexicon.strengths)
        self._labelers = LabelerWords(lexicon)
        self._schedules = {value.upper(): value for value in lexicon.schedules if value}
        self._phrases = dict(_phrases(lexicon))

    def read(self, reading: Reading) -> None:
        """Take every filter out of a query."""
        self._take_schedules(reading)
        for size in find_sizes(reading.open):
            _take_size(reading, size.start, size.end, size.size)
        found = list(find_strengths(reading.open))
        amounts = [one for one in found if not one.bare]
        for strength in amounts:
            self._take_amount(reading, strength, amounts)
        self._take_phrases(reading)
        stated = bool(reading.strengths)
        for strength in found:
            # What is part of a phrase ("24 hr") is taken by now.
            if strength.bare and reading.open[strength.start] != _BARRIER:
                self._take_bare(reading, strength, stated)

    def _take_schedules(self, reading: Reading) -> None:
        for match in _SCHEDULE.finditer(reading.open):
            numeral = next(filter(None, match.groups())).upper()
            name = _NUMERALS.get(numeral, f"C{numeral}")
            if name in self._schedules:
                meaning = _Meaning("schedule", (self._schedules[name],))
                reading.take(*match.span(), meaning)
        for match in _CONTROLLED.finditer(reading.open):
            if self._schedules:
                meaning = _Meaning("schedule", tuple(self._schedules.values()))
                reading.take(*match.span(), meaning)

    def _take_amount(self, reading: Reading, strength: Strength, amounts: list[Strength]) -> None:
        only = strength.quantities[0]
        if len(strength.quantities) == 1 and _is_size(only, reading, amounts):
            _take_size(reading, strength.start, strength.end, size_text(only))
            return
        if only.kind in {"X", "C"} and not self._strengths.matching(only):
            return
        self._take_strength(reading, strength)

    def _take_strength(self, reading: Reading, strength: Strength) -> None:
        text = " ".join(reading.lowered[strength.start : strength.end].split())
        whole = self._strengths.matching(strength.whole) if strength.whole else ()
        groups = [
            # Either its numbers are of two ingredients, or all of it is one concentration.
            tuple(dict.fromkeys((*self._strengths.matching(one), *whole))) or (text,)
            for one in strength.quantities
        ]
        shown = tuple(dict.fromkeys(value for group in groups for value in group[:_SHOWN]))
        reading.note(strength.start, strength.end, "strength", shown)
        reading.strengths += groups

    def _take_bare(self, reading: Reading, strength: Strength, stated: bool) -> None:
        """Take numbers without a unit: a strength behind a name, or else how many."""
        start, end = strength.start, strength.end
        if not reading.follows_name(start) or _is_something_else(reading.lowered, strength):
            return
        if len(strength.quantities) == 1:
            number = strength.quantities[0].number
            first = not reading.strengths
            counted = counts_units(reading.lowered, end)
            if (counted or not first) and usual_size(number):
                _take_size(reading, start, end, size_text(strength.quantities[0]))
                return
        if stated or not all(map(self._strengths.matching, strength.quantities)):
            return
        self._take_strength(reading, strength)

    def _take_phrases(self, reading: Reading) -> None:
        tokens = [(match[0], *match.span()) for match in _TOKEN.finditer(reading.open)]
        place = 0
        while place < len(tokens):
            place += self._take_phrase(reading, tokens[place : place + _LONGEST_LOOK]) or 1

    def _take_phrase(self, reading: Reading, tokens: Sequence[tuple[str, int, int]]) -> int:
        """Take the longest phrase with which the tokens begin; gives how many it has."""
        words = [word for word, _, _ in tokens]
        for length in range(len(words), 0, -1):
            phrase = " ".join(words[:length])
            start, end = tokens[0][1], tokens[length - 1][2]
            if meaning := self._phrases.get(phrase):
                reading.take(start, end, meaning)
                return length
            if phrase in _ACTIVE:
                reading.note(start, end, "status", ("active",))
                reading.active = True
                return length
            if labelers := self._labelers_named(words[:length]):
                reading.take(start, end, _Meaning("labeler", labelers))
                return length
        return 0

    def _labelers_named(self, words: Sequence[str]) -> tuple[str, ...]:
        for length in (2, 1):
            if len(words) > length and " ".join(words[:length]) in INTRODUCTIONS:
                return self._labelers.named(words[length:], introduced=True)
        return self._labelers.named(words, introduced=False)


def _phrases(lexicon: Lexicon) -> Iterator[tuple[str, _Meaning]]:
    for said, meant in read_forms(lexicon.forms, lexicon.routes).items():
        yield said, _Meaning("form", meant.forms, meant.routes, meant.implied)
    for said, meant in read_routes(lexicon.routes).items():
        yield said, _Meaning("route", meant.routes)
    for kind, phrases in _KINDS.items():
        if kind in lexicon.kinds:
            for said in phrases:
                yield said, _Meaning("kind", (kind,))


def _take_size(reading: Reading, start: int, end: int, size: str) -> None:
    reading.note(start, end, "size", (size,))
    reading.sizes.append(size)


def _is_size(quantity: Quantity, reading: Reading, amounts: Iterable[Strength]) -> bool:
    """Tell whether an amount is how much the package holds: ``10 ml``, ``cream 30 g``."""
    if quantity.per or quantity.kind not in {"mL", "g"}:
        return False
    if quantity.kind == "mL":
        return True
    if quantity.amount != quantity.number:
        return False
    stated = any(one.per or one.kind == "%" for strength in amounts for one in strength.quantities)
    return stated or not _IN_TUBES.isdisjoint(reading.lowered.split())


def _is_something_else(text: str, number: Strength) -> bool:
    """Tell whether the words around a number say that it is no strength: ``type 2``, ``7 days``."""
    if _AFTER_NUMBER.match(text, number.end) or _BEFORE_NUMBER.search(text, 0, number.start):
        return True
    small = number.quantities[0].number <= _LARGEST_INDEX
    return small and _BEFORE_INDEX.search(text, 0, number.start) is not None


def _lower(text: str) -> str:
    """Write in lower case without a change of length."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)
