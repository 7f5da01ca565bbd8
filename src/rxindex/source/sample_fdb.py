"""The NDC Directory laid out in FDB MedKnowledge's tables, with the mess that those have."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from rxindex.model import fold
from rxindex.source.sample_directory import DirectoryPackage, Product
from rxindex.source.sample_names import (
    Naming,
    Size,
    class_names,
    coarse_form,
    generic_name,
    naming,
    package_size,
    strength_text,
)
from rxindex.vocabulary import load_vocabulary

__all__ = ["METADATA", "Composition", "Formulation", "PackageLine", "clinical_facts"]

METADATA = sa.MetaData()
_Text = sa.String


def _table(name: str, *columns: sa.Column[Any] | sa.Index) -> None:
    # InnoDB and a fixed collation, so that the demo behaves alike on any server.
    sa.Table(
        name, METADATA, *columns, mysql_engine="InnoDB", mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_general_ci",
    )  # fmt: skip


def _column(name: str, kind: Any, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=primary_key, autoincrement=False)


_table(
    "rndc14", _column("NDC", sa.CHAR(11), True), _column("LBLRID", _Text(6)),
    _column("LN", _Text(30)), _column("LN60", _Text(60)), _column("BN", _Text(30)),
    _column("GCN_SEQNO", sa.Integer), _column("INNOV", sa.CHAR(1)), _column("DF", sa.CHAR(1)),
    _column("PS", sa.Numeric(11, 3)), _column("PD", _Text(10)), _column("AD", _Text(20)),
    _column("DEA", sa.CHAR(1)), _column("CL", sa.CHAR(1)), _column("OBSDTEC", sa.CHAR(8)),
    _column("DADDNC", sa.CHAR(8)), _column("DUPDC", sa.CHAR(8)), _column("GNI", sa.CHAR(1)),
    _column("OBC", _Text(2)), _column("REPACK", sa.CHAR(1)),
    sa.Index("rndc14_gcn_seqno", "GCN_SEQNO"),
)  # fmt: skip
_table("rlblrid3", _column("LBLRID", _Text(6), True), _column("MFG", _Text(30)))
_table(
    "rgcnseq4", _column("GCN_SEQNO", sa.Integer, True), _column("HICL_SEQNO", sa.Integer),
    _column("GCDF", _Text(2)), _column("GCRT", _Text(2)), _column("STR", _Text(15)),
    _column("STR60", _Text(60)),
)  # fmt: skip
_table(
    "rhiclsq1", _column("HICL_SEQNO", sa.Integer, True), _column("GNN", _Text(30)),
    _column("GNN60", _Text(60)),
)  # fmt: skip
_table("rrouted3", _column("GCRT", _Text(2), True), _column("GCRT_DESC", _Text(100)))
_table(
    "rdosed2", _column("GCDF", _Text(2), True), _column("DOSE", _Text(10)),
    _column("GCDF_DESC", _Text(60)),
)  # fmt: skip
_table(
    "retcgc0", _column("GCN_SEQNO", sa.Integer, True), _column("ETC_ID", sa.Integer, True),
    _column("ETC_COMMON_USE_IND", sa.CHAR(1)), _column("ETC_DEFAULT_USE_IND", sa.CHAR(1)),
)  # fmt: skip
_table("retctbl0", _column("ETC_ID", sa.Integer, True), _column("ETC_NAME", _Text(70)))
_table("rindmgc0", _column("GCN_SEQNO", sa.Integer, True), _column("INDCTS", sa.Integer, True))
_table(
    "rindmma2", _column("INDCTS", sa.Integer, True), _column("INDCTS_LBL", sa.CHAR(1)),
    _column("DXID", sa.Integer),
)  # fmt: skip
_table(
    "rfmldx0", _column("DXID", sa.Integer, True), _column("DXID_DESC56", _Text(56)),
    _column("DXID_DESC100", _Text(100)),
)  # fmt: skip

#: Labelers that pack other companies' drugs anew.
_REPACKAGERS = (
    "A-S MEDICATION", "AIDAREX", "BRYANT RANCH", "DIRECT RX", "DIRECTRX", "LAKE ERIE MEDICAL",
    "NUCARE", "PD-RX", "PHYSICIANS TOTAL CARE", "PREFERRED PHARMACEUTICALS", "PROFICIENT RX",
    "QUALITY CARE PRODUCTS", "REBEL DISTRIBUTORS", "REMEDYREPACK", "ST MARY'S MEDICAL",
    "ST. MARY'S MEDICAL", "UNIT DOSE SERVICES", "CARDINAL HEALTH", "MEDVANTX", "STAT RX",
    "BLENHEIM", "CLINICAL SOLUTIONS WHOLESALE", "ALTURA", "DISPENSING SOLUTIONS", "NORTHWIND",
)  # fmt: skip
_NO_DATE = "00000000"
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Facts = Callable[[tuple[str, ...]], tuple[Sequence[str], Sequence[str]]]


class Formulation(NamedTuple):
    """A clinical formulation, what a GCN_SEQNO stands for.

    Attributes:
        ingredients: active ingredients with their strengths and units, sorted.
        form: dosage form, as coarse as FDB's.
        routes: ``; ``-separated.
    """

    ingredients: tuple[tuple[str, str, str], ...]
    form: str
    routes: str


class PackageLine(NamedTuple):
    """A package before the mess: one row of ``rndc14``, with names in place of numbers.

    The size is read from the description when the row is made, since most lines never become one
    when only some packages are wanted.
    """

    ndc: str
    labeler: str
    naming: Naming
    formulation: Formulation | None
    innovator: bool
    size: Size | None
    dea: str
    cl: str
    end: str
    start: str
    repack: bool
    description: str = ""
    classes: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()

    @property
    def drug(self) -> tuple[Formulation | None, Naming, bool]:
        """What packages of one drug share."""
        return self.formulation, self.naming, self.innovator


def clinical_facts(substances: tuple[str, ...]) -> tuple[Sequence[str], Sequence[str]]:
    """Look class names and indications up in the clinical vocabulary.

    Of an indication only the main medical name is given, as in FDB.
    """
    vocabulary = load_vocabulary()
    main_names = {indication.name for indication in vocabulary.indications.values()}
    facts = vocabulary.facts(substances)
    return facts.class_names, [name for name in facts.indications if name in main_names]


def package_lines(packages: Iterable[DirectoryPackage], seed: int) -> Iterator[PackageLine]:
    """Give the directory's packages as FDB would name them."""
    prepared: dict[int, tuple[Naming, Formulation | None]] = {}
    for package in packages:
        product = package.product
        known = prepared.get(id(product))
        if known is None:
            known = prepared[id(product)] = _prepare(product, seed)
        names, formulation = known
        labeler = product.labeler
        yield PackageLine(
            package.ndc,
            labeler,
            names,
            formulation,
            names.has_brand and product.category in ("NDA", "BLA"),
            None,
            {"CI": "1", "CII": "2", "CIII": "3", "CIV": "4", "CV": "5"}.get(product.schedule, "0"),
            "O" if product.kind == "HUMAN OTC DRUG" else "F",
            package.end or _NO_DATE,
            package.start or _NO_DATE,
            labeler.upper().startswith(_REPACKAGERS),
            package.description,
        )


def _prepare(product: Product, seed: int) -> tuple[Naming, Formulation | None]:
    """Name a product, and give its formulation if it has one.

    Kits, products without a listed substance and homeopathic products have none, and, as in any
    table that is kept by hand, some others by chance.
    """
    names = naming(product)
    chance = zlib.crc32(f"{seed}:{names.ln60}:{names.bn}".encode())
    if (
        not product.substances
        or product.form == "KIT"
        or "HOMEOPATHIC" in product.category
        or chance % 300 == 0
    ):
        return names, None
    ingredients = sorted(zip(product.substances, product.strengths, product.units, strict=False))
    return names, Formulation(tuple(ingredients), coarse_form(product.form), product.routes)


class Composition:
    """Turns packages into the rows of FDB's tables.

    First go through `rndc14`; `others` then gives the tables that those rows point to.

    Args:
        formulations: every formulation that may come, in the order of its number.
        labelers: every labeler that may come, in the order of its number.
        seed: decides which rows are messy, and how.
        facts: gives class names and indications for ingredients.
    """

    def __init__(
        self,
        formulations: Iterable[Formulation],
        labelers: Iterable[str],
        seed: int,
        facts: Facts = clinical_facts,
    ) -> None:
        self._gcn = {formulation: n for n, formulation in enumerate(formulations, start=1)}
        self._lblrid = {name: f"A{_base36(n, 5)}" for n, name in enumerate(labelers, start=1)}
        self._seed = seed
        self._facts = facts
        self._used: dict[Formulation, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._used_labelers: set[str] = set()
        self._drugs: set[int] = set()
        self.mess: Counter[str] = Counter()
        self._directory_classes: dict[tuple[str, ...], tuple[str, ...]] = {}

    @property
    def drugs(self) -> int:
        """Distinct drugs so far, told apart as the FDB mapping does."""
        return len(self._drugs)

    @property
    def formulations(self) -> int:
        """Distinct formulations so far."""
        return len(self._used)

    def rndc14(self, lines: Iterable[PackageLine]) -> Iterator[tuple[Any, ...]]:
        """Give the rows of ``rndc14``."""
        for line in lines:
            if line.formulation is not None and line.formulation not in self._used:
                self._used[line.formulation] = (line.classes, line.indications)
            self._used_labelers.add(line.labeler)
            row = self._row(line)
            ln, ln60, bn, gcn, innov = row[2], row[3], row[4], row[5], row[6]
            if gcn:
                drug: tuple[Any, ...] = (gcn, fold(ln), fold(bn), innov)
            else:
                drug = (ln, fold(ln60 or "") or fold(ln), fold(bn), innov)
            self._drugs.add(hash(drug))
            yield row

    def _row(self, line: PackageLine) -> tuple[Any, ...]:
        names = line.naming
        ln, ln60, bn, dea = names.ln, names.ln60, names.bn, line.dea
        if len(names.ln60) > 30:
            self.mess["label names cut or shortened to 30 characters"] += 1
        size = line.size or package_size(line.description)
        gcn = 0 if line.formulation is None else self._gcn[line.formulation]
        if not gcn:
            self.mess["rows without a formulation"] += 1
        dice = zlib.crc32(f"{self._seed}/{line.ndc}".encode())
        if dice % 20 == 0:
            self.mess["rows padded with blanks"] += 1
            ln, bn = ln.ljust(30), bn.ljust(30)
        if dice % 97 == 0:
            self.mess["label names in another case"] += 1
            ln = ln.title()
        long_name: str | None = ln60
        if dice % 31 == 0:
            self.mess["rows without a long label name"] += 1
            long_name = None if dice % 2 else ""
        if dice % 1009 == 0:
            self.mess["invalid DEA codes"] += 1
            dea = "9" if dice % 2 else "X"
        return (
            line.ndc, self._lblrid[line.labeler], ln, long_name, bn, gcn,
            "1" if line.innovator else "0", size.df, size.ps, size.pd, size.ad, dea, line.cl,
            line.end, line.start, line.start, "2" if names.has_brand else "1", "",
            "1" if line.repack else "0",
        )  # fmt: skip

    def others(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the rows of the other tables, by table, for what `rndc14` has used."""
        tables: dict[str, list[tuple[Any, ...]]] = {
            "rlblrid3": [
                (number, name[:30])
                for name, number in self._lblrid.items()
                if name in self._used_labelers
            ]
        }
        hicl: dict[tuple[str, ...], int] = {}
        forms: dict[str, str] = {}
        routes: dict[str, str] = {}
        classes: dict[str, int] = {}
        indications: dict[str, int] = {}
        seqno, class_links, indication_links = [], [], []
        for formulation in sorted(self._used, key=self._gcn.__getitem__):
            gcn = self._gcn[formulation]
            substances = tuple(dict.fromkeys(name for name, _, _ in formulation.ingredients))
            strength = strength_text(
                tuple(amount for _, amount, _ in formulation.ingredients),
                tuple(unit for _, _, unit in formulation.ingredients),
            )
            seqno.append(
                (
                    gcn,
                    hicl.setdefault(substances, len(hicl) + 1),
                    forms.setdefault(formulation.form, _base36(len(forms), 2)),
                    routes.setdefault(formulation.routes, _base36(len(routes), 2)),
                    strength[:15],
                    strength[:60],
                )
            )
            names, uses = self._used[formulation]
            if not (names or uses):
                names, uses = self._known(substances)
            for rank, name in enumerate(names):
                number = classes.setdefault(name[:70], len(classes) + 1)
                class_links.append((gcn, number, "1", "0" if rank else "1"))
            for name in uses:
                number = indications.setdefault(name[:100], len(indications) + 1)
                indication_links.append((gcn, number))
        tables["rgcnseq4"] = seqno
        tables["rhiclsq1"] = [
            (number, generic_name(names, 30), generic_name(names)) for names, number in hicl.items()
        ]
        tables["rdosed2"] = [(code, form[:10], form[:60]) for form, code in forms.items()]
        tables["rrouted3"] = [(code, route[:100]) for route, code in routes.items()]
        tables["retcgc0"] = list(dict.fromkeys(class_links))
        tables["retctbl0"] = [(number, name) for name, number in classes.items()]
        tables["rindmgc0"] = list(dict.fromkeys(indication_links))
        tables["rindmma2"] = [(number, "L", number) for number in indications.values()]
        tables["rfmldx0"] = [
            (number, name[:56], name[:100]) for name, number in indications.items()
        ]
        return tables

    def _known(self, substances: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names, uses = self._facts(substances)
        listed = self._directory_classes.get(substances, ())
        return tuple(listed or names), tuple(uses)

    def know_classes(self, packages: Iterable[DirectoryPackage]) -> None:
        """Learn the classes that the directory itself gives for sets of ingredients."""
        known: dict[tuple[str, ...], dict[str, None]] = {}
        for product in {id(package.product): package.product for package in packages}.values():
            if product.classes:
                substances = tuple(sorted(product.substances))
                known.setdefault(substances, {}).update(dict.fromkeys(class_names(product.classes)))
        self._directory_classes = {names: tuple(found) for names, found in known.items()}


def _base36(number: int, width: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits.rjust(width, "0")
