"""From a database's tuples to `PackageRow`: column by column, each value converted once.

A page is turned on its side, and each field is looked up for all of its rows in one go. What a
column's value comes to is remembered: rows of one formulation repeat nearly all of theirs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import accumulate, pairwise
from typing import Any

from rxindex.model import PackageRow
from rxindex.source.base import Group, Odd
from rxindex.source.label import parse_label
from rxindex.source.mapping import (
    CodeField,
    DateField,
    FlagField,
    Mapping,
    Names,
    SizeField,
    TextField,
)
from rxindex.source.sql_fields import Columns, Field, Memo, OddValues, Row
from rxindex.source.sql_order import number_of

__all__ = ["RowReader"]


def _text(value: Any) -> str:
    """Give a database value as text, outer blanks removed."""
    if type(value) is str:
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()


def _first_text(*values: Any) -> str:
    """Give the first of these values that is not blank, as text."""
    for value in values:
        text = _text(value)
        if text:
            return text
    return ""


def _ndc(value: Any) -> str:
    """Give an NDC as text. As a number it has lost the zeroes in front of its 11 digits."""
    return f"{value:011d}" if isinstance(value, int) else _text(value)


class RowReader:
    """Makes `PackageRow` from the tuples of one query.

    Args:
        mapping: where the fields come from.
        position: where each column of the mapping stands in a tuple.
    """

    def __init__(self, mapping: Mapping, position: dict[str, int]) -> None:
        self._odd = OddValues()
        self._position = position
        columns = mapping.columns
        self._ndc = position[columns.ndc.column[0]]
        self._name = self._text_field(columns.name)
        self._brand = self._text_field(columns.brand)
        self._generic = self._text_field(columns.generic)
        self._ingredients = self._list_field(columns.ingredients)
        self._strength = self._text_field(columns.strength)
        self._form = self._text_field(columns.form)
        self._routes = self._list_field(columns.routes)
        self._schedule = self._code_field(columns.schedule)
        self._innovator = self._flag_field(columns.innovator)
        self._gcn = self._number_field(columns.gcn)
        self._labeler = self._text_field(columns.labeler)
        self._size = self._size_field(columns.size)
        self._description = self._text_field(columns.description)
        self._start = self._date_field("start", columns.start)
        self._end = self._date_field("end", columns.end)
        self._key = self._key_field(mapping.key)
        self._ungrouped_key = self._key_field(mapping.ungrouped_key)
        self._labels = Memo(parse_label, self._odd)

    @property
    def odd_values(self) -> dict[str, set[str]]:
        """For each field, values of the database that could not be read so far, for the report.

        DEA codes that the mapping does not list, dates that are none.
        """
        return self._odd.values

    def rows(
        self,
        page: Sequence[Row],
        groups: Sequence[Group],
        grouped: bool,
        classes: Iterable[tuple[str, ...]],
        indications: Iterable[tuple[str, ...]],
        odd: dict[Group, Odd] | None = None,
    ) -> list[PackageRow]:
        """Make the `PackageRow` of each tuple.

        Args:
            page: the tuples, at least one.
            groups: each one's group.
            grouped: whether those are real groups, which decides the keys.
            classes: the classes of each one's group.
            indications: the indications of each one's group.
            odd: to add values to that could not be read.
        """
        columns = list(zip(*page, strict=True))
        met = self._odd.met
        rows = list(self._made(columns, groups, grouped, classes, indications))
        if odd is not None and self._odd.met > met:
            self._add_odd(page, columns, groups, odd)
        return rows

    def tell(self, odd: Odd) -> None:
        """Add values to `odd_values` that are known from an earlier reading."""
        for field, value in odd:
            self._odd.add(field, value)

    def _add_odd(
        self,
        page: Sequence[Row],
        columns: Columns,
        groups: Sequence[Group],
        odd: dict[Group, Odd],
    ) -> None:
        """Look again at rows for themselves: there is something odd about some of them."""
        for field in (self._schedule, self._start, self._end):
            for place in field.odd_places(columns):
                met = self._odd.met
                field.of_row(page[place])
                if self._odd.met > met:
                    odd[groups[place]] = odd.get(groups[place], frozenset()) | {self._odd.last}

    def _made(
        self,
        columns: Columns,
        groups: Iterable[Group],
        grouped: bool,
        classes: Iterable[tuple[str, ...]],
        indications: Iterable[tuple[str, ...]],
    ) -> Iterator[PackageRow]:
        names = list(self._name.of_page(columns))
        generic, strength, form, routes = self._completed(names, columns)
        return map(
            PackageRow,
            groups,
            (self._key if grouped else self._ungrouped_key).of_page(columns),
            map(_ndc, columns[self._ndc]),
            names,
            self._brand.of_page(columns),
            generic,
            self._ingredients.of_page(columns),
            strength,
            form,
            routes,
            classes,
            indications,
            self._schedule.of_page(columns),
            self._innovator.of_page(columns),
            self._gcn.of_page(columns),
            self._labeler.of_page(columns),
            self._size.of_page(columns),
            self._description.of_page(columns),
            self._start.of_page(columns),
            self._end.of_page(columns),
        )

    def key(self, row: Row, grouped: bool) -> tuple[str, ...]:
        """Give only the key of a row, for which no other column need be there.

        Args:
            row: the tuple.
            grouped: as in `rows`.
        """
        key: tuple[str, ...] = (self._key if grouped else self._ungrouped_key).of_row(row)
        return key

    def _completed(self, names: list[str], columns: Columns) -> list[list[Any]]:
        """Give generic name, strength, form and routes, in the order of `Label`."""
        fields = (self._generic, self._strength, self._form, self._routes)
        found = [list(field.of_page(columns)) for field in fields]
        if not all(map(all, found)):
            # What the tables do not say, the label name often does.
            for place, own in enumerate(zip(*found, strict=True)):
                if not all(own):
                    for column, said in zip(found, self._labels[names[place]], strict=True):
                        column[place] = column[place] or said
        return found

    # -- fields --------------------------------------------------------------------------------

    def _places(self, names: Names) -> list[int]:
        return [self._position[name] for name in names if name in self._position]

    def _key_field(self, parts: Sequence[Names]) -> Field:
        """The texts that make up a key, each the first of its columns that is not blank."""
        places = [self._places(names) for names in parts]
        ends = list(accumulate(map(len, places), initial=0))

        def key(*values: Any) -> tuple[str, ...]:
            return tuple([_first_text(*values[low:high]) for low, high in pairwise(ends)])

        return self._field([place for some in places for place in some], key)

    def _text_of(self, field: TextField) -> tuple[list[int], Callable[..., str]]:
        places = self._places(field.column)
        read: Callable[..., str] = _text if len(places) == 1 else _first_text
        if field.join is not None:
            between = field.join

            def read(*values: Any) -> str:
                return between.join(filter(None, map(_text, values)))

        for column, values in field.unless.items():
            if column in self._position:
                places.append(self._position[column])
                read = _unless(read, frozenset(values))
        return places, read

    def _text_field(self, field: TextField | None) -> Field:
        return self._field(*self._text_of(field)) if field is not None else self._field((), str)

    def _list_field(self, field: TextField | None) -> Field:
        if field is None:
            return self._field((), tuple)
        (places, read), separator = self._text_of(field), field.split

        def parts(*values: Any) -> tuple[str, ...]:
            text = read(*values)
            found = text.split(separator) if separator else [text]
            return tuple(filter(None, map(str.strip, found)))

        return self._field(places, parts)

    def _code_field(self, field: CodeField | None) -> Field:
        if field is None:
            return self._field((), str)
        meanings, odd = field.values, self._odd

        def meaning(*values: Any) -> str:
            code = _first_text(*values)
            if code and code not in meanings:
                odd.add("schedule", code)
            return meanings.get(code, "")

        return self._field(self._places(field.column), meaning)

    def _flag_field(self, field: FlagField | None) -> Field:
        if field is None:
            return self._field((), bool)
        true = frozenset(field.true)
        return self._field(self._places(field.column), lambda *values: _first_text(*values) in true)

    def _number_field(self, field: TextField | None) -> Field:
        if field is None:
            return self._field((), int)
        places = self._places(field.column)
        return self._field(places, lambda *values: number_of(_first_text(*values)) or 0)

    def _size_field(self, field: SizeField | None) -> Field:
        if field is None:
            return self._field((), str)
        numbers = self._places(field.column)
        unit = self._places((field.unit_column,) if field.unit_column else ())
        units, count = field.units, len(numbers)

        def size(*values: Any) -> str:
            number, code = _first_text(*values[:count]), _first_text(*values[count:])
            return f"{_plain(number)} {units.get(code, '')}".strip()

        return self._field(numbers + unit, size)

    def _date_field(self, name: str, field: DateField | None) -> Field:
        if field is None:
            return self._field((), str)
        pattern, odd = field.format, self._odd

        def iso(*values: Any) -> str:
            text = _first_text(*values)
            date = _iso_date(text, pattern)
            if date is None:
                odd.add(name, text)
                # As it stands: to leave it out would turn an obsolete package into an active one.
                return text
            return date

        return self._field(self._places(field.column), iso)

    def _field(self, places: Sequence[int], convert: Callable[..., Any]) -> Field:
        return Field(places, convert, self._odd)


def _unless(read: Callable[..., str], excluded: frozenset[str]) -> Callable[..., str]:
    """Read nothing where the value behind the others is one of these."""
    return lambda *values: "" if _text(values[-1]) in excluded else read(*values[:-1])


def _plain(number: str) -> str:
    """Write a number without an exponent or needless zeroes; leave other text as it is."""
    try:
        value = Decimal(number)
    except InvalidOperation:
        return number
    if not value.is_finite() or not value:
        return ""
    return f"{value.normalize():f}"


def _iso_date(text: str, pattern: str) -> str | None:
    """Read a date; ``""`` for none, None for one that can't be read."""
    text = text.strip()
    if not text.strip("0-/ :."):
        return ""
    try:
        if pattern != "auto":
            return dt.datetime.strptime(text, pattern).date().isoformat()  # noqa: DTZ007
        day = text[:10] if text[4:5] == "-" else text[:8]
        if len(text) > len(day) and text[len(day)] not in " T":
            return None
        return dt.date.fromisoformat(day).isoformat()
    except ValueError:
        return None
