"""From a database's tuples to `PackageRow`: conversions by position, each value's done once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from rxindex.model import PackageRow
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
from rxindex.source.sql_order import number_of

__all__ = ["Group", "RowReader"]

Group = tuple[str | int, ...]
Row = tuple[Any, ...]
Convert = Callable[[Row], Any]

#: Distinct values that one column's conversions are remembered for: few enough that memory does
#: not grow with the catalogue, and plenty, since rows of one formulation come together.
REMEMBERED = 10_000
#: Distinct odd values that are kept for the report, per field.
ODD_VALUES_KEPT = 100


class _Memo(dict[Any, Any]):
    """Remembers a conversion's results; starts afresh when it has grown too large."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, value: Any) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        result = self[value] = self._convert(value)
        return result


def _text(value: Any) -> str:
    """Give a database value as text, outer blanks removed."""
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()


def _ndc(value: Any) -> str:
    """Give an NDC as text. As a number it has lost the zeroes in front of its 11 digits."""
    return f"{value:011d}" if isinstance(value, int) else _text(value)


class RowReader:
    """Makes `PackageRow` from the tuples of one query.

    Args:
        mapping: where the fields come from.
        position: where each column of the mapping stands in a tuple.

    Attributes:
        odd_values: for each field, values of the database that could not be read, for the report:
            DEA codes that the mapping does not list, dates that are none.
    """

    def __init__(self, mapping: Mapping, position: dict[str, int]) -> None:
        self.odd_values: dict[str, set[str]] = {}
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
        self._key = tuple(self._first(names) for names in mapping.key)
        self._ungrouped_key = tuple(self._first(names) for names in mapping.ungrouped_key)
        self._labels = _Memo(parse_label)

    def row(
        self,
        row: Row,
        group: Group,
        grouped: bool,
        classes: tuple[str, ...] = (),
        indications: tuple[str, ...] = (),
    ) -> PackageRow:
        """Make one `PackageRow`.

        Args:
            row: the tuple.
            group: its group.
            grouped: whether that is a real group, which decides the key.
            classes: the group's classes.
            indications: the group's indications.
        """
        name = self._name(row)
        generic, strength, form = self._generic(row), self._strength(row), self._form(row)
        routes = self._routes(row)
        if not (generic and strength and form and routes):
            # What the tables do not say, the label name often does.
            label = self._labels[name]
            generic = generic or label.ingredient
            strength = strength or label.strength
            form = form or label.form
            routes = routes or label.routes
        return PackageRow(
            group,
            self.key(row, grouped),
            _ndc(row[self._ndc]),
            name,
            self._brand(row),
            generic,
            self._ingredients(row),
            strength,
            form,
            routes,
            classes,
            indications,
            self._schedule(row),
            self._innovator(row),
            self._gcn(row),
            self._labeler(row),
            self._size(row),
            self._description(row),
            self._start(row),
            self._end(row),
        )

    def key(self, row: Row, grouped: bool) -> tuple[str, ...]:
        """Give only the key of a row, for which no other column need be there.

        Args:
            row: the tuple.
            grouped: as in `row`.
        """
        return tuple([part(row) for part in (self._key if grouped else self._ungrouped_key)])

    # -- conversions, each a function of the whole tuple ---------------------------------------

    def _places(self, names: Names) -> list[int]:
        return [self._position[name] for name in names if name in self._position]

    def _one(self, place: int, convert: Callable[[Any], Any]) -> Convert:
        memo = _Memo(convert)
        return lambda row: memo[row[place]]

    def _first(self, names: Names, empty: str = "") -> Convert:
        """The first of the columns that is not blank, as text."""
        places = self._places(names)
        if not places:
            return lambda row: empty
        if len(places) == 1:
            return self._one(places[0], _text)
        memo = _Memo(_text)

        def first(row: Row) -> str:
            for place in places:
                text: str = memo[row[place]]
                if text:
                    return text
            return ""

        return first

    def _text_field(self, field: TextField | None) -> Convert:
        if field is None:
            return lambda row: ""
        read = self._first(field.column)
        if field.join is not None:
            between, places, memo = field.join, self._places(field.column), _Memo(_text)

            def joined(row: Row) -> str:
                return between.join([text for place in places if (text := memo[row[place]])])

            read = joined
        for column, values in field.unless.items():
            read = self._unless(read, column, frozenset(values))
        return read

    def _unless(self, read: Convert, column: str, values: frozenset[str]) -> Convert:
        if column not in self._position:
            return read
        excluded = self._one(self._position[column], lambda value: _text(value) in values)
        return lambda row: "" if excluded(row) else read(row)

    def _list_field(self, field: TextField | None) -> Convert:
        if field is None:
            return lambda row: ()
        read, separator = self._text_field(field), field.split
        memo = _Memo(
            lambda text: tuple(
                part.strip()
                for part in (text.split(separator) if separator else [text])
                if part.strip()
            )
        )
        return lambda row: memo[read(row)]

    def _code_field(self, field: CodeField | None) -> Convert:
        if field is None:
            return lambda row: ""
        values, read = field.values, self._first(field.column)

        def meaning(code: str) -> str:
            if code and code not in values:
                self._odd("schedule", code)
            return values.get(code, "")

        memo = _Memo(meaning)
        return lambda row: memo[read(row)]

    def _flag_field(self, field: FlagField | None) -> Convert:
        if field is None:
            return lambda row: False
        true, read = frozenset(field.true), self._first(field.column)
        return lambda row: read(row) in true

    def _number_field(self, field: TextField | None) -> Convert:
        if field is None:
            return lambda row: 0
        memo, read = _Memo(lambda text: number_of(text) or 0), self._first(field.column)
        return lambda row: memo[read(row)]

    def _size_field(self, field: SizeField | None) -> Convert:
        if field is None:
            return lambda row: ""
        read = self._first(field.column)
        unit = self._first((field.unit_column,) if field.unit_column else ())
        units = field.units
        memo = _Memo(lambda pair: f"{_plain(pair[0])} {units.get(pair[1], '')}".strip())
        return lambda row: memo[read(row), unit(row)]

    def _date_field(self, name: str, field: DateField | None) -> Convert:
        if field is None:
            return lambda row: ""
        pattern = field.format

        def iso(text: str) -> str:
            date = _iso_date(text, pattern)
            if date is None:
                self._odd(name, text)
                # As it stands: to leave it out would turn an obsolete package into an active one.
                return text
            return date

        memo, read = _Memo(iso), self._first(field.column)
        return lambda row: memo[read(row)]

    def _odd(self, field: str, value: str) -> None:
        values = self.odd_values.setdefault(field, set())
        if len(values) < ODD_VALUES_KEPT:
            values.add(value)


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
