"""The directory as a source, on small directories written by each test."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxindex.errors import ConfigurationError, MissingExtra, SourceDataError, SourceNotFound
from rxindex.model import PackageRow
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.source.ndc_directory import NDCDirectorySource

PRODUCT_HEADER = (
    "PRODUCTID\tPRODUCTNDC\tPRODUCTTYPENAME\tPROPRIETARYNAME\tPROPRIETARYNAMESUFFIX\t"
    "NONPROPRIETARYNAME\tDOSAGEFORMNAME\tROUTENAME\tSTARTMARKETINGDATE\tENDMARKETINGDATE\t"
    "MARKETINGCATEGORYNAME\tAPPLICATIONNUMBER\tLABELERNAME\tSUBSTANCENAME\t"
    "ACTIVE_NUMERATOR_STRENGTH\tACTIVE_INGRED_UNIT\tPHARM_CLASSES\tDEASCHEDULE\t"
    "NDC_EXCLUDE_FLAG\tLISTING_RECORD_CERTIFIED_THROUGH"
)
PACKAGE_HEADER = (
    "PRODUCTID\tPRODUCTNDC\tNDCPACKAGECODE\tPACKAGEDESCRIPTION\tSTARTMARKETINGDATE\t"
    "ENDMARKETINGDATE\tNDC_EXCLUDE_FLAG\tSAMPLE_PACKAGE"
)


def product(
    ndc: str,
    name: str = "Lipitor",
    suffix: str = "",
    generic: str = "atorvastatin calcium",
    *,
    kind: str = "HUMAN PRESCRIPTION DRUG",
    form: str = "TABLET, FILM COATED",
    route: str = "ORAL",
    end: str = "",
    category: str = "NDA",
    labeler: str = "Parke-Davis",
    substances: str = "ATORVASTATIN CALCIUM",
    amounts: str = "20",
    units: str = "mg/1",
    classes: str = "HMG-CoA Reductase Inhibitor [EPC]",
    schedule: str = "",
    identity: str = "",
) -> str:
    fields = (
        identity or f"{ndc}_x", ndc, kind, name, suffix, generic, form, route, "19961217", end,
        category, "NDA020702", labeler, substances, amounts, units, classes, schedule, "N",
        "20191231",
    )  # fmt: skip
    return "\t".join(fields)


def package(
    ndc: str, description: str = "", *, end: str = "", sample: str = "N", identity: str = ""
) -> str:
    owner = ndc.rpartition("-")[0]
    text = description or f"90 TABLET, FILM COATED in 1 BOTTLE ({ndc}) "
    return "\t".join((identity or f"{owner}_x", owner, ndc, text, "19961217", end, "N", sample))


def folder(where: Path, products: list[str], packages: list[str]) -> Path:
    where.mkdir(exist_ok=True)
    for name, lines in (
        ("product.txt", [PRODUCT_HEADER, *products]),
        ("package.txt", [PACKAGE_HEADER, *packages]),
    ):
        (where / name).write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1252"))
    return where


def read(path: Path, **options: object) -> list[PackageRow]:
    with NDCDirectorySource(path, **options) as source:  # type: ignore[arg-type]
        rows = list(source.rows(Partition("all")))
        assert source.count() == len(rows)
        return rows


def test_a_package_becomes_a_row(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])

    assert read(path) == [
        PackageRow(
            group=("ATORVASTATIN CALCIUM 20 MG/1", "TABLET, FILM COATED", "ORAL", "LIPITOR"),
            key=(),
            ndc="0071-0156-23",
            name="Lipitor 20 mg tablet",
            brand="Lipitor",
            generic="atorvastatin calcium",
            ingredients=("ATORVASTATIN CALCIUM",),
            strength="20 mg",
            form="tablet, film coated",
            routes=("oral",),
            classes=("HMG-CoA Reductase Inhibitor",),
            innovator=True,
            labeler="Parke-Davis",
            size="90 TABLET, FILM COATED",
            description="1 BOTTLE",
            start="1996-12-17",
        )
    ]


@pytest.mark.parametrize(
    ("name", "suffix", "generic", "brand"),
    [
        ("Atorvastatin Calcium", "", "atorvastatin calcium", ""),
        ("ATORVASTATIN CALCIUM", "Tablets", "atorvastatin", ""),
        ("Atorvastatin", "20 mg", "Atorvastatin Calcium", ""),
        ("Atorvastatn Calcium", "", "atorvastatin calcium", ""),
        ("", "", "atorvastatin calcium", ""),
        ("Lipitor", "", "atorvastatin calcium", "Lipitor"),
        ("Lipitor", "Forte", "atorvastatin calcium", "Lipitor Forte"),
        ("Lipitor Forte", "Forte", "atorvastatin calcium", "Lipitor Forte"),
    ],
)
def test_the_generic_name_is_no_brand(
    tmp_path: Path, name: str, suffix: str, generic: str, brand: str
) -> None:
    path = folder(
        tmp_path / "d", [product("0071-0156", name, suffix, generic)], [package("0071-0156-23")]
    )
    (row,) = read(path)

    assert row.brand == brand
    assert row.innovator == bool(brand)


def test_makers_of_a_generic_are_one_drug_and_releases_are_not(tmp_path: Path) -> None:
    same = {"substances": "BUPROPION HYDROCHLORIDE", "amounts": "150", "category": "ANDA"}
    spellings = {
        "0001-0001": ("Bupropion Hydrochloride", "XL"),
        "0002-0001": ("BUPROPION  HCl", "xl"),
        "0003-0001": ("bupropion hydrochloride (XL)", ""),
        "0004-0001": ("Bupropion Hydrochloride", "SR"),
    }
    path = folder(
        tmp_path / "d",
        [product(n, a, b, "bupropion hydrochloride", **same) for n, (a, b) in spellings.items()],
        [package(f"{n}-01") for n in spellings],
    )
    groups = {row.ndc: row.group[3] for row in read(path)}

    assert groups == {
        "0001-0001-01": "XL", "0002-0001-01": "XL", "0003-0001-01": "XL", "0004-0001-01": "SR",
    }  # fmt: skip


def test_ingredients_in_another_order_are_the_same_drug_with_its_own_strengths(
    tmp_path: Path,
) -> None:
    path = folder(
        tmp_path / "d",
        [
            product("0001-0001", "Norco", substances="HYDROCODONE; ACETAMINOPHEN",
                    amounts="10; 325", units="mg/1; mg/1", schedule="CII"),
            product("0002-0001", "NORCO", substances="ACETAMINOPHEN; HYDROCODONE",
                    amounts="325.0; 10", units="mg/1; mg/1", schedule="CII"),
            product("0003-0001", "Norco", substances="ACETAMINOPHEN; HYDROCODONE",
                    amounts="10; 325", units="mg/1; mg/1", schedule="CII"),
        ],
        [package("0001-0001-01"), package("0002-0001-01"), package("0003-0001-01")],
    )  # fmt: skip
    rows = {row.ndc[:4]: row for row in read(path)}

    assert rows["0001"].group == rows["0002"].group != rows["0003"].group
    assert rows["0001"].strength == "10 mg; 325 mg"
    assert rows["0002"].ingredients == ("ACETAMINOPHEN", "HYDROCODONE")
    assert rows["0001"].schedule == "CII"


def test_no_package_is_doubled_or_lost_where_a_product_code_repeats(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [
            product("0001-0001", identity="a"), product("0001-0001", identity="b", amounts="40"),
            product("0001-0001", identity="a", amounts="80"),
        ],
        [package("0001-0001-01", identity="a"), package("0001-0001-02", identity="b"),
         package("0001-0001-03", identity="unknown")],
    )  # fmt: skip
    rows = read(path)

    assert {row.ndc: row.strength for row in rows} == {
        "0001-0001-01": "20 mg", "0001-0001-02": "40 mg", "0001-0001-03": "20 mg",
    }  # fmt: skip
    assert len(rows) == 3


def test_what_does_not_fit_together_is_counted(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [product("0001-0001"), product("0002-0001"), "too\tshort", ""],
        [package("0001-0001-01"), package("0009-0001-01"), package("0008-0001-01"), "short"],
    )
    with NDCDirectorySource(path) as source:
        assert [row.ndc for row in source.rows(Partition("all"))] == ["0001-0001-01"]
        assert source.packages_without_product == 2
        assert source.products_without_package == 1
        assert source.malformed_lines == 2
        assert source.replaced_bytes == 0


def test_a_package_of_another_type_of_product_is_not_counted_as_lost(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [product("0001-0001"), product("0002-0001", kind="HUMAN OTC DRUG")],
        [package("0001-0001-01"), package("0002-0001-01")],
    )
    with NDCDirectorySource(path) as source:
        assert source.count() == 1
        assert source.packages_without_product == 0


def test_types_and_known_otc_products_are_chosen(tmp_path: Path) -> None:
    otc = "HUMAN OTC DRUG"
    path = folder(
        tmp_path / "d",
        [
            product("0001-0001"),
            product("0002-0001", "Bayer", kind=otc, substances="ASPIRIN", category="OTC"),
            product("0003-0001", "Soap", kind=otc, substances="TRICLOSAN", category="OTC"),
            product("0004-0001", "Pellets", kind=otc, substances="ASPIRIN",
                    category="UNAPPROVED HOMEOPATHIC"),
            product("0005-0001", "Pollen", kind="STANDARDIZED ALLERGENIC"),
            product("0006-0001", "Havrix", kind="VACCINE"),
        ],
        [package(f"000{n}-0001-01") for n in range(1, 7)],
    )  # fmt: skip

    def labelers(**options: object) -> set[str]:
        return {row.ndc[:4] for row in read(path, **options)}

    assert labelers() == {"0001", "0006"}
    assert labelers(keep_otc=lambda names: names == ("ASPIRIN",)) == {"0001", "0002", "0006"}
    assert labelers(products=("VACCINE",)) == {"0006"}
    assert len(labelers(products=None)) == 6


def test_a_limit_keeps_whole_drugs(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [product("0001-0001"), product("0002-0001", "Zocor")],
        [*(package(f"0001-0001-{n:02}") for n in range(5)), package("0002-0001-01")],
    )
    assert len(read(path, limit=1)) == 5
    assert len(read(path, limit=5)) == 5
    assert len(read(path, limit=6)) == 6
    assert read(path, limit=0) == []


def test_partitions_cover_the_drugs_without_overlap_and_reading_resumes(tmp_path: Path) -> None:
    names = [f"{n:04}-0001" for n in range(1, 41)]
    path = folder(
        tmp_path / "d",
        [product(n, f"Brand{n[:4]}") for n in names],
        [package(f"{n}-{p:02}") for n in names for p in range(3)],
    )
    with NDCDirectorySource(path) as source:
        everything = list(source.rows(Partition("all")))
        partitions = source.partitions(4)
        parts = [list(source.rows(partition)) for partition in partitions]
        half = everything[60]
        rest = list(source.rows(Partition("all"), after=half.group))
        between = (*half.group[:3], str(half.group[3]) + "!")

        assert [row for part in parts for row in part] == everything
        assert [len(part) for part in parts] == [30, 30, 30, 30]
        assert [row.group for row in everything] == sorted(row.group for row in everything)
        assert rest == [row for row in everything if row.group > half.group]
        assert list(source.rows(Partition("all"), after=between)) == rest
        assert len(source.partitions(1)) == 1
        assert len(source.partitions(1000)) == len(names)


def test_sample_packages_and_end_dates_are_kept(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [product("0001-0001", end="20201231")],
        [package("0001-0001-01", sample="Y"), package("0001-0001-02", end="20190630"),
         package("0001-0001-03", end="unknown")],
    )  # fmt: skip
    with NDCDirectorySource(path) as source:
        first, second, third = source.rows(Partition("all"))

        assert first.description == "1 BOTTLE (sample package)"
        assert first.end == "2020-12-31"
        assert second.end == "2019-06-30"
        assert third.end == "unknown"
        assert source.odd_dates == 1


def test_windows_1252_and_quotation_marks_are_read_as_they_are(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [product("0001-0001", "Caf\u00e9 \u201cForte\u201d", labeler='"Half quoted, Inc')],
        [package("0001-0001-01")],
    )
    text = path / "product.txt"
    text.write_bytes(text.read_bytes().replace(b"ORAL", b"OR\x81AL"))
    with NDCDirectorySource(path) as source:
        (row,) = source.rows(Partition("all"))

        assert row.brand == "Caf\u00e9 \u201cForte\u201d"
        assert row.labeler == '"Half quoted, Inc'
        assert row.routes == ("or\ufffdal",)
        assert source.replaced_bytes == 1


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    products = [product("0071-0155"), product("0071-0156", amounts="40")]
    # One NDC twice, told apart by its dates only: a digest must not tell two runs apart.
    packages = [
        package("0071-0155-23", end=end, sample=sample)
        for end in ("", "20190101", "20200101")
        for sample in "NY"
    ]
    rows = read(folder(tmp_path / "one", products, packages))

    assert len(rows) == 6
    assert read(folder(tmp_path / "two", products[::-1], packages[::-1])) == rows


def test_blanks_and_control_characters_inside_a_field_are_one_blank(tmp_path: Path) -> None:
    odd = product("0071-0155", name=" Lip\x0b\x1f  itor\xa0", labeler="Parke\xa0\xa0Davis")
    plain = product("0071-0155", name="Lip itor", labeler="Parke Davis")
    packages = [package("0071-0155-23")]

    rows = read(folder(tmp_path / "odd", [odd], packages))

    assert rows == read(folder(tmp_path / "plain", [plain], packages))
    assert (rows[0].brand, rows[0].labeler) == ("Lip itor", "Parke Davis")


def test_a_kit_without_substances_is_keyed_by_its_generic_name(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "d",
        [product("0001-0001", "Gianvi", "", "Drospirenone and EE", form="KIT", route="",
                 substances="", amounts="", units="", classes="")],
        [package("0001-0001-01")],
    )  # fmt: skip
    (row,) = read(path)

    assert row.group == ("DROSPIRENONE AND EE", "KIT", "", "GIANVI")
    assert row.ingredients == ()
    assert row.name == "Gianvi kit"


@pytest.mark.parametrize("prefix", ["", "NDC/Deep/"])
def test_a_zip_is_read_in_any_case_and_subfolder(tmp_path: Path, prefix: str) -> None:
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    archive = tmp_path / "it's ndctext.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.write(path / "product.txt", f"{prefix}Product.TXT")
        made.write(path / "package.txt", f"{prefix}PACKAGE.txt")

    assert read(archive) == read(path)


def test_columns_may_be_more_or_fewer_but_not_the_needed_ones(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    whole = read(path)
    packages = (path / "package.txt").read_text("cp1252").splitlines()
    few = ["\t".join(line.split("\t")[:4]) for line in packages]
    (path / "package.txt").write_text("\n".join(few), "cp1252")
    products = (path / "product.txt").read_text("cp1252").splitlines()
    more = [f"{products[0]}\tNEW", f"{products[1]}\tvalue"]
    (path / "product.txt").write_text("\n".join(["\ufeff" + more[0], *more[1:]]), "utf-8")

    assert read(path) == whole

    (path / "package.txt").write_text("PRODUCTID\tPRODUCTNDC\nx\ty\n", "cp1252")
    with pytest.raises(SourceDataError, match=r"package\.txt in .* has no column NDCPACKAGECODE"):
        read(path)


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.zip"
    page.write_text("<html>maintenance</html>")
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w"):
        pass
    with pytest.raises(SourceDataError, match=r"page\.zip is not a whole zip"):
        read(page)
    with pytest.raises(SourceDataError, match=r"empty\.zip has no product\.txt"):
        read(empty)
    with pytest.raises(SourceDataError, match=r"has no product\.txt"):
        read(tmp_path)
    with pytest.raises(SourceNotFound, match="rxindex ndc fetch"):
        read(tmp_path / "nothing.zip")


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    archive = tmp_path / "ndctext.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("product.txt", "package.txt"):
            made.write(path / name, name)
    archive.write_bytes(archive.read_bytes().replace(b"Lipitor", b"Lipixxr"))

    with pytest.raises(SourceDataError, match="not a whole zip"):
        read(archive)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    with NDCDirectorySource(path) as source:
        assert len(list(scratch.iterdir())) == 1
    assert list(scratch.iterdir()) == []
    with pytest.raises(SourceNotFound):
        read(tmp_path / "nothing.zip")
    assert list(scratch.iterdir()) == []
    with pytest.raises(RuntimeError, match="inside 'with'"):
        source.partitions(2)


def test_a_temporary_folder_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    with pytest.raises(ConfigurationError, match="set TMPDIR"):
        read(path)


def test_the_url_of_a_source_names_the_directory(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    with open_source(f"ndc:{path}") as source:
        assert source.name == f"ndc:{path}"
        assert source.count() == 1


def test_without_duckdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "d", [product("0071-0156")], [package("0071-0156-23")])
    # None in sys.modules is how Python itself says that a module can't be imported.
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=r"rxindex\[ndc\]"):
        read(path)


@given(st.lists(st.integers(0, 30), max_size=10))
@settings(max_examples=25)
def test_some_drugs_read_by_themselves_are_the_same_rows(wanted: list[int]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        names = [f"Name{number % 5}" for number in range(12)]
        products = [product(f"1000-{n:04d}", name) for n, name in enumerate(names)]
        packages = [package(f"1000-{n % 12:04d}-{n // 12:02d}") for n in range(30)]
        with NDCDirectorySource(folder(Path(scratch) / "d", products, packages)) as source:
            whole = list(source.rows(Partition("all")))
            there = list(dict.fromkeys(row.group for row in whole))
            groups = [there[number % len(there)] for number in wanted]

            found = list(source.rows_of([*groups, ("nobody",), (5,), ()]))

            assert found == [row for row in whole if row.group in set(groups)]
            source.renew()
            assert list(source.rows(Partition("all"))) == whole


def test_a_drug_with_more_packages_than_are_read_at_once_is_read_whole(tmp_path: Path) -> None:
    packages = [package(f"1000-0001-{n:05d}") for n in range(5_200)]
    path = folder(tmp_path / "d", [product("1000-0001"), product("2000-0001", "Other")], [
        *packages, package("2000-0001-01"),
    ])  # fmt: skip
    with NDCDirectorySource(path) as source:
        whole = list(source.rows(Partition("all")))
        group = next(row.group for row in whole if row.brand == "Lipitor")
        assert list(source.rows_of([group])) == [row for row in whole if row.group == group]
        assert list(source.rows_of([row.group for row in whole])) == whole
