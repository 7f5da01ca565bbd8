"""The FDA NDC Directory as a source of drug rows.

The files are read once, in `NDCDirectorySource.__enter__`, into a private database in memory, where
DuckDB joins packages to products and orders them by drug; what is too large for its share of memory
lies in a temporary folder. What follows reads that snapshot by position, so memory does not grow
with the directory.

Which packages are one drug: equal ingredients with their strengths (in any order), form, routes
and *name*. The name is the proprietary name with its suffix, unless it is the generic name, which
every maker spells in its own way ("Atorvastatin", "Atorvastatin Calcium Tablets"): then it is only
what it adds to tell releases apart ("XL" or "SR" with bupropion, which no form term tells apart).

What the FDA's files mark is kept: sample packages (SAMPLE_PACKAGE) say so in their description;
products with NDC_EXCLUDE_FLAG (``E``: listing not certified in time, and the like) are packages
like any other, since pharmacies have them on their shelves. The brand product (``innovator``) is
one with a brand name and a marketing category NDA or BLA; ANDA and NDA AUTHORIZED GENERIC are
generic, with or without a name of their own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rxindex.errors import ConfigurationError, MissingExtra, SourceDataError
from rxindex.model import PackageRow
from rxindex.source.base import Chunk, Group, Partition
from rxindex.source.chunks import chunks_of
from rxindex.source.ndc_fields import (
    class_names,
    iso_date,
    label_name,
    package_text,
    split_list,
    strength_text,
)
from rxindex.source.ndc_files import (
    PACKAGE_COLUMNS,
    PACKAGE_FILE,
    PRODUCT_COLUMNS,
    PRODUCT_FILE,
    columns,
    open_member,
    recode,
)
from rxindex.source.ndc_tables import (
    load_packages,
    load_products,
    order_packages,
)

if TYPE_CHECKING:
    import duckdb

__all__ = ["PRESCRIPTION_TYPES", "NDCDirectorySource"]

#: Product types that take a prescription. Allergen extracts (nearly 3,000 pollens and danders,
#: mixed by specialists) are left out.
PRESCRIPTION_TYPES = (
    "HUMAN PRESCRIPTION DRUG",
    "VACCINE",
    "PLASMA DERIVATIVE",
    "CELLULAR THERAPY",
)

#: Rows read at once: a few megabytes.
_WINDOW = 5_000
#: Joins the parts of a group in the database. It sorts ahead of every character that a part can
#: have, so the joined text sorts as the tuple of the parts does.
_SEPARATOR = "\x1f"

_COLUMNS = """
SELECT k.drug_key, k.ndc, k.description, k.start_date, k.end_date, k.sample,
    p.product_no, p.label, p.own_name, p.generic, p.form, p.routes, p.category, p.labeler,
    p.substances, p.amounts, p.units, p.classes, p.schedule, p.start_date, p.end_date, k.position
FROM ordered k JOIN product p USING (product_no)
"""
_ROWS = f"{_COLUMNS} WHERE k.position >= ? AND k.position < ? ORDER BY k.position"
_AMONG = """
WHERE k.position IN (
    SELECT position FROM ordered
    WHERE drug_key IN (SELECT unnest(?)) AND position >= ? ORDER BY position LIMIT ?
)
ORDER BY k.position
"""


class NDCDirectorySource:
    """Reads the FDA NDC Directory (implements `Source`).

    Args:
        path: the zip as the FDA publishes it, or a folder with ``product.txt`` and
            ``package.txt``.
        products: product types to read (PRODUCTTYPENAME), or None for all of them.
        keep_otc: which over-the-counter products to keep beside those, by their active
            substances. Homeopathic products are never kept by it: their substances are real
            drugs' too, in amounts that treat nothing.
        limit: about how many packages to read: whole drugs, in order, until there are so many.
        memory: DuckDB's memory limit. What needs more goes to the temporary folder.

    Attributes:
        replaced_bytes: bytes that Windows-1252 does not define, replaced by U+FFFD.
        malformed_lines: lines with too few fields, left out.
        packages_without_product: package lines whose product is not in the product file (by
            PRODUCTID, or else PRODUCTNDC), left out.
        products_without_package: products of the wanted types that have no package.
        odd_dates: dates that could not be read. A start date is then left empty; an end date is
            kept as it stands, since to drop it would turn an obsolete package into an active one.
    """

    def __init__(
        self,
        path: Path,
        products: tuple[str, ...] | None = PRESCRIPTION_TYPES,
        keep_otc: Callable[[tuple[str, ...]], bool] | None = None,
        limit: int | None = None,
        memory: str = "256MB",
    ) -> None:
        self.name = f"ndc:{path}"
        self.replaced_bytes = 0
        self.malformed_lines = 0
        self.packages_without_product = 0
        self.products_without_package = 0
        self.odd_dates = 0
        self._path = path
        self._products = products
        self._keep_otc = keep_otc
        self._limit = limit
        self._memory = memory
        self._open = ExitStack()
        self._db: duckdb.DuckDBPyConnection | None = None
        self._count = 0

    def notes(self) -> list[str]:
        """Say what was left out or could not be read so far, in sentences for the report."""
        counted = {
            "lines have too few fields and were left out": self.malformed_lines,
            "packages have no product and were left out": self.packages_without_product,
            "products have no package": self.products_without_package,
            "dates could not be read": self.odd_dates,
            "bytes are not Windows-1252 and were replaced": self.replaced_bytes,
        }
        return [f"{count:,} {what}" for what, count in counted.items() if count]

    def __enter__(self) -> Self:
        """Read the files and order their packages.

        Raises:
            MissingExtra: DuckDB is not installed.
            SourceNotFound: there is nothing at the path.
            SourceAccessDenied: it may not be read.
            SourceDataError: it is not the NDC Directory; the message names what is missing.
            ConfigurationError: the temporary folder has no room, or can't be written.
        """
        try:
            import duckdb
        except ImportError as error:
            raise MissingExtra(
                "reading the NDC Directory needs DuckDB: pip install 'rxindex[ndc]'"
            ) from error
        try:
            with ExitStack() as stack:
                folder = Path(
                    stack.enter_context(tempfile.TemporaryDirectory(prefix="rxindex-ndc-"))
                )
                database = duckdb.connect(
                    ":memory:",
                    config={
                        "memory_limit": self._memory,
                        "temp_directory": str(folder / "spill"),
                        "threads": 2,
                    },
                )
                stack.callback(database.close)
                # Where DuckDB takes a program for interactive, it draws a bar on standard output,
                # among what a script reads there.
                database.execute("SET enable_progress_bar = false")
                self._load(database, folder)
                self._db = database
                self._open = stack.pop_all()
        except duckdb.Error as error:
            raise SourceDataError(f"{self._path} could not be ordered: {error}") from error
        except OSError as error:
            raise ConfigurationError(
                f"the NDC Directory can't be unpacked into {tempfile.gettempdir()} "
                f"({error.strerror or error}): it takes about 300 MB there; set TMPDIR to a "
                "folder with room"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the snapshot."""
        self._db = None
        self._open.close()

    def _load(self, db: duckdb.DuckDBPyConnection, folder: Path) -> None:
        lines, places = self._recode(PRODUCT_FILE, PRODUCT_COLUMNS, folder)
        self.malformed_lines += load_products(db, lines, places, self._products, self._keep_otc)
        lines.unlink()
        lines, places = self._recode(PACKAGE_FILE, PACKAGE_COLUMNS, folder)
        bad, orphans, unsold = load_packages(db, lines, places)
        lines.unlink()
        self.malformed_lines += bad
        self.packages_without_product = orphans
        self.products_without_package = unsold
        self._count = order_packages(db, self._limit)

    def _recode(
        self, name: str, wanted: tuple[Sequence[str], Sequence[str]], folder: Path
    ) -> tuple[Path, list[int]]:
        target = folder / name
        with open_member(self._path, name) as member:
            header, replaced = recode(member, target)
        self.replaced_bytes += replaced
        return target, columns(header, *wanted, where=f"{name} in {self._path}")

    def renew(self) -> None:
        """Do nothing: the files were read once, on enter, and are the snapshot.

        Open the source anew to read newer ones.
        """

    def count(self) -> int:
        """Count the packages."""
        return self._count

    def partitions(self, parts: int = 1) -> list[Partition]:
        """Cut the drugs into about ``parts`` ranges with about equally many packages each."""
        starts = [part * self._count // parts for part in range(1, parts)]
        # A drug with more packages than a part has makes two bounds one; the first drug is none.
        found = self._fetch(
            "SELECT DISTINCT drug_key FROM ordered WHERE list_contains(?, position) "
            "AND drug_key > (SELECT min(drug_key) FROM ordered) ORDER BY drug_key",
            starts,
        )
        bounds = [_group(key) for (key,) in found]
        edges = [None, *bounds, None]
        return [
            Partition(f"{number} of {len(edges) - 1}", low, high)
            for number, (low, high) in enumerate(pairwise(edges), start=1)
        ]

    def rows(self, partition: Partition, after: Group | None = None) -> Iterator[PackageRow]:
        """Yield the partition's packages, drug by drug; may be called from several threads.

        Args:
            partition: one of `partitions`.
            after: go on behind this group; it need not exist any more.
        """
        first, last = 0, self._count
        if partition.low is not None:
            first = self._position(partition.low, ">=")
        if partition.high is not None:
            last = self._position(partition.high, ">=")
        if after is not None:
            first = max(first, self._position(after, ">"))
        for start in range(first, last, _WINDOW):
            yield from self._read(self._fetch(_ROWS, start, min(start + _WINDOW, last)))

    def chunks(self, partition: Partition, after: Group | None = None) -> Iterator[Chunk]:
        """Yield the partition's drugs, in order, each with a digest of its packages.

        Args:
            partition: one of `partitions`.
            after: go on behind this group; it need not exist any more.
        """
        return chunks_of(self.rows(partition, after))

    def rows_of(self, groups: Sequence[Group]) -> Iterator[PackageRow]:
        """Yield all packages of exactly these drugs, drug by drug.

        Args:
            groups: in any order; one that does not exist yields nothing.
        """
        ordered = sorted({_SEPARATOR.join(map(str, group)) for group in groups})
        for start in range(0, len(ordered), _WINDOW):
            keys, first = ordered[start : start + _WINDOW], 0
            while found := self._fetch(_COLUMNS + _AMONG, keys, first, _WINDOW):
                yield from self._read(found)
                first = found[-1][-1] + 1

    def _read(self, found: list[tuple[Any, ...]]) -> Iterator[PackageRow]:
        product: dict[str, Any] = {}
        number = -1
        for key, ndc, description, begun, ended, sample, *fields, _ in found:
            # A product's packages follow each other, but for other labelers' between them.
            if fields[0] != number:
                number, product = fields[0], _product_fields(fields)
            size, what = package_text(description)
            yield PackageRow(
                group=_group(key),
                key=(),
                ndc=ndc,
                size=size,
                description=f"{what} (sample package)" if sample == "Y" else what,
                start=self._date(begun or fields[-2], ""),
                end=self._date(ended or fields[-1], ended or fields[-1]),
                **product,
            )

    def _date(self, text: str, otherwise: str) -> str:
        date = iso_date(text)
        if date is None:
            self.odd_dates += 1
            return otherwise
        return date

    def _position(self, group: Group, comparison: str) -> int:
        """Find the first position whose group compares so with ``group``."""
        key = _SEPARATOR.join(str(part) for part in group)
        # The operator is one of two of this module's own; the value is bound.
        query = f"SELECT min(position) FROM ordered WHERE drug_key {comparison} ?"  # noqa: S608
        position: int | None = self._fetch(query, key)[0][0]
        return self._count if position is None else position

    def _fetch(
        self, query: str, *values: str | int | list[int] | list[str]
    ) -> list[tuple[Any, ...]]:
        if self._db is None:
            raise RuntimeError("the NDC Directory is read inside 'with', or not at all")
        # A cursor of its own, so that threads do not share one result.
        with self._db.cursor() as cursor:
            return cursor.execute(query, values).fetchall()


def _group(key: str) -> tuple[str, ...]:
    return tuple(key.split(_SEPARATOR))


def _product_fields(fields: Sequence[str]) -> dict[str, Any]:
    """Turn a line of table ``product`` into what its packages' rows share."""
    (_, label, own_name, generic, form, routes, category, labeler, substances, amounts, units,
     classes, schedule, _, _) = fields  # fmt: skip
    brand = label if own_name else ""
    strength = strength_text(split_list(amounts), split_list(units))
    return {
        "name": label_name(label, strength, form),
        "brand": brand,
        "generic": generic,
        "ingredients": tuple(filter(None, split_list(substances))),
        "strength": strength,
        "form": form.lower(),
        "routes": tuple(filter(None, split_list(routes.lower()))),
        "classes": class_names(classes),
        "schedule": schedule.upper(),
        "innovator": bool(brand) and category.upper() in {"NDA", "BLA"},
        "labeler": labeler,
    }
