"""Ids and fingerprints."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rxindex.model import Drug, Package, content_fingerprint, drug_id, fold, text_fingerprint

DRUG = Drug("a" * 16, "ASPIRIN 81 MG TABLET", packages=(Package("00000000001"),))


def test_an_id_is_the_same_on_every_machine() -> None:
    assert drug_id((4711,), ("LIPITOR 20 MG TABLET", "Lipitor", "1")) == "g55jqwf5iklpbuht"


@given(st.text(), st.text())
def test_case_and_blanks_of_the_key_do_not_count(name: str, brand: str) -> None:
    untidy = (f"  {name}\t", f"{brand}   ")
    assert drug_id((1,), (name, brand)) == drug_id((1,), untidy)
    assert drug_id((1,), (name, brand)) != drug_id((2,), (name, brand))


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert drug_id((1,), ("ab", "c")) != drug_id((1,), ("a", "bc"))


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_every_field_counts_for_the_content_fingerprint() -> None:
    before = content_fingerprint(DRUG)
    other: dict[str, object] = {
        "gcn": 7, "packages": (*DRUG.packages, Package("00000000002")), "kind": "brand",
        "status": "obsolete",
    }  # fmt: skip
    for field in msgspec.structs.fields(Drug):
        several = field.name in {"ingredients", "routes", "classes", "indications", "synonyms"}
        value = other.get(field.name, ("x",) if several else "x")
        changed = msgspec.structs.replace(DRUG, **{field.name: value})
        assert content_fingerprint(changed) != before, field.name
    assert content_fingerprint(msgspec.structs.replace(DRUG)) == before


@given(st.text(), st.text(), st.text())
def test_a_text_fingerprint_tells_texts_and_models_apart(one: str, two: str, model: str) -> None:
    assert (text_fingerprint(one, model) == text_fingerprint(two, model)) == (one == two)
    assert text_fingerprint(one, model + "x") != text_fingerprint(one, model)
