"""How many drugs and texts a catalogue of so many packages has.

The demo catalogue of 500,000 packages has the proportions of First Databank's tables. How it would
go on can't be measured on it, since it was made. The FDA's directory is real: its packages, taken
in random order, tell how fast new drugs and new texts still come at its end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec

from benchmarks.scale.model import Catalogue

__all__ = ["Growth", "extrapolate", "rarefy"]


class Growth(msgspec.Struct, frozen=True):
    """A measured catalogue, and how drugs and texts grow with its packages.

    Attributes:
        start: the catalogue to go on from.
        drugs: exponent: twice the packages are ``2 ** drugs`` times the drugs.
        texts: likewise.
    """

    start: Catalogue
    drugs: float
    texts: float


def rarefy(packages: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Measure how drugs and texts grow between the half and the whole of a catalogue.

    The law of Heaps has it that different words grow with a power of a text's length.

    Args:
        packages: number of the drug and of the text of each.

    Returns:
        The exponents of drugs and of texts.
    """
    order = list(packages)
    random.Random(1).shuffle(order)
    half = order[: len(order) // 2]
    drugs = len({drug for drug, _ in order}) / len({drug for drug, _ in half})
    texts = len({text for _, text in order}) / len({text for _, text in half})
    return math.log2(drugs), math.log2(texts)


def extrapolate(growth: Growth, packages: int) -> Catalogue:
    """Give a catalogue of so many packages; that it grows on like this is an assumption."""
    times = packages / growth.start.packages
    return Catalogue(
        packages,
        round(growth.start.drugs * times**growth.drugs),
        round(growth.start.texts * times**growth.texts),
    )
