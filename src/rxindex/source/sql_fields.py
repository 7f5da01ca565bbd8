"""Fields of rows, read column by column: each value is converted once, and then remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

__all__ = ["Columns", "Field", "Memo", "OddValues", "Row"]

Row = tuple[Any, ...]
#: A page of rows, turned on its side.
Columns = Sequence[Sequence[Any]]

#: Distinct values that one field's conversions are remembered for: few enough that memory does
#: not grow with the catalogue, and plenty, since rows of one formulation come together.
REMEMBERED = 4_000
#: Distinct odd values that are kept for the report, per field.
ODD_VALUES_KEPT = 100


class OddValues:
    """What could not be read.

    Attributes:
        values: of each field, some.
        met: how often one was met with.
        last: the last one, with its field.
    """

    def __init__(self) -> None:
        self.values: dict[str, set[str]] = {}
        self.met = 0
        self.last: tuple[str, str] = ("", "")

    def add(self, field: str, value: str) -> None:
        """Note a value that could not be read.

        Args:
            field: that it was met in.
            value: as the database has it.
        """
        self.met += 1
        self.last = field, value
        values = self.values.setdefault(field, set())
        if len(values) < ODD_VALUES_KEPT:
            values.add(value)


class Memo(dict[Any, Any]):
    """Remembers a conversion's results; starts afresh when it has grown too large.

    What was odd is not remembered, so that it is met with wherever it stands.
    """

    def __init__(self, convert: Callable[[Any], Any], odd: OddValues) -> None:
        super().__init__()
        self._convert = convert
        self._odd = odd

    def __missing__(self, value: Any) -> Any:
        met = self._odd.met
        result = self._convert(value)
        if self._odd.met == met:
            if len(self) >= REMEMBERED:
                self.clear()
            self[value] = result
        return result


class Field:
    """One field of a row: which columns it is read from, and what their values come to.

    Args:
        places: where the columns stand in a tuple; none if the database has none of them.
        convert: called with the values of these columns.
        odd: what the conversion tells of values that it can't read.
    """

    def __init__(self, places: Sequence[int], convert: Callable[..., Any], odd: OddValues) -> None:
        self._places = tuple(places)
        self._convert = convert
        is_one = len(self._places) == 1
        self._memo = Memo(convert if is_one else lambda values: convert(*values), odd)

    def of_row(self, row: Row) -> Any:
        """Read the field of one row."""
        return self._convert(*[row[place] for place in self._places])

    def of_page(self, columns: Columns) -> Iterator[Any]:
        """Read the field of each row of a page."""
        if not self._places:
            return repeat(self._convert(), len(columns[0]))
        return map(self._memo.__getitem__, self._values(columns))

    def odd_places(self, columns: Columns) -> Iterator[int]:
        """Give the rows of a page, read just now, whose value may be an odd one.

        Odd values are not remembered; others are forgotten now and then.
        """
        if self._places:
            for place, value in enumerate(self._values(columns)):
                if value not in self._memo:
                    yield place

    def _values(self, columns: Columns) -> Iterable[Any]:
        """Give of each row what its value is remembered by."""
        if len(self._places) == 1:
            return columns[self._places[0]]
        return zip(*[columns[place] for place in self._places], strict=True)
