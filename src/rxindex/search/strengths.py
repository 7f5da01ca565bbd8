"""Strengths: how prescribers and catalogues write them, and which of them are equal.

One strength is written in many ways: ``0.5%`` is 5 mg/mL, ``1 gm`` is 1000 mg, ``10-325 MG`` of one
catalogue is ``10 mg; 325 mg`` in another. So both sides are read into numbers, and a catalogue's
own values are found by what they amount to. Units are those of UCUM and of label names.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

__all__ = ["Quantity", "Strength", "StrengthTable", "find_strengths"]

#: What counts (mass in grams, volume in mL, activity in units…) and how much of it one is.
_MASS, _VOLUME, _UNITS = "g", "mL", "units"
_AMOUNT_UNITS: dict[str, tuple[str, float]] = {
    said: (kind, factor)
    for kind, factor, names in (
        (_MASS, 1e-9, "ng nanogram nanograms"),
        (_MASS, 1e-6, "mcg mcgs ug µg μg microgram micrograms"),
        (_MASS, 1e-3, "mg mgs mgm milligram milligrams"),
        (_MASS, 1.0, "g gm gms gr gram grams"),
        (_MASS, 1e3, "kg"),
        (_VOLUME, 1e-3, "ul"),
        (_VOLUME, 1.0, "ml mls cc milliliter milliliters"),
        (_VOLUME, 1e3, "l liter liters"),
        (
            _UNITS,
            1.0,
            "unit units u iu ius unt un usp|units usp|unit international|units int|units",
        ),
        (_UNITS, 1e3, "k|units k|iu thousand|units"),
        (_UNITS, 1e6, "mu million|units million|iu"),
        ("mEq", 1.0, "meq meqs milliequivalent milliequivalents"),
        ("mmol", 1.0, "mmol millimole millimoles"),
        ("Ci", 1e-6, "uci"),
        ("Ci", 1e-3, "mci"),
        ("Ci", 1.0, "ci"),
        ("PNU", 1.0, "pnu"),
        ("AU", 1.0, "au"),
        ("BAU", 1.0, "bau"),
        ("%", 1.0, "% percent pct"),
    )
    for said in names.replace("|", "\0").split()
    for said in [said.replace("\0", " ")]
}
#: What stands right behind its number or is something else: homeopathic dilutions
#: (Homeopathic Pharmacopoeia of the United States) and thousands of units.
_ATTACHED = {"x": ("X", 1.0), "c": ("C", 1.0), "k": (_UNITS, 1e3)}

#: In what it is: mL, grams, hours, or one dose of whatever is dosed (a spray, a tablet).
_PER_UNITS: dict[str, tuple[str, float]] = {
    said: (kind, factor)
    for kind, factor, names in (
        ("mL", 1e-3, "ul"),
        ("mL", 1.0, "ml mls cc"),
        ("mL", 100.0, "dl"),
        ("mL", 1e3, "l liter"),
        ("h", 1.0, "h hr hrs hour hours"),
        ("h", 24.0, "d day days"),
        ("", 1.0, "actuation act actuat spray sprays puff puffs inhalation inh dose drop"),
        ("", 1.0, "tablet tab capsule cap patch packet pkt vial syringe pen each ea"),
    )
    for said in names.split()
}
_PER_MASS: dict[str, tuple[str, float]] = {
    "g": ("g", 1.0), "gm": ("g", 1.0), "gram": ("g", 1.0), "mg": ("g", 1e-3), "kg": ("g", 1e3),
}  # fmt: skip
_DILUTIONS = frozenset({"X", "C"})
_KINDS = _AMOUNT_UNITS | _ATTACHED
_PER_KINDS = _PER_UNITS | _PER_MASS


def _either(words: Iterable[str]) -> str:
    """Write alternatives, longer ones first, a blank in one being any number of blanks."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in ordered)


_NUMBER = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}(?![0-9])(?:\.[0-9]{1,9})?"
    r"|[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"
)
_UNIT = _either(_AMOUNT_UNITS)
_END = r"(?![^\W_])"
_AMOUNT = rf"({_NUMBER})(?:((?:\s*|-)(?:{_UNIT})|{_either(_ATTACHED)}){_END}|(?!:?[0-9,.]*[^\W_]))"
_FIRST = re.compile(rf"(?<![\w.,])(?<![^\W\d]-)(?<![0-9]:){_AMOUNT}", re.IGNORECASE)
_NEXT = re.compile(rf"\s*([-/+])\s*{_AMOUNT}", re.IGNORECASE)
_PER = re.compile(
    rf"\s*(?:/|\bper\b)\s*(?:({_NUMBER})?\s*({_either(_PER_UNITS)})|({_either(_PER_MASS)})){_END}",
    re.IGNORECASE,
)
_RATIO = re.compile(rf"(?<![\w.,:])1\s?:\s?({_NUMBER})(?![\w:.])")
#: What insulins are called by: units in a millilitre.
_INSULIN = re.compile(r"(?<![\w-])u-?(100|200|300|500)(?![\w/-])", re.IGNORECASE)
#: ``400/5`` of a liquid is in a teaspoon or a tablespoon (mL).
_SPOONS = frozenset({5.0, 15.0})
#: ``1 g/100 g`` is a concentration; ``500 mg/125 mg`` are two amounts.
_SHARES = frozenset({1.0, 100.0, 1000.0})
_BARE_SCALES = ((_MASS, 1e-6), (_MASS, 1e-3), (_MASS, 1.0), (_UNITS, 1.0), ("mEq", 1.0))
#: Concentrations that are written as a percentage are rounded: 2.5 mg/3 mL is called 0.083 %.
_ROUNDING = 0.005
_EXACT = 1e-6


class Quantity(NamedTuple):
    """How much there is of something, and in what.

    Attributes:
        number: as written; ``1000`` for ``1,000``.
        kind: ``g``, ``mL``, ``units``, ``%`` and so on, or empty where no unit was given.
        amount: the number in that unit; a percentage stays one.
        per: ``mL``, ``g`` or ``h``, or empty for a dose.
        size: how much of that.
    """

    number: float
    kind: str = ""
    amount: float = 0.0
    per: str = ""
    size: float = 1.0

    @property
    def share(self) -> float:
        """The amount in one of what it is in."""
        return self.amount / self.size


class Strength(msgspec.Struct, frozen=True):
    """A strength that stands in a text.

    Attributes:
        start: its first character.
        end: the place after its last.
        quantities: one for each ingredient, in the order written.
        whole: what it amounts to if its two numbers are no two ingredients (``400/5`` is
            400 mg in 5 mL), or None.
    """

    start: int
    end: int
    quantities: tuple[Quantity, ...]
    whole: Quantity | None = None

    @property
    def bare(self) -> bool:
        """Whether it has numbers alone."""
        return all(not one.kind and not one.per for one in self.quantities)


def find_strengths(text: str) -> Iterator[Strength]:
    """Find what may be a strength in a text, numbers without a unit included.

    Args:
        text: a query or a catalogue's value.

    Yields:
        From the left, without overlap.
    """
    taken = 0
    found = [
        *_FIRST.finditer(text),
        *(_RATIO.finditer(text) if ":" in text else ()),
        *_INSULIN.finditer(text),
    ]
    for match in sorted(found, key=lambda one: (one.start(), -one.end())):
        if match.start() < taken:
            continue
        strength = _strength(text, match)
        if strength is not None:
            taken = strength.end
            yield strength


def _strength(text: str, match: re.Match[str]) -> Strength | None:
    if match.re is _INSULIN:
        number = float(match[1])
        return Strength(*match.span(), (Quantity(number, _UNITS, number, "mL"),))
    if match.re is _RATIO:
        share = _number(match[1])
        quantity = Quantity(1.0, _MASS, 1.0, "mL", share)
        return Strength(*match.span(), (quantity,)) if share else None
    amounts = [(_number(match[1]), _unit(match[2]))]
    slash, end = False, match.end()
    per, size = "", 1.0
    while True:
        if ending := _PER.match(text, end):
            size = _number(ending[1]) if ending[1] else 1.0
            per, factor = _PER_KINDS[(ending[2] or ending[3]).lower()]
            size, end = size * factor, ending.end()
            break
        if not (following := _NEXT.match(text, end)):
            break
        amounts.append((_number(following[2]), _unit(following[3])))
        slash, end = following[1] == "/", following.end()
    if not size or not all(number for number, _ in amounts):
        return None
    return _put_together(match.start(), end, amounts, per, size, slash and len(amounts) == 2)


def _put_together(
    start: int,
    end: int,
    amounts: list[tuple[float, str]],
    per: str,
    size: float,
    two_and_slash: bool,
) -> Strength:
    quantities: list[Quantity] = []
    unit = ""
    # From behind: in 10-325 mg the unit of the last amount is that of all.
    for number, own in reversed(amounts):
        unit = own or unit
        kind, factor = _KINDS.get(unit, ("", 1.0))
        quantities.append(Quantity(number, kind, number * factor, per, size))
    quantities.reverse()
    first, last = quantities[0], quantities[-1]
    whole = None
    if two_and_slash and not per:
        in_grams = last.kind == _MASS and last.amount == last.number
        if first.kind == last.kind and (in_grams or last.number in _SHARES) and amounts[0][1]:
            share = Quantity(first.number, first.kind, first.amount, last.kind, last.amount)
            return Strength(start, end, (share,))
        if not last.kind and last.number in _SPOONS:
            whole = Quantity(first.number, first.kind, first.amount, "mL", last.number)
    return Strength(start, end, tuple(quantities), whole)


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _unit(text: str | None) -> str:
    return " ".join(text.lower().lstrip("-").split()) if text else ""


class StrengthTable:
    """A catalogue's strengths by what they amount to. Read-only."""

    def __init__(self, values: Mapping[str, int]) -> None:
        """Read the values.

        Args:
            values: strengths as the catalogue writes them, and how many drugs have each.
        """
        self._drugs = values
        self._said: dict[str, tuple[Quantity, ...]] = {}
        shares: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        amounts: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        self._numbers: dict[float, set[str]] = defaultdict(set)
        for value in values:
            self._said[value] = tuple(_quantities(value))
            for quantity in self._said[value]:
                for kind, per, share in _shares(quantity):
                    shares[kind, per].append((share, value))
                if quantity.per != "g":
                    amounts[quantity.kind, ""].append((quantity.amount, value))
                for number in _numbers(quantity):
                    self._numbers[number].add(value)
        self._shares = {key: sorted(found) for key, found in shares.items()}
        self._amounts = {key: sorted(found) for key, found in amounts.items()}
        self._matching = lru_cache(maxsize=4096)(self._match)

    def matching(self, quantity: Quantity) -> tuple[str, ...]:
        """Find the values that say the quantity, whatever their units.

        What is said without a volume is found in any (``250 mg`` in ``250 mg/5 mL``), what has
        none of its own unit in every unit (``10`` in ``10 mg``, ``0.5`` in ``0.5%``).

        Returns:
            As it is written first, then what is equal, then what is in a volume; of each, those
            of most drugs first. None if there is none.
        """
        return self._matching(quantity)

    def _match(self, quantity: Quantity) -> tuple[str, ...]:
        if not quantity.kind and not quantity.per:
            just, also = self._said_bare(quantity.number), set[str]()
        elif not quantity.kind:
            scales = [
                quantity._replace(kind=kind, amount=quantity.number * scale)
                for kind, scale in _BARE_SCALES
            ]
            just, also = self._equal(scales), set()
        else:
            just, also = self._equal([quantity]), set()
            if quantity.kind != "%" and quantity.per in {"", "h"}:
                # A patch's strength is by the hour, which many catalogues do not say.
                amount = quantity.share if quantity.per == "" else quantity.amount
                also = _between(self._amounts.get((quantity.kind, ""), []), amount, _EXACT)
        return (*self._ordered(just, quantity), *self._ordered(also - just, quantity))

    def _said_bare(self, number: float) -> set[str]:
        percentage = (number / 100, _ROUNDING)
        found = self._numbers.get(_rounded(number), set()) | _between(
            self._shares.get((_MASS, "g"), []), *percentage
        )
        if number < 1:
            # Creams are called by their percentage, and so are drops; but 10 of morphine is never
            # 100 mg/mL.
            found |= _between(self._shares.get((_MASS, "mL"), []), *percentage)
        return found

    def _equal(self, quantities: list[Quantity]) -> set[str]:
        found: set[str] = set()
        for quantity in quantities:
            for kind, per, share in _shares(quantity):
                rounding = _ROUNDING if per in {"mL", "g"} else _EXACT
                found |= _between(self._shares.get((kind, per), []), share, rounding)
        return found

    def _ordered(self, values: set[str], quantity: Quantity) -> list[str]:
        return sorted(
            values, key=lambda one: (quantity not in self._said[one], -self._drugs[one], one)
        )


def _quantities(value: str) -> Iterator[Quantity]:
    for strength in find_strengths(value):
        yield from strength.quantities


def _shares(quantity: Quantity) -> Iterator[tuple[str, str, float]]:
    """Say the quantity as amounts in one of something; a percentage is one of three."""
    if quantity.kind == "%":
        yield _MASS, "mL", quantity.amount / 100
        yield _MASS, "g", quantity.amount / 100
        yield _VOLUME, "mL", quantity.amount / 100
    else:
        yield quantity.kind, quantity.per, quantity.share


def _numbers(quantity: Quantity) -> Iterator[float]:
    """Give the numbers by which the quantity is asked for where no unit is given."""
    if quantity.kind in _DILUTIONS:
        return
    if quantity.kind != _MASS:
        yield _rounded(quantity.number)
    elif quantity.per != "g":
        yield from (_rounded(quantity.amount * scale) for scale in (1e6, 1e3, 1.0))


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def _between(ordered: list[tuple[float, str]], number: float, rounding: float) -> set[str]:
    first = bisect_left(ordered, (number * (1 - rounding), ""))
    end = bisect_right(ordered, (number * (1 + rounding), "\U0010ffff"))
    return {value for _, value in ordered[first:end]}
