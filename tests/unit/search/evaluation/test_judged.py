"""Judged sets, and which drugs a judgement means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.errors import ConfigurationError
from rxindex.model import Drug, Package
from rxindex.search.evaluation.judged import Judgement, read_judged

DRUG = Drug(
    id="a" * 16,
    name="Toprol XL 50 mg extended-release tablet",
    brand="TOPROL XL",
    generic="Metoprolol Succinate",
    ingredients=("metoprolol",),
    strength="50 mg",
    form="tablet, film coated, extended release",
    routes=("oral",),
    schedule="CIV",
    kind="brand",
    packages=(
        Package("00186109039", labeler="AstraZeneca LP", size="100 x 1 TABLET"),
        Package("12345678901", labeler="Teva", size="90 TABLET"),
    ),
)
COMBINATION = Drug(id="b" * 16, name="x", ingredients=("metoprolol", "hydrochlorothiazide"))


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement(),
        Judgement(ingredients="Metoprolol"),
        Judgement(contains="metoprolol"),
        Judgement(brand="toprol"),
        Judgement(brand="Toprol-XL"),
        Judgement(generic="succinate"),
        Judgement(strength="50 MG"),
        Judgement(strength=("25 mg", "50 mg")),
        Judgement(form="extended release tablet"),
        Judgement(route="oral"),
        Judgement(schedule="CIV", kind="brand"),
        Judgement(labeler="astrazeneca"),
        Judgement(size="90"),
        Judgement(size="100 x 1"),
        Judgement(ndc="00186109039"),
        Judgement(ndc="001861090"),
        Judgement(labeler="Teva", size="90"),
    ],
)
def test_a_drug_is_meant_if_all_that_is_given_holds(judgement: Judgement) -> None:
    assert judgement.means(DRUG)


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement(ingredients="metoprolol + hydrochlorothiazide"),
        Judgement(contains="hydrochlorothiazide"),
        Judgement(brand="XL"),
        Judgement(brand="Topro"),
        Judgement(generic="tartrate"),
        Judgement(strength="5 mg"),
        Judgement(form="capsule"),
        Judgement(route="intravenous"),
        Judgement(schedule="CII"),
        Judgement(kind="generic"),
        Judgement(labeler="LP"),
        Judgement(size="9"),
        Judgement(ndc="0018610903900"),
        Judgement(labeler="Teva", size="100"),
        Judgement(ingredients="metoprolol", strength="100 mg"),
    ],
)
def test_a_drug_is_not_meant_if_one_thing_does_not_hold(judgement: Judgement) -> None:
    assert not judgement.means(DRUG)


def test_ingredients_are_all_of_them_and_their_order_does_not_count() -> None:
    assert Judgement(ingredients="hydrochlorothiazide + metoprolol").means(COMBINATION)
    assert Judgement(contains="hydrochlorothiazide").means(COMBINATION)
    assert not Judgement(ingredients="metoprolol").means(COMBINATION)


@given(names=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True), data=st.data())
def test_who_has_exactly_these_ingredients_contains_each_part_of_them(
    names: list[str], data: st.DataObject
) -> None:
    drug = Drug(id="c", name="x", ingredients=tuple(names))
    part = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    assert Judgement(ingredients=" + ".join(reversed(names))).means(drug)
    assert Judgement(contains=" + ".join(part)).means(drug)
    assert Judgement(ingredients=" + ".join(part)).means(drug) == (set(part) == set(names))


def test_a_file_gives_a_topic_for_each_query(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text("""
[[topic]]
id = "one"
kind = "house"
half = "test"
unit = "ingredients"
queries = ["BP", "pressure"]
right = ["lisinopril", { ingredients = "timolol", route = "oral" }]
beside = ["amlodipine"]
wrong = ["timolol"]

[[topic]]
id = "two"
kind = "other"
queries = ["x"]
right = [{ ndc = "00186109039" }]
""")
    first, second, third = read_judged(file)
    assert [one.id for one in (first, second, third)] == ["one.1", "one.2", "two"]
    assert (first.query, second.query) == ("BP", "pressure")
    assert (first.half, first.unit, third.half, third.unit) == ("test", "ingredients", None, "drug")
    assert [(one.ingredients, grade) for one, grade in first.judgements()] == [
        ("lisinopril", 2), ("timolol", 2), ("amlodipine", 1), ("timolol", 0),
    ]  # fmt: skip
    assert second.right == first.right


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.toml").write_text(
            f'[[topic]]\nid = "{name}"\nkind = "k"\nqueries = ["q"]\nright = ["x"]\n'
        )
    (tmp_path / "notes.txt").write_text("not one of them")
    assert [topic.id for topic in read_judged(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("topic = 1", "topic"),
        ("[[topic]\n", "Correct it there"),
        ('[[topic]]\nid = "a"\nkind = "k"\nqueries = ["q"]\n', "right"),
        ('[[topic]]\nid = "a b"\nkind = "k"\nqueries = ["q"]\nright = ["x"]', "blank"),
        ('[[topic]]\nid = "a"\nkind = "k"\nqueries = ["q"]\nright = [{ salt = "x" }]', "salt"),
        ('[[topic]]\nid = "a"\nkind = "k"\nqueries = []\nright = ["x"]', "no topic"),
        (2 * '[[topic]]\nid = "a"\nkind = "k"\nqueries = ["q"]\nright = ["x"]\n', "twice"),
    ],
)
def test_what_is_no_judged_set_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "house.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        read_judged(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        read_judged(tmp_path / "nowhere.toml")
