"""What is prescribed most: an order of ingredients and combinations, never a guess."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from rxindex.vocabulary import Vocabulary, load_vocabulary

VOCABULARY = load_vocabulary()
ORDER = [(one,) if isinstance(one, str) else one for one in VOCABULARY.prescribed.order]


def with_order(folder: Path, order: str) -> Vocabulary:
    path = folder / "house.toml"
    path.write_text(f"[prescribed]\norder = {order}\n", encoding="utf-8")
    return load_vocabulary(path)


def test_every_name_is_an_ingredient() -> None:
    assert [name for entry in ORDER for name in entry if name not in VOCABULARY.ingredients] == []


def test_every_list_is_a_known_combination() -> None:
    known = {frozenset(one.ingredients) for one in VOCABULARY.combinations}
    assert [entry for entry in ORDER if len(entry) > 1 and frozenset(entry) not in known] == []


def test_nothing_is_there_twice() -> None:
    assert len({frozenset(entry) for entry in ORDER}) == len(ORDER) > 400


def test_commonness_falls_from_one_along_the_order_and_never_to_nothing() -> None:
    values = [VOCABULARY.commonness(entry) for entry in ORDER]
    assert values[0] == 1.0
    assert all(before > after for before, after in pairwise(values))
    assert values[-1] > 0.0


def test_what_outpatients_get_comes_before_what_hospitals_and_shops_have() -> None:
    assert (
        VOCABULARY.commonness(["lisinopril"])
        > VOCABULARY.commonness(["captopril"])
        > VOCABULARY.commonness(["norepinephrine"])
        > VOCABULARY.commonness(["witch hazel"])
        == 0.0
    )


def test_a_combination_has_its_own_place_in_any_order_of_its_ingredients() -> None:
    combined = VOCABULARY.commonness(["lisinopril", "hydrochlorothiazide"])
    assert combined == VOCABULARY.commonness(["hydrochlorothiazide", "lisinopril"])
    assert 0.0 < combined < VOCABULARY.commonness(["lisinopril"])


@pytest.mark.parametrize("unlisted", [[], ["no such drug"], ["lisinopril", "metformin"]])
def test_what_is_not_listed_is_not_common(unlisted: list[str]) -> None:
    assert VOCABULARY.commonness(unlisted) == 0.0


def test_a_users_order_comes_first_and_the_built_in_one_follows(tmp_path: Path) -> None:
    changed = with_order(tmp_path, '[" Captopril ", ["warfarin", "Aspirin"]]')
    assert changed.commonness(["captopril"]) == 1.0
    first = [["captopril"], ["aspirin", "warfarin"], ["atorvastatin"], ["metformin"]]
    values = [changed.commonness(entry) for entry in first]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


def test_the_order_is_no_fact_of_a_drug_and_asks_for_no_rewrite(tmp_path: Path) -> None:
    assert with_order(tmp_path, '["captopril"]').fingerprint == VOCABULARY.fingerprint
