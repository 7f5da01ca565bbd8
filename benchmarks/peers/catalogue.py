"""The catalogue that all peers load: drugs of the FDA's directory in a SQLite file.

One row a package, with the text that an engineer would embed for it, and beside it the drug's
classes and indications in tables of their own. Whole drugs are drawn; a hundredth of the packages
differs between the file of the first night and that of the next.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.peers.peer import Held
from rxindex.model import Drug, Package
from rxindex.source import open_source
from rxindex.source.base import Source
from rxindex.source.mapping import parse_mapping
from rxindex.source.sql import SqlSource
from rxindex.sync.assemble import assemble
from rxindex.vocabulary import Vocabulary

__all__ = [
    "Change",
    "directory_drugs",
    "held_packages",
    "open_packages",
    "read_drugs",
    "write_catalogue",
]

#: Decides what is obsolete. The directory is of April 2019.
TODAY = "2019-05-01"
#: How much of a drug's classes and indications a text names, as rxindex' own texts do.
CLASSES, INDICATIONS = 3, 6
#: Of a hundred packages one is changed, deleted or added.
CHANGED_EVERY = 100

TABLES = """
CREATE TABLE package (
    ndc TEXT PRIMARY KEY, drug INTEGER, name TEXT, brand TEXT, generic TEXT, ingredients TEXT,
    strength TEXT, form TEXT, routes TEXT, schedule TEXT, innovator INTEGER, labeler TEXT,
    size TEXT, text TEXT
);
CREATE TABLE drug_class (drug INTEGER, class TEXT);
CREATE TABLE drug_indication (drug INTEGER, indication TEXT);
CREATE INDEX package_drug ON package (drug, ndc);
CREATE INDEX class_drug ON drug_class (drug);
CREATE INDEX indication_drug ON drug_indication (drug);
"""

MAPPING = """
table = "package"
group = "drug"
key = ["name"]

[columns]
ndc = "ndc"
name = "name"
brand = "brand"
generic = "generic"
ingredients = { column = "ingredients", split = "|" }
strength = "strength"
form = "form"
routes = { column = "routes", split = "|" }
schedule = { column = "schedule", values = { CI = "CI", CII = "CII", CIII = "CIII", CIV = "CIV", CV = "CV" } }
innovator = "innovator"
labeler = "labeler"
size = "size"

[classes]
name = "class"
chain = [{ table = "drug_class", match = "drug" }]

[indications]
name = "indication"
chain = [{ table = "drug_indication", match = "drug" }]
"""  # noqa: E501


class Change(msgspec.Struct, frozen=True):
    """What differs between the two files, in packages.

    Attributes:
        relabelled: have another labeler, which their text names.
        resized: have another size, which it does not name.
        deleted: are gone.
        added: are new.
    """

    relabelled: int
    resized: int
    deleted: int
    added: int


class Line(msgspec.Struct):
    """A package, and the number of its drug."""

    number: int
    drug: Drug
    package: Package

    def values(self) -> tuple[str | int, ...]:
        """Give the row of table ``package``."""
        drug, package = self.drug, self.package
        return (
            package.ndc, self.number, drug.name, drug.brand, drug.generic,
            "|".join(drug.ingredients), drug.strength, drug.form, "|".join(drug.routes),
            drug.schedule, int(drug.kind == "brand"), package.labeler, package.size, self.text(),
        )  # fmt: skip

    def text(self) -> str:
        """Write what is embedded where a document is a package."""
        drug = self.drug
        parts = (
            drug.name, drug.generic, drug.strength, drug.form, *drug.routes, self.package.labeler,
            *drug.classes[:CLASSES], *(("for",) if drug.indications else ()),
            ", ".join(drug.indications[:INDICATIONS]),
        )  # fmt: skip
        return " ".join(filter(None, parts))


def directory_drugs(vocabulary: Vocabulary) -> Iterator[Drug]:
    """Read the drugs of the FDA's directory.

    Args:
        vocabulary: joined to them, for the classes and indications of the texts.

    Raises:
        MissingExtra: the directory's wheel is not installed.
    """
    with open_source("sample", keep_otc=vocabulary.treats) as source:
        rows = (row for part in source.partitions(1) for row in source.rows(part))
        for one in assemble(rows, vocabulary, TODAY):
            if isinstance(one, Drug):
                yield one


def write_catalogue(
    first: Path, second: Path, drugs: Iterable[Drug], packages: int
) -> tuple[int, Change]:
    """Write the table of two nights.

    Args:
        first: the SQLite file of the first night; must not exist.
        second: that of the next one; likewise.
        drugs: to draw from.
        packages: at most so many; one in four hundred is in the second file only, and as many
            in the first only.

    Returns:
        How many packages the first one has, and what differs in the second.
    """
    drawn = _draw(drugs, packages)
    known: set[str] = set()
    lines = []
    for number, drug in enumerate(drawn, 1):
        for package in drug.packages:
            # The directory lists a few NDCs twice.
            if package.ndc not in known:
                known.add(package.ndc)
                lines.append(Line(number, drug, package))
    chosen = sorted(lines, key=lambda line: _lot(line.package.ndc))[: len(lines) // CHANGED_EVERY]
    quarters = [chosen[start::4] for start in range(4)]
    relabelled, resized, deleted, added = quarters
    gone = {line.package.ndc for line in deleted}
    new = {line.package.ndc for line in added}
    before = [line for line in lines if line.package.ndc not in new]
    _write(first, drawn, before)
    _change(relabelled, resized)
    _write(second, drawn, [line for line in lines if line.package.ndc not in gone])
    return len(before), Change(*map(len, quarters))


def open_packages(database: Path) -> Source:
    """Open a file as rxindex reads a table."""
    return SqlSource(f"sqlite:///{database}", parse_mapping(MAPPING, "the benchmark's mapping"))


def read_drugs(database: Path, vocabulary: Vocabulary) -> list[Drug]:
    """Read a file's drugs with their packages."""
    with open_packages(database) as source:
        rows = (row for part in source.partitions(1) for row in source.rows(part))
        return [one for one in assemble(rows, vocabulary, TODAY) if isinstance(one, Drug)]


def held_packages(database: Path) -> dict[str, Held]:
    """Read what an index that is right holds, by NDC."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT ndc, labeler, size FROM package")
        return {row[0]: Held._make(row) for row in rows}


def _draw(drugs: Iterable[Drug], packages: int) -> list[Drug]:
    """Draw whole drugs; none that is more than a fiftieth of all, as a few have thousands."""
    largest = max(10, packages // 50)
    drawn, count = [], 0
    for drug in sorted(drugs, key=lambda drug: _lot(drug.id)):
        size = len(drug.packages)
        if size <= largest and count + size <= packages:
            drawn.append(drug)
            count += size
    return drawn


def _lot(name: str) -> bytes:
    """Draw a lot that is the same each time."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def _change(relabelled: Sequence[Line], resized: Sequence[Line]) -> None:
    """Give packages another labeler or another size."""
    for line in relabelled:
        other = f"{line.package.labeler} of America"
        line.package = msgspec.structs.replace(line.package, labeler=other)
    for line in resized:
        other = f"2 x {line.package.size}"
        line.package = msgspec.structs.replace(line.package, size=other)


def _write(path: Path, drugs: Sequence[Drug], lines: Sequence[Line]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLES)
        rows = [line.values() for line in lines]
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO package VALUES ({places})", rows)
        for table, values in (("drug_class", "classes"), ("drug_indication", "indications")):
            connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?)",
                [(number, one) for number, drug in enumerate(drugs, 1)
                 for one in getattr(drug, values)],
            )  # fmt: skip
