"""The columns of followed tables, and values of a binlog's row images in the driver's terms.

A binlog names no columns unless the server is told to (``binlog_row_metadata = FULL``), nor, on
MariaDB, their character sets or signs. All of that is taken from the database, by position, and
held against what the binlog does say: number, types and, if there, names. Where they differ, the
table was altered since, and only a comparison can tell what the row meant.

A value must come out as SqlSource would read it, or groups and drug ids would differ. The library
that takes the binlog apart guesses character sets, fails on a date like 2020-02-31 and knows no
enumeration's names; so it is told to hand out text as bytes, and they are read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rxindex.errors import SourceError

__all__ = ["Image", "TableColumn", "TableLayout"]

#: The values of one row, by column; None where a column is not needed.
Image = tuple[Any, ...]

#: Type codes of the binlog (``enum_field_types`` of MySQL's protocol) for each of
#: information_schema's types.
_CODES: dict[str, frozenset[int]] = {
    "tinyint": frozenset({1}), "smallint": frozenset({2}), "int": frozenset({3}),
    "float": frozenset({4}), "double": frozenset({5}), "timestamp": frozenset({7, 17}),
    "bigint": frozenset({8}), "mediumint": frozenset({9}), "date": frozenset({10, 14}),
    "time": frozenset({11, 19}), "datetime": frozenset({12, 18}), "year": frozenset({13}),
    "varchar": frozenset({15}), "varbinary": frozenset({15}), "bit": frozenset({16}),
    "json": frozenset({245}), "decimal": frozenset({246}), "enum": frozenset({247}),
    "set": frozenset({248}), "char": frozenset({254}), "binary": frozenset({254}),
    "tinytext": frozenset({252}), "text": frozenset({252}), "mediumtext": frozenset({252}),
    "longtext": frozenset({252}), "tinyblob": frozenset({252}), "blob": frozenset({252}),
    "mediumblob": frozenset({252}), "longblob": frozenset({252}),
}  # fmt: skip
_LONG, _TIMESTAMP, _INT24, _DATE, _VARCHAR, _BIT, _TIMESTAMP2 = 3, 7, 9, 10, 15, 16, 17
_JSON, _ENUM, _BLOB, _STRING, _GEOMETRY = 245, 247, 252, 254, 255

#: Python's names of MySQL's character sets. Others can't be followed.
_CODECS = {
    "ascii": "ascii", "big5": "big5", "cp1250": "cp1250", "cp1251": "cp1251", "cp1256": "cp1256",
    "cp1257": "cp1257", "cp850": "cp850", "cp852": "cp852", "cp866": "cp866", "cp932": "cp932",
    "euckr": "euc_kr", "gb18030": "gb18030", "gb2312": "gb2312", "gbk": "gbk",
    "greek": "iso8859-7", "hebrew": "iso8859-8", "koi8r": "koi8-r", "koi8u": "koi8-u",
    "latin1": "cp1252", "latin2": "iso8859-2", "latin5": "iso8859-9", "latin7": "iso8859-13",
    "macce": "mac_latin2", "macroman": "mac_roman", "sjis": "shift_jis", "tis620": "tis-620",
    "ucs2": "utf-16-be", "ujis": "euc_jp", "utf16": "utf-16-be", "utf16le": "utf-16-le",
    "utf32": "utf-32-be", "utf8": "utf-8", "utf8mb3": "utf-8", "utf8mb4": "utf-8",
}  # fmt: skip
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_BYTES = frozenset({"varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_MEMBERS = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True)
class TableColumn:
    """A column as information_schema describes it.

    Attributes:
        name: its name.
        data_type: its type without length, in lower case.
        column_type: its type in full, with the sign and an enumeration's members.
        charset: its character set, or empty.
        octets: how many bytes it holds at most, or 0.
    """

    name: str
    data_type: str
    column_type: str
    charset: str
    octets: int

    @property
    def members(self) -> list[str]:
        """The texts that an enumeration's numbers stand for; 0 stands for none."""
        found = _MEMBERS.findall(self.column_type) if self.data_type == "enum" else []
        return ["", *(text.replace("''", "'") for text in found)]

    def reader(self) -> Callable[[Any], Any] | None:
        """Give what turns a binlog's value into the driver's, or None if nothing can."""
        kind = self.data_type
        if kind in _WHOLE or kind in _BYTES or kind in {"enum", "double"}:
            return lambda value: value
        if kind in _TEXTS and self.charset == "latin1":
            return _latin1
        if kind in _TEXTS and self.charset in _CODECS:
            codec, padded = _CODECS[self.charset], kind == "char"
            if padded:
                return lambda value: value.decode(codec, "replace").rstrip(" ")
            return lambda value: value.decode(codec, "replace")
        octets = self.octets
        readers: dict[str, Callable[[Any], Any]] = {
            "binary": lambda value: value.ljust(octets, b"\0"),
            "decimal": lambda value: f"{value:f}",
            # What the server writes of a float: six digits.
            "float": lambda value: float(f"{value:.6g}"),
            # The library counts from 1900 also where there is no year.
            "year": lambda value: value if value > 1900 else 0,
            "bit": lambda value: int(value, 2).to_bytes(-(-len(value) // 8), "big"),
        }
        return readers.get(kind)


def _latin1(value: bytes) -> str:
    """Decode what MySQL calls latin1: Windows-1252, its five gaps filled with control codes."""
    try:
        return value.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in value)


@dataclass
class TableLayout:
    """One followed table.

    Attributes:
        name: its name in the database.
        columns: all of its columns, in order.
        position: where each column stands, by its name in lower case.
        readers: for each column that is needed, what reads it.
        compared: columns of which only has to be seen whether they changed.
    """

    name: str
    columns: Sequence[TableColumn]
    position: dict[str, int] = field(default_factory=dict)
    readers: dict[int, Callable[[Any], Any]] = field(default_factory=dict)
    compared: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.position = {column.name.lower(): at for at, column in enumerate(self.columns)}

    def need(self, name: str, database: str) -> int:
        """Say that a column's values are needed.

        Args:
            name: the column.
            database: for the message.

        Returns:
            where it stands in an `Image`.

        Raises:
            SourceError: its type or character set can't be read from a binlog.
        """
        at = self.position[name.lower()]
        column = self.columns[at]
        reader = column.reader()
        if reader is None:
            charset = f" in character set {column.charset}" if column.charset else ""
            raise SourceError(
                f"{database}: column {name} of {self.name} is of type {column.data_type}{charset}, "
                "which can't be followed in a key. Change the column, or run sync by a schedule "
                "instead of following."
            )
        self.readers[at] = reader
        return at

    def compare(self, name: str) -> int:
        """Say that it must be seen whether a column changed, and where it stands."""
        at = self.position[name.lower()]
        self.compared.add(at)
        return at

    def fits(self, types: Sequence[int], names: Sequence[str]) -> bool:
        """Tell whether the binlog means this layout.

        Args:
            types: the type code of each column.
            names: their names, or none where the server does not write them.
        """
        if len(types) != len(self.columns):
            return False
        if names and [name.lower() for name in names] != [c.name.lower() for c in self.columns]:
            return False
        return all(
            code in _CODES.get(column.data_type, {code})
            for code, column in zip(types, self.columns, strict=True)
        )

    def prepare(self, columns: Sequence[Any]) -> None:
        """Tell the library how to read the table's rows: text as bytes, and all else by its sign.

        Args:
            columns: the library's description of the columns (``pymysqlreplication.column``).
        """
        for at, (column, known) in enumerate(zip(columns, self.columns, strict=True)):
            column.name = str(at)
            column.unsigned = "unsigned" in known.column_type
            code = column.type
            if code in {_VARCHAR, _STRING}:
                column.length_size = 2 if column.max_length > 255 else 1
                column.type = _GEOMETRY
            elif code in {_BLOB, _JSON}:
                column.type = _GEOMETRY
            elif code == _DATE:
                column.type, column.unsigned = _INT24, True
            elif code == _TIMESTAMP or (code == _TIMESTAMP2 and not column.fsp):
                column.type = _LONG
            elif code == _TIMESTAMP2:
                column.type, column.bytes = _BIT, 4 + (column.fsp + 1) // 2
                column.bits = 8 * column.bytes
            elif code == _ENUM:
                column.enum_values = known.members

    def is_whole(self, bitmap: bytes) -> bool:
        """Tell whether an image holds all columns that are needed."""
        return all(bitmap[at // 8] >> at % 8 & 1 for at in (*self.readers, *self.compared))

    def image(self, values: Mapping[str, Any]) -> Image:
        """Read an image.

        Args:
            values: as the library gives them after `prepare`.
        """
        found: list[Any] = [None] * len(self.columns)
        for at in self.compared:
            found[at] = values[str(at)]
        for at, reader in self.readers.items():
            value = values[str(at)]
            found[at] = None if value is None else reader(value)
        return tuple(found)
