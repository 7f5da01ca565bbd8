"""Why a hit is in an answer, and which part of its name says so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rxindex.index.escape import tokens
from rxindex.search.answer import Correction, Hit
from rxindex.search.rank import Ranked
from rxindex.search.understood import Understood
from rxindex.search.wanted import Wanted

__all__ = ["highlights", "reasons"]

#: From so many on, how often its ingredients are prescribed is worth a word.
_OFTEN = 0.5


def reasons(
    ranked: Ranked, asked: Understood, hit: Hit, passed: str, prescribed: float
) -> tuple[str, ...]:
    """Say what speaks for a hit, the weightiest first, in sentences without a full stop.

    Args:
        ranked: the candidate and its score.
        asked: the query, understood.
        hit: the same as a hit.
        passed: the filters that it passes, in words.
        prescribed: how often its ingredients are, 0 to 1.
    """
    found = []
    if asked.ndc or asked.products:
        found.append("it holds the package" if asked.ndc else "it is the product")
    elif ranked.candidate.tier.name == "meaning":
        found.append(
            f"its description means something alike (similarity {ranked.candidate.cosine:.2f})"
        )
    elif asked.wanted:
        wanted = asked.wanted[ranked.candidate.of]
        found.append(_match(ranked.candidate.tier.name, wanted, hit))
        if wanted.correction is not None:
            found.append(_taken(wanted.correction))
        if ranked.candidate.together:
            found.append("it has all that was asked for")
    elif asked.words:
        found.append(_words(ranked.candidate.tier.name, asked.words))
    if passed:
        found.append(f"it is as asked: {passed}")
    if prescribed >= _OFTEN:
        found.append("its ingredients are often prescribed")
    if hit.status == "obsolete":
        found.append("it comes after others since no package is marketed any more")
    return tuple(found)


def _match(tier: str, wanted: Wanted, hit: Hit) -> str:
    match tier:
        case "brand":
            return f"its brand name is {hit.brand}"
        case "generic":
            return f"its generic name is {hit.generic}"
        case "name":
            return f"its name begins with {wanted.text}"
        case "synonym":
            return f"it has the same ingredients as {wanted.text}"
        case "ingredient":
            return f"it contains {' and '.join(_contained(wanted, hit))}"
        case "class":
            return f"it belongs to the class {' or '.join(_shared(wanted.classes, hit.classes))}"
        case "indication":
            return f"it is used for {' or '.join(wanted.indications)}"
        case _:
            return f"its name is {wanted.text}"


def _contained(wanted: Wanted, hit: Hit) -> Sequence[str]:
    held = {one.casefold() for one in hit.ingredients}
    whole = (one for one in wanted.substances if {s.casefold() for s in one} <= held)
    return next(whole, wanted.means)


def _shared(wanted: Sequence[str], held: Sequence[str]) -> Sequence[str]:
    return [one for one in wanted if one in held] or wanted


def _words(tier: str, words: Sequence[str]) -> str:
    text = " ".join(words)
    match tier:
        case "name":
            return f"its names hold {text}"
        case "synonym":
            return f"it is also called {text}"
        case _:
            return f"its names, classes and uses hold {text}"


def _taken(correction: Correction) -> str:
    how = {
        "sound": "sounds like",
        "spelling": "was taken for a misspelling of",
        "words": "was taken for",
    }[correction.how]
    return f"{correction.typed} {how} {correction.taken}"


def highlights(name: str, asked: Understood) -> tuple[tuple[int, int], ...]:
    """Find the parts of a name that a query names.

    Args:
        name: of a hit.
        asked: the query, understood.

    Returns:
        First character and the one after the last, from left to right, none overlapping.
    """
    lower = name.lower()
    if len(lower) != len(name):
        return ()  # A letter that has no lower case of its own length: better none than wrong.
    places = []
    for token in _tokens((*(one.text for one in asked.wanted), *asked.words)):
        place = lower.find(token)
        while place >= 0:
            if place == 0 or not lower[place - 1].isalnum():
                places.append((place, place + len(token)))
            place = lower.find(token, place + 1)
    return _merged(sorted(places))


# The hits of an answer are all compared with the same words.
@lru_cache(maxsize=64)
def _tokens(typed: tuple[str, ...]) -> frozenset[str]:
    return frozenset(token for text in typed for token in tokens(text) if len(token) > 1)


def _merged(places: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in places:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
