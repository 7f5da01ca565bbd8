"""Demo data: the FDA NDC Directory written in FDB MedKnowledge's schema into a database.

So that the whole SQL path can be tried, measured and tested on real drugs by those who hold no
FDB licence: `write_demo_data`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from rxindex.errors import ConfigurationError
from rxindex.source.sample_directory import DIRECTORY_PACKAGES, DirectoryPackage, read_directory
from rxindex.source.sample_fdb import METADATA, Composition, PackageLine, package_lines
from rxindex.source.sample_invented import (
    invented_formulations,
    invented_labelers,
    invented_lines,
    plan_invented,
)
from rxindex.source.sql_connect import TLS, connect, parse_url, public_name, source_errors

__all__ = ["DemoDataReport", "Progress", "plan_demo_data", "write_demo_data"]

MOST_PACKAGES = 1_000_000
BATCH = 5_000
#: Says that the tables beside it are demo data, so that ``replace`` never drops anything else.
MARKER = "rxindex_demo_data"

Progress = Callable[[str, int, int], None]

_marker = sa.Table(
    MARKER, sa.MetaData(), sa.Column("packages", sa.Integer), sa.Column("seed", sa.Integer)
)


class DemoDataReport(msgspec.Struct, frozen=True):
    """What was written.

    Attributes:
        database: where to, without user or password.
        packages: rows of ``rndc14``.
        drugs: drugs that they are, told apart as the FDB mapping does.
        formulations: distinct GCN_SEQNO.
        labelers: labelers.
        invented_packages: how many of the packages are invented (and marked so).
        repeated: lines of the directory left out, since their NDC is there already.
        mess: rows of each kind of mess that FDB tables have.
        tables: rows by table.
        written: False for a dry run.
        seconds: how long it took.
    """

    database: str
    packages: int
    drugs: int
    formulations: int
    labelers: int
    invented_packages: int
    repeated: int
    mess: dict[str, int]
    tables: dict[str, int]
    written: bool
    seconds: float


def write_demo_data(
    url: str,
    packages: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    replace: bool = False,
    tls: TLS | None = None,
    tls_ca: str | Path | None = None,
) -> DemoDataReport:
    """Write the NDC Directory of April 2019 in FDB's schema.

    Args:
        url: the database; see `rxindex.source.sql_connect.parse_url`. A SQLite file is created.
        packages: how many rows ``rndc14`` is to have. None: all of the directory's 243,960 but
            the few that repeat an NDC. Fewer: whole drugs, drawn from all of the directory; a
            last drug that does not fit is left out. More, up to 1,000,000: invented ones are
            added, see `rxindex.source.sample_invented`.
        seed: with the same seed and number the rows are the same.
        progress: called with the table, the rows done and the rows in all.
        replace: drop the tables of an earlier run first. Tables that an earlier run did not
            write are never touched.
        tls: how to use TLS; see `rxindex.source.sql_connect.TLS`.
        tls_ca: authorities to trust (PEM file).

    Raises:
        ConfigurationError: the number is out of range, or a table is there already.
        MissingExtra: the directory's wheel, or pymysql, is not installed.
        SourceError: the database can't be written to.
        SourceUnavailable: it does not answer.
    """
    began = time.perf_counter()
    parsed = parse_url(url)
    name = public_name(parsed)
    engine, connection = connect(parsed, read_only=False, tls=tls, tls_ca=tls_ca)
    try:
        with source_errors(name):
            _check_free(connection, name, replace)
            content = _Content(packages, seed)
            # Only now, with all that is to be written at hand, is anything dropped.
            _drop(connection)
            try:
                _write(connection, content, progress)
            except BaseException:
                # Half a catalogue would look like a whole one.
                connection.rollback()
                _drop(connection)
                raise
    finally:
        connection.close()
        engine.dispose()
    return content.report(name, True, time.perf_counter() - began)


def plan_demo_data(
    packages: int | None = None, seed: int = 0, *, url: str | None = None
) -> DemoDataReport:
    """Work out what `write_demo_data` would write, without touching a database.

    Args:
        packages: see `write_demo_data`.
        seed: see `write_demo_data`.
        url: where it would be written to, to be checked and named.

    Raises:
        ConfigurationError: the number is out of range, or the URL is none.
        MissingExtra: the directory's wheel is not installed.
    """
    began = time.perf_counter()
    name = public_name(parse_url(url)) if url else ""
    content = _Content(packages, seed)
    for _ in content.rndc14():
        pass
    content.others()
    return content.report(name, False, time.perf_counter() - began)


class _Content:
    """The rows of all tables, made as they are asked for."""

    def __init__(self, packages: int | None, seed: int) -> None:
        if packages is not None and not 1 <= packages <= MOST_PACKAGES:
            raise ConfigurationError(
                f"packages: {packages} is not between 1 and {MOST_PACKAGES:,}. "
                f"The directory itself has {DIRECTORY_PACKAGES:,}."
            )
        self.seed = seed
        directory, self.repeated = _without_repeats(read_directory())
        lines = list(package_lines(directory, seed))
        formulations = sorted({ln.formulation for ln in lines if ln.formulation is not None})
        if packages is None:
            packages = len(lines)
        self.real = lines if packages >= len(lines) else _draw(lines, packages, seed)
        drugs = len({line.drug for line in self.real}) if packages > len(lines) else 0
        self.plan = plan_invented(packages, len(lines), drugs, len(formulations))
        self._taken = {line.ndc[:5] for line in lines}
        labelers = sorted({line.labeler for line in lines})
        self.composition = Composition(
            chain(formulations, invented_formulations(self.plan)),
            chain(labelers, invented_labelers(self.plan)),
            seed,
        )
        self.composition.know_classes(directory)
        self.rows: dict[str, int] = {}

    @property
    def packages(self) -> int:
        return len(self.real) + self.plan.packages

    def rndc14(self) -> Iterator[tuple[Any, ...]]:
        invented = invented_lines(self.plan, self._taken, self.seed) if self.plan.packages else ()
        number = 0
        for row in self.composition.rndc14(chain(self.real, invented)):
            number += 1
            yield row
        self.rows["rndc14"] = number

    def others(self) -> dict[str, list[tuple[Any, ...]]]:
        tables = self.composition.others()
        self.rows.update({name: len(rows) for name, rows in tables.items()})
        return tables

    def report(self, database: str, written: bool, seconds: float) -> DemoDataReport:
        return DemoDataReport(
            database=database,
            packages=self.rows["rndc14"],
            drugs=self.composition.drugs,
            formulations=self.composition.formulations,
            labelers=self.rows["rlblrid3"],
            invented_packages=self.plan.packages,
            repeated=self.repeated,
            mess=dict(self.composition.mess),
            tables=dict(sorted(self.rows.items())),
            written=written,
            seconds=round(seconds, 3),
        )


def _without_repeats(
    packages: Iterable[DirectoryPackage],
) -> tuple[list[DirectoryPackage], int]:
    """Keep the first package of each NDC, ordered by NDC, and count the others."""
    first: dict[str, DirectoryPackage] = {}
    seen = 0
    for package in packages:
        seen += 1
        first.setdefault(package.ndc, package)
    return [first[ndc] for ndc in sorted(first)], seen - len(first)


def _draw(lines: list[PackageLine], wanted: int, seed: int) -> list[PackageLine]:
    """Draw whole drugs until there are ``wanted`` packages, or no other drug fits.

    No drug may be more than a fiftieth of all (or ten packages): a few have thousands.
    """
    largest = max(10, wanted // 50)
    drugs: dict[Any, list[PackageLine]] = {}
    for line in lines:
        drugs.setdefault(line.drug, []).append(line)

    def lot(drug: list[PackageLine]) -> bytes:
        return hashlib.blake2b(f"{seed}:{drug[0].ndc}".encode(), digest_size=8).digest()

    drawn: list[PackageLine] = []
    for drug in sorted(drugs.values(), key=lot):
        if len(drug) <= largest and len(drawn) + len(drug) <= wanted:
            drawn += drug
            if len(drawn) == wanted:
                break
    return sorted(drawn, key=lambda line: line.ndc)


def _check_free(connection: sa.Connection, name: str, replace: bool) -> None:
    """Refuse to write over anything but an earlier run's tables.

    Raises:
        ConfigurationError: tables are there that are not to be replaced.
    """
    there = {table.lower(): table for table in sa.inspect(connection).get_table_names()}
    taken = [there[table] for table in METADATA.tables if table in there]
    if not taken and MARKER not in there:
        return
    if not replace:
        raise ConfigurationError(
            f"{name} already has {', '.join(taken) or MARKER}. To replace the demo data of an "
            "earlier run, say --replace; else give an empty database."
        )
    # Where names differ in case (MySQL on Linux), RNDC14 is not the table that we wrote.
    if MARKER not in there or any(table != table.lower() for table in taken):
        raise ConfigurationError(
            f"{name} has {', '.join(taken)}, but not from an earlier run of demo-data, so that "
            "they are not replaced. Give another database."
        )


def _drop(connection: sa.Connection) -> None:
    METADATA.drop_all(connection)
    _marker.drop(connection, checkfirst=True)
    connection.commit()


def _write(connection: sa.Connection, content: _Content, progress: Progress | None) -> None:
    _marker.create(connection)
    for table in METADATA.sorted_tables:
        # The index is made once the rows are there, which is much quicker.
        table.create(connection, checkfirst=False) if not table.indexes else connection.execute(
            sa.schema.CreateTable(table)
        )
    connection.commit()
    _insert(connection, "rndc14", content.rndc14(), content.packages, progress)
    for name, rows in content.others().items():
        _insert(connection, name, iter(rows), len(rows), progress)
    for table in METADATA.sorted_tables:
        for index in table.indexes:
            index.create(connection)
    connection.execute(_marker.insert().values(packages=content.packages, seed=content.seed))
    connection.commit()


def _insert(
    connection: sa.Connection,
    name: str,
    rows: Iterator[tuple[Any, ...]],
    total: int,
    progress: Progress | None,
) -> None:
    table = METADATA.tables[name]
    # The driver's own form: its executemany makes many rows one statement.
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    places = ", ".join([mark] * len(table.columns))
    statement = f"INSERT INTO {name} VALUES ({places})"  # noqa: S608  names are our own
    done = 0
    while batch := list(islice(rows, BATCH)):
        connection.exec_driver_sql(statement, batch)
        done += len(batch)
        if progress is not None:
            progress(name, done, total)
    connection.commit()
