"""Pack sizes in a query: how many, how much."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from rxindex.search.strengths import Quantity

__all__ = ["Size", "counts_units", "find_sizes", "size_text", "usual_size"]

_COUNT = r"([1-9][0-9]{0,3})"
_NO_MORE = r"(?![\w%]|[.,/:-][0-9]|\s*(?:(?:mg|mcg|ug|gm?|ml|units?|meq|iu)\b|%))"
_SIZE = re.compile(
    # From two digits on: Tylenol #3 is a strength of codeine.
    r"(?<![\w#])#\s*([1-9][0-9]{1,3})" + _NO_MORE
    + r"|\b(?:qty|quantity|count|disp|dispense)\.?\s*(?:of|[:=#])?\s*#?" + _COUNT + _NO_MORE
    + r"|\b(?:box|bottle|pack|package|pkg|carton)\s+of\s+" + _COUNT + _NO_MORE
    + r"|(?<![\w.,/#-])" + _COUNT + r"(?:['\u2019]?s|[\s-]?(?:ct|cnt|count|pk|pack))(?!\w)",
    re.IGNORECASE,
)  # fmt: skip
_COUNTED = re.compile(
    r"\s+(?:tablets|tabs|capsules|caps|caplets|softgels|pills|patches|suppositories|lozenges|films"
    r"|strips|packets|vials|pens|syringes|ampules|ampuls|doses|cartridges)\b",
    re.IGNORECASE,
)
#: What blister cards and bottles of a month's, two months' and three months' supply hold.
_SUPPLIES = frozenset({28, 30, 56, 60, 84, 90, 112, 120, 180, 270, 360})


class Size(msgspec.Struct, frozen=True):
    """A pack size that stands in a text.

    Attributes:
        start: its first character.
        end: the place after its last.
        size: for example ``30``.
    """

    start: int
    end: int
    size: str


def find_sizes(text: str) -> Iterator[Size]:
    """Find the pack sizes that say that they are one: ``#30``, ``90 ct``, ``box of 30``."""
    for match in _SIZE.finditer(text):
        yield Size(*match.span(), next(filter(None, match.groups())))


def counts_units(text: str, end: int) -> bool:
    """Tell whether what is counted stands behind the number that ends there: ``90 tablets``."""
    return _COUNTED.match(text, end) is not None


def usual_size(number: float) -> bool:
    """Tell whether packages hold as many; 100 and 500 are strengths as often as sizes."""
    return number in _SUPPLIES


def size_text(quantity: Quantity) -> str:
    """Write an amount as packages show it: ``90``, ``10 mL``, ``30 g``."""
    number = quantity.amount if quantity.kind else quantity.number
    return f"{number:g} {quantity.kind}".strip()
