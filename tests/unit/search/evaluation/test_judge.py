"""From judgements to a catalogue's drugs."""

from __future__ import annotations

import pytest

from rxindex.model import Drug
from rxindex.search.evaluation.judge import ingredients_document, judge
from rxindex.search.evaluation.judged import Judgement, Topic


def drug(key: str, *ingredients: str, **other: object) -> Drug:
    return Drug(id=key, name=f"name of {key}", ingredients=ingredients, **other)  # type: ignore[arg-type]


LISINOPRIL = drug("1", "lisinopril", strength="10 mg")
STRONGER = drug("2", "lisinopril", strength="20 mg")
MIXED = drug("3", "lisinopril", "hydrochlorothiazide")
EYE = drug("4", "timolol", routes=("ophthalmic",))
ORAL = drug("5", "timolol", routes=("oral",))
BRANDED = drug("6", "ethinyl estradiol", "norethindrone", brand="Brevicon")
ALL = (LISINOPRIL, STRONGER, MIXED, EYE, ORAL, BRANDED)


def one(name: str) -> Judgement:
    return Judgement(ingredients=name)


def test_documents_of_a_topic_about_drugs_are_their_ids() -> None:
    topic = Topic(
        "t", "k", "q",
        right=(Judgement(ingredients="lisinopril", strength="20 mg"),),
        beside=(one("lisinopril"),),
        wrong=(one("timolol"),),
    )  # fmt: skip
    judged = judge([topic], ALL)
    assert judged.grades == {"t": {"1": 1, "2": 2, "4": 0, "5": 0}}
    assert judged.names["2"] == "name of 2"


def test_documents_of_a_topic_about_ingredients_are_sets_of_them() -> None:
    topic = Topic("t", "k", "q", right=(one("norethindrone + ethinyl estradiol"),),
                  unit="ingredients")  # fmt: skip
    judged = judge([topic], ALL)
    assert judged.grades == {"t": {"ethinyl_estradiol+norethindrone": 2}}
    assert judged.documents == {"t": {"6": "ethinyl_estradiol+norethindrone"}}


def test_a_combination_counts_as_beside_what_it_holds() -> None:
    topic = Topic("t", "k", "q", right=(one("lisinopril"),), unit="ingredients")
    assert judge([topic], ALL).grades["t"] == {
        "lisinopril": 2,
        "hydrochlorothiazide+lisinopril": 1,
    }


def test_a_combination_that_is_judged_itself_has_its_own_grade() -> None:
    mixed = one("hydrochlorothiazide + lisinopril")
    topic = Topic("t", "k", "q", right=(mixed,), beside=(one("lisinopril"),), unit="ingredients")
    assert judge([topic], ALL).grades["t"] == {
        "lisinopril": 1,
        "hydrochlorothiazide+lisinopril": 2,
    }


def test_a_combination_of_what_is_wrong_stays_wrong() -> None:
    topic = Topic("t", "k", "q", right=(one("timolol"),), wrong=(one("lisinopril"),),
                  unit="ingredients")  # fmt: skip
    assert judge([topic], ALL).grades["t"]["hydrochlorothiazide+lisinopril"] == 0


def test_drugs_of_another_route_are_not_what_was_meant() -> None:
    eye = Judgement(ingredients="timolol", route="ophthalmic")
    judged = judge([Topic("t", "k", "q", right=(eye,), unit="ingredients")], ALL)
    assert judged.documents == {"t": {"4": "timolol"}}


@pytest.mark.parametrize("judgement", [Judgement(brand="brevicon"), Judgement(ndc="1")])
def test_judgements_without_ingredients_are_found_too(judgement: Judgement) -> None:
    found = judge([Topic("t", "k", "q", right=(judgement,))], [BRANDED])
    assert bool(found.topics) == bool(judgement.brand)


def test_topics_to_which_a_catalogue_has_no_right_answer_are_left_out() -> None:
    there = Topic("there", "k", "q", right=(one("lisinopril"),))
    only_beside = Topic("beside", "k", "q", right=(one("nowhere"),), beside=(one("lisinopril"),))
    judged = judge([there, only_beside], ALL)
    assert [topic.id for topic in judged.topics] == ["there"]
    assert judged.missing == ("beside",)
    assert set(judged.grades) == {"there"}


def test_a_document_has_no_blank() -> None:
    assert ingredients_document(["Sodium  Chloride", "dextrose"]) == "dextrose+sodium_chloride"
