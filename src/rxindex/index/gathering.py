"""Names and values of documents, counted on disk: memory does not grow with their number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Literal

import msgspec

from rxindex.index.schema import SEPARATOR
from rxindex.index.temporary import temporary_database, told_of_room

__all__ = ["Gathering", "Name", "NameKind"]

NameKind = Literal["brand", "generic", "ingredient"]

#: Names that are written together.
_BATCH = 5_000
_TABLE = """
CREATE TABLE name (
  folded TEXT, kind TEXT, text TEXT, packages INTEGER, active INTEGER, ingredients TEXT
);
"""
# Of the spellings of a name, each with the ingredients of the drug that has the most packages; of
# two with as many, those that come last, so that the order of the documents does not count.
_SPELLINGS = """
SELECT folded, kind, text, sum(packages), count(*), sum(active),
       max(printf('%012d', packages) || ingredients)
FROM name GROUP BY folded, kind, text ORDER BY folded, kind, text
"""


class Name(msgspec.Struct, frozen=True):
    """A name that drugs of the catalogue have.

    Attributes:
        text: as the catalogue writes it, in its commonest spelling.
        kind: ``brand``, ``generic`` (the whole generic name, of a combination too) or
            ``ingredient`` (one active ingredient).
        packages: of all drugs that have the name.
        drugs: how many have it.
        active: how many of them have a package that is still marketed.
        ingredients: of the drug with the most packages that has the name.
    """

    text: str
    kind: NameKind
    packages: int
    drugs: int
    active: int
    ingredients: tuple[str, ...]


class Gathering:
    """What was seen so far, in a temporary file until it is closed.

    Attributes:
        drugs: how many documents.
        values: of each field its values, with how many drugs have them.
    """

    def __init__(self) -> None:
        self.drugs = 0
        self.values: dict[str, Counter[str]] = defaultdict(Counter)
        self._database = temporary_database(_TABLE)
        self._waiting: list[tuple[Any, ...]] = []

    def close(self) -> None:
        """Remove the file."""
        self._database.close()

    def is_all(self, mark: tuple[int, ...]) -> bool:
        """Tell whether a generation's index has exactly what was gathered, as it was.

        A key that is no hash is in no index, and not looked for here.

        Args:
            mark: of the generation (see `rxindex.index.catalogue.Catalogue.mark`): every document
                that was ever written there got a number, so that whoever has gathered as many as
                the last number says has gathered each of them once.
        """
        return self.drugs > 0 and mark == (self.drugs, self.drugs)

    def add(self, fields: Mapping[str, Any]) -> None:
        """Count a document.

        Args:
            fields: of its hash, by name: text, but for the count of packages.

        Raises:
            ConfigurationError: there is no room in the temporary folder.
        """
        self.drugs += 1
        count = int(fields.get("count") or 0)
        ingredients = fields.get("ingredients", "")
        active = fields.get("status") != "obsolete"
        for field in ("routes", "labelers", "classes", "strength"):
            # Not `Counter.update`, which takes longer to begin than to count these few.
            counts = self.values[field]
            for one in fields.get(field, "").split(SEPARATOR):
                if value := one.strip():
                    counts[value] += 1
        for field in ("form", "schedule", "kind"):
            if value := fields.get(field, ""):
                self.values[field][value] += 1
        named = [("brand", fields.get("brand", "")), ("generic", fields.get("generic", ""))]
        named += [("ingredient", one) for one in dict.fromkeys(ingredients.split(SEPARATOR))]
        for kind, text in named:
            if text:
                self._waiting.append((text.casefold(), kind, text, count, active, ingredients))
        if len(self._waiting) >= _BATCH:
            self._write()

    def names(self) -> Iterator[Name]:
        """Yield each name once, in the order of its folded text."""
        self._write()
        found = self._database.execute(_SPELLINGS)
        for (_, kind), spellings in groupby(found, key=lambda row: row[:2]):
            (_, _, text, packages, drugs, active, largest), *others = spellings
            most = packages, text
            for _, _, other, more, of, marketed, one in others:
                most = max(most, (more, other))
                packages, drugs, active = packages + more, drugs + of, active + marketed
                largest = max(largest, one)
            ingredients = tuple(filter(None, largest[12:].split(SEPARATOR)))
            yield Name(most[1], kind, packages, drugs, active, ingredients)

    def _write(self) -> None:
        with told_of_room():
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO name VALUES (?, ?, ?, ?, ?, ?)", self._waiting)
            self._database.execute("COMMIT")
        self._waiting.clear()
