"""A mapping says which tables and columns of a database make up the rows of a catalogue.

A mapping is a TOML file. The one for FDB MedKnowledge is built in, in the same form (see
`rxindex.source.fdb.FDB_MAPPING`), and is the fullest example. The smallest useful one::

    table = "products"
    group = "formulation_id"          # rows are read in this order; one run of rows a formulation
    key = ["label", "brand"]          # what tells the drugs of one formulation apart

    [columns]
    ndc = "ndc11"
    name = ["long_label", "label"]    # the first that is not blank
    brand = "brand"
    innovator = { column = "is_brand", true = ["Y", "1"] }
    schedule = { column = "dea", values = { "2" = "CII", "3" = "CIII" } }
    end = "discontinued_on"

    [joins.maker]                     # left join; left out where the table does not exist
    table = "companies"
    on = { id = "company_id" }        # its column = a column of the package table

    [classes]                         # from formulation to names, by a chain of tables
    name = "class_name"
    chain = [
      { table = "formulation_class", match = "formulation_id" },
      { table = "class", match = "class_id" },
    ]

A column is written ``COLUMN`` (of the package table) or ``join.COLUMN``. Table and column names
are matched without regard to case.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from rxindex.errors import ConfigurationError

__all__ = [
    "CodeField",
    "Columns",
    "DateField",
    "FlagField",
    "Join",
    "Link",
    "Lookup",
    "Mapping",
    "SizeField",
    "TextField",
    "UpdatedField",
    "load_mapping",
    "parse_mapping",
]


def _several(value: object) -> object:
    """Let one name stand for a list of one."""
    return (value,) if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_several), Field(min_length=1)]
Values = Annotated[tuple[str, ...], BeforeValidator(_several)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ColumnEntry(_Entry):
    """An entry under ``[columns]``; a bare name or list of names is short for ``column``."""

    column: Names

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str | list | tuple) else value


class TextField(_ColumnEntry):
    """Text, its outer blanks removed.

    Attributes:
        column: the first of these that is not blank is taken.
        join: take all that are not blank, with this text in between.
        split: for fields that hold several values: what stands between two of them.
        unless: columns and the values for which the field stays empty, for example to leave the
            brand name out where another column says that the product has none.
    """

    join: str | None = None
    split: Annotated[str, Field(min_length=1)] | None = None
    unless: dict[str, Values] = {}


class FlagField(_ColumnEntry):
    """True or false.

    Attributes:
        column: where the flag stands.
        true: the values, outer blanks removed, that mean true; any other means false.
    """

    true: Values = ("1", "Y", "T", "true")


class CodeField(_ColumnEntry):
    """A code that stands for a value.

    Attributes:
        column: where the code stands.
        values: what each code means. A code that is not listed means the empty string, and is
            kept for the report (see `rxindex.source.sql.SqlSource.odd_values`).
    """

    values: dict[str, str]


class DateField(_ColumnEntry):
    """A date.

    Attributes:
        column: where the date stands.
        format: ``auto`` understands date columns, ``YYYY-MM-DD``, ``YYYYMMDD``, and zeroes for
            no date; anything else is a pattern for `datetime.strptime`, ``%m/%d/%Y`` say.
    """

    format: str = "auto"


class SizeField(_ColumnEntry):
    """A package size.

    Attributes:
        column: the number.
        unit_column: where the unit's code stands, if there is one.
        units: what each code is shown as; a code that is not listed is shown as nothing.
    """

    unit_column: Name | None = None
    units: dict[str, str] = {}


#: Parts of a date from the largest to the smallest, each of a fixed width.
_DATE_PARTS = ("%Y", "%m", "%d", "%H", "%M", "%S", "%f")


class UpdatedField(_ColumnEntry):
    """When a row was last changed; a column of the package table. Not a part of the rows.

    Attributes:
        column: where it stands.
        format: ``auto`` for date and datetime columns, and for text ``YYYYMMDD`` or
            ``YYYY-MM-DD`` with or without a time; anything else is a pattern for
            `datetime.strptime`. Times are compared as they stand, so that an index serves: the
            pattern must go from the year down, two digits for each smaller part.
    """

    format: str = "auto"

    @model_validator(mode="after")
    def _sorts_as_text(self) -> Self:
        if len(self.column) > 1 or "." in self.column[0]:
            raise ValueError("must be one column of the package table")
        parts = tuple(re.findall("%.", self.format))
        if self.format != "auto" and (len(parts) < 3 or parts != _DATE_PARTS[: len(parts)]):
            raise ValueError(
                f"{self.format!r} does not sort by time: write the year first, as in %Y%m%d or "
                "%Y-%m-%d %H:%M:%S"
            )
        return self


class Columns(_Entry):
    """Where the fields of `rxindex.model.PackageRow` come from; see there for their meaning.

    ``updated`` is none of them: it says which rows `SqlSource.changed` gives.
    """

    ndc: TextField
    name: TextField
    brand: TextField | None = None
    generic: TextField | None = None
    ingredients: TextField | None = None
    strength: TextField | None = None
    form: TextField | None = None
    routes: TextField | None = None
    schedule: CodeField | None = None
    innovator: FlagField | None = None
    gcn: TextField | None = None
    labeler: TextField | None = None
    size: SizeField | None = None
    description: TextField | None = None
    start: DateField | None = None
    end: DateField | None = None
    updated: UpdatedField | None = None


class Join(_Entry):
    """A table that is left-joined to the package table. At most one of its rows may match.

    Attributes:
        table: its name, or the names that it goes by; the first that exists is taken.
        on: its column = the column that it is compared with (``COLUMN`` or ``join.COLUMN``).
        optional: whether the join is left out where the table does not exist.
    """

    table: Names
    on: Annotated[dict[str, str], Field(min_length=1)]
    optional: bool = True


class Link(_Entry):
    """One table in a `Lookup`'s chain.

    Attributes:
        table: its name, or the names that it goes by.
        match: its column that is compared with the table before (the first: with the group).
        equals: the column of the table before, if it is called otherwise.
        drop: columns and values of rows to leave out; a column that is not there is passed over.
    """

    table: Names
    match: Name
    equals: Name | None = None
    drop: dict[str, Values] = {}


class Lookup(_Entry):
    """Names that belong to a group (classes, indications), found along a chain of tables.

    Attributes:
        name: the column of the last table that holds the name; the first that exists is taken.
        chain: the tables, the first one being matched with the group column.
        optional: whether the lookup is left out where one of its tables does not exist.
    """

    name: Names
    chain: Annotated[tuple[Link, ...], Field(min_length=1)]
    optional: bool = True


class Mapping(_Entry):
    """A whole mapping file.

    Attributes:
        table: the package table (one row an NDC), or the names that it goes by.
        group: the column that rows are ordered by; the drugs of one formulation share it.
        key: the columns that tell the drugs of one group apart. A list inside the list means the
            first of them that is not blank.
        ungrouped: the column that stands in for the group where that is empty or zero.
        ungrouped_key: the key of such rows.
        columns: where the fields come from.
        joins: left joins, in this order; the names are used in ``join.COLUMN``.
        classes: where class names come from.
        indications: where indications come from.
    """

    table: Names
    group: Name
    key: Annotated[tuple[Names, ...], Field(min_length=1)]
    ungrouped: Name = ""
    ungrouped_key: tuple[Names, ...] = ()
    columns: Columns
    joins: dict[str, Join] = {}
    classes: Lookup | None = None
    indications: Lookup | None = None

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, value: object) -> object:
        if not isinstance(value, dict) or not value.get("key"):
            return value
        filled = dict(value)
        first = filled["key"][0]
        filled.setdefault("ungrouped", first if isinstance(first, str) else first[-1])
        filled.setdefault("ungrouped_key", filled["key"])
        return filled

    @model_validator(mode="after")
    def _joins_exist(self) -> Self:
        known: set[str] = set()
        for name, join in self.joins.items():
            for reference in join.on.values():
                self._check(f"joins.{name}.on", reference, known)
            known.add(name)
        for field, reference in self.references():
            self._check(field, reference, known)
        for field, reference in (("group", self.group), ("ungrouped", self.ungrouped)):
            if "." in reference:
                raise ValueError(f"{field}: {reference!r} must be a column of the package table")
        return self

    @staticmethod
    def _check(field: str, reference: str, known: set[str]) -> None:
        join, dot, _ = reference.rpartition(".")
        if dot and join not in known:
            there = ", ".join(sorted(known)) or "none so far"
            raise ValueError(f"{field}: {reference!r} names no join in [joins] (there: {there})")

    def references(self) -> list[tuple[str, str]]:
        """List every column that the rows are read from.

        Returns:
            pairs of the entry that names it and the column as it is written there.
        """
        found = [("key", name) for names in (*self.key, *self.ungrouped_key) for name in names]
        for field in type(self.columns).model_fields:
            entry = getattr(self.columns, field)
            if entry is None or isinstance(entry, UpdatedField):
                continue
            found += [(f"columns.{field}", name) for name in entry.column]
            if isinstance(entry, TextField):
                found += [(f"columns.{field}.unless", name) for name in entry.unless]
            if isinstance(entry, SizeField) and entry.unit_column:
                found.append((f"columns.{field}.unit_column", entry.unit_column))
        return found


def load_mapping(path: str | Path) -> Mapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: it can't be read or is not a mapping; the message names the file, the
            entry and what is wrong with it.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "it can't be read"
        raise ConfigurationError(f"Mapping file {path}: {reason}. Give a readable file.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"Mapping file {path}: not UTF-8 text. Save it as UTF-8."
        ) from error
    return parse_mapping(text, str(path))


def parse_mapping(text: str, origin: str) -> Mapping:
    """Read a mapping from TOML text.

    Args:
        text: the TOML text.
        origin: where it comes from, for messages.

    Raises:
        ConfigurationError: it is not a mapping; see `load_mapping`.
    """
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"Mapping file {origin}: not valid TOML: {error}") from error
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(_explain(problem) for problem in error.errors()[:5])
        raise ConfigurationError(
            f"Mapping file {origin}: {problems}. See docs/mapping.md for what each entry may hold."
        ) from error


def _explain(problem: Any) -> str:
    entry = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"entry {entry!r} is missing"
    if problem["type"] == "extra_forbidden":
        return f"entry {entry!r} is not known; check its spelling"
    return f"entry {entry!r}: {message}" if entry else message
