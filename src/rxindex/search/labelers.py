"""Which words of a query name a labeler.

Labelers' names are long (``Teva Pharmaceuticals USA, Inc.``) and what a prescriber types is their
beginning. Many begin with an everyday word (``Preferred``, ``Sun``, ``Major``), which names the
labeler only behind a word that says so (``by major``), or with the rest of its name.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from rxindex.index.lexicon import Lexicon
from rxindex.search.forms import plain_words

__all__ = ["INTRODUCTIONS", "LONGEST_LABELER", "LabelerWords"]

#: What stands ahead of a labeler and of nothing else that a prescriber asks for.
INTRODUCTIONS = (
    "made by", "manufactured by", "mfg by", "marketed by", "sold by", "by", "labeler",
    "manufacturer", "mfr", "mfg",
)  # fmt: skip

#: The most words of a labeler's name that are looked at.
LONGEST_LABELER = 4

#: A labeler of fewer than this part of all drugs is recognised only where it is introduced.
_KNOWN = 1 / 2000
#: A first word that stands in the names of as many drugs, measured by those of the labeler, is
#: searched for as a part of a name.
_IN_NAMES = 0.02

#: The rest of a company's name, in the one spelling that they are compared in.
_COMPANY = {
    word: one
    for one, words in (
        ("pharma", "pharma pharm pharms pharmaceut pharmaceutical pharmaceuticals pharmacal"),
        ("labs", "lab labs laboratory laboratories"),
        ("inc", "inc incorporated llc ltd limited lp corp corporation co company plc gmbh"),
        ("usa", "usa us america"),
        ("health", "health healthcare"),
    )
    for word in words.split()
}
_COMPANY_WORDS = frozenset(_COMPANY.values())
_LEGAL = frozenset({"inc", "usa"})
_SPOKEN = {
    "lilly": "eli lilly", "gsk": "glaxosmithkline", "bms": "bristol myers", "reddys": "dr reddys",
}  # fmt: skip
_APOSTROPHES = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}]")

#: First words of labelers' names that mean something else, or too many things, in a query.
_EVERYDAY = frozenset(
    """
    aaa acute advance advanced aero aid air all allergy alpha amd america american apex army
    ascend atlantic banner basic best beta better big blue body bright cardinal care central
    century chain china choice church classic clean clear clinical cold complete contract
    cosmetic county crown daily delta dental department direct discount dispensing dollar dose
    eagle early east efficient elite epic essential eye fabrication family fast first focus
    formulated fresh general generic genesis gentle global gold golden good granules great
    green guardian hand head health healthy heart heritage home human imperial in infant
    innovative insight international kids lake leading legacy liberty life light living lucid
    major mechanical medical method mission modern mother mutual natural nature new night north
    northern novel nurse ocean one oral organic original pacific pain patient patriot personal
    pharmaceutical pharmacy physician physicians plus precision preferred premier prime product
    proficient provision pure quality rapid rebel red reliable relief remedy ridge rising rugby
    rx safe save select senior service services simple skin slate sleep smart soft source south
    southern special spirit standard star state sterile sterling sti store strong summit sun
    sunrise superior supply target terrain the this time top torrent total tris ultra unit
    united universal urgent valley value velocity vertical vision vital water wellness west
    western white whole wild women world young your
""".split()
)


class LabelerWords:
    """The beginnings of a catalogue's labelers. Read-only."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Collect them.

        Args:
            lexicon: the catalogue's names and values.
        """
        self._beginning: dict[str, list[str]] = defaultdict(list)
        self._drugs: Counter[str] = Counter()
        self._whole: set[str] = set()
        ordered = sorted(lexicon.labelers.items(), key=lambda pair: (-pair[1], pair[0]))
        for labeler, count in ordered:
            words = _spelled(plain_words(_APOSTROPHES.sub("", labeler)).split())
            for length in range(1, min(len(words), LONGEST_LABELER) + 1):
                beginning = " ".join(words[:length])
                self._beginning[beginning].append(labeler)
                self._drugs[beginning] += count
            self._whole.add(_without_legal_form(words))
        self._least = max(1.0, lexicon.drugs * _KNOWN)
        self._in_names = _words_of_names(lexicon)

    def named(self, words: Sequence[str], introduced: bool) -> tuple[str, ...]:
        """Find the labelers that the words name.

        Args:
            words: one to `LONGEST_LABELER` words, all of which have to belong to the name.
            introduced: a word ahead of them says that they are a labeler.

        Returns:
            Every labeler whose name begins with them, those of most drugs first; none if the
            words may as well be something else.
        """
        spoken = _spelled([_APOSTROPHES.sub("", word) for word in words])
        name = " ".join(spoken)
        name = _SPOKEN.get(name, name)
        found = self._beginning.get(name, ())
        return tuple(found) if found and (introduced or self._unmistakable(name)) else ()

    def _unmistakable(self, name: str) -> bool:
        drugs = self._drugs[name]
        if drugs < self._least:
            return False
        words = name.split()
        if len(words) > 1 and not _EVERYDAY.issuperset(words):
            if words[-1] in _COMPANY_WORDS or name in self._whole:
                return True
            words = words[1:]
        return any(self._distinctive(word, drugs) for word in words)

    def _distinctive(self, word: str, drugs: int) -> bool:
        return (
            len(word) > 2
            and word.isalpha()
            and self._in_names[word] <= drugs * _IN_NAMES
            and word not in _EVERYDAY
            and word not in _COMPANY_WORDS
        )


def _spelled(words: Sequence[str]) -> list[str]:
    return [_COMPANY.get(word, word) for word in words]


def _without_legal_form(words: list[str]) -> str:
    while words and words[-1] in _LEGAL:
        words = words[:-1]
    return " ".join(words)


def _words_of_names(lexicon: Lexicon) -> Counter[str]:
    """Count in how many drugs' names, and in what classes, each word stands."""
    found: Counter[str] = Counter()
    for name in lexicon.names:
        for word in set(plain_words(name.text).split()):
            found[word] += name.drugs
    for class_name, drugs in lexicon.classes.items():
        for word in plain_words(class_name).split():
            found[word] += drugs
    return found
