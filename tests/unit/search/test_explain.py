"""Why a hit is there, and what of its name says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.answer import Correction, Hit
from rxindex.search.explain import highlights, reasons
from rxindex.search.rank import Ranked
from rxindex.search.retrieve import TIERS, Candidate
from rxindex.search.understood import Understood
from rxindex.search.wanted import Wanted

HIT = Hit(
    id="a", name="Lipitor 20 mg tablet", display="Lipitor 20 mg tablet", brand="Lipitor",
    generic="Atorvastatin Calcium", ingredients=("atorvastatin",), strength="20 mg",
    form="tablet", routes=("oral",), classes=("HMG-CoA Reductase Inhibitor", "statin"),
    schedule="", kind="brand", status="active", gcn=0, packages=6, score=0.9, match="brand",
)  # fmt: skip


def ranked(tier: str, *, cosine: float = 0.0, together: bool = False) -> Ranked:
    found = Candidate("a", TIERS[tier], 0, together, cosine, "atorvastatin", 6, True, "brand")
    return Ranked(found, TIERS[tier], 0.9)


def asked(wanted: Wanted) -> Understood:
    return Understood(wanted.text, wanted=(wanted,))


@pytest.mark.parametrize(
    ("tier", "wanted", "first"),
    [
        ("brand", Wanted("lipitor", "brand"), "its brand name is Lipitor"),
        ("generic", Wanted("atorva", "generic"), "its generic name is Atorvastatin Calcium"),
        ("synonym", Wanted("Zocor", "brand"), "it has the same ingredients as Zocor"),
        ("name", Wanted("lip", "brand", beginning=True), "its name begins with lip"),
        ("ingredient", Wanted("x", "ingredient", substances=(("simvastatin",), ("atorvastatin",))),
         "it contains atorvastatin"),
        ("class", Wanted("statin", "class", classes=("HMG-CoA Reductase Inhibitor", "Other")),
         "it belongs to the class HMG-CoA Reductase Inhibitor"),
        ("indication", Wanted("cholesterol", "indication", indications=("hyperlipidemia",)),
         "it is used for hyperlipidemia"),
    ],
)  # fmt: skip
def test_the_way_in_which_it_matched_is_told_first(tier: str, wanted: Wanted, first: str) -> None:
    assert reasons(ranked(tier), asked(wanted), HIT, "", 0.0)[0] == first


def test_a_correction_and_what_else_counts_is_told() -> None:
    correction = Correction("liptor", "Lipitor", "spelling", 0.9)
    told = reasons(
        ranked("brand", together=True),
        asked(Wanted("Lipitor", "brand", correction=correction)),
        HIT,
        "20 mg",
        0.9,
    )
    assert told[1:] == (
        "liptor was taken for a misspelling of Lipitor",
        "it has all that was asked for",
        "it is as asked: 20 mg",
        "its ingredients are often prescribed",
    )


def test_nearness_of_meaning_is_told_with_its_measure() -> None:
    told = reasons(ranked("meaning", cosine=0.613), Understood("x", words=("x",)), HIT, "", 0.0)
    assert "0.61" in told[0]


def test_an_ndc_says_that_it_holds_the_package() -> None:
    assert reasons(ranked("ndc"), Understood("x", ("00071015523",)), HIT, "", 0)[0] == (
        "it holds the package"
    )


@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [
        ("Lipitor 20 mg tablet", "lipitor", ((0, 7),)),
        ("Advair Diskus 250-50", "advair DISKUS", ((0, 6), (7, 13))),
        ("Metoprolol Tartrate", "metop", ((0, 5),)),
        ("Xlipitor", "lipitor", ()),
        ("İlipitor lipitor", "lipitor", ()),
    ],
)
def test_the_words_that_were_asked_for_are_marked(
    name: str, typed: str, expected: tuple[tuple[int, int], ...]
) -> None:
    assert highlights(name, asked(Wanted(typed, "brand"))) == expected


@given(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=4))
def test_marks_are_in_order_within_the_name_and_never_overlap(name: str, words: list[str]) -> None:
    places = highlights(name, Understood("x", words=tuple(words)))
    flat = [edge for place in places for edge in place]
    assert flat == sorted(set(flat))
    assert all(0 <= edge <= len(name) for edge in flat)
