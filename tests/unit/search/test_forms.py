"""What prescribers call forms and routes, in the terms of catalogues."""

from __future__ import annotations

import pytest

from rxindex.search.forms import Meant, plain_words, read_forms, read_routes

#: The FDA's terms, and those of FDB and of label names.
FDA = (
    "tablet", "tablet, film coated", "tablet, extended release", "tablet, delayed release",
    "tablet, film coated, extended release", "tablet, orally disintegrating", "tablet, chewable",
    "capsule", "capsule, liquid filled", "capsule, extended release", "injection, solution",
    "injection, powder, lyophilized, for solution", "solution", "solution/ drops",
    "powder, for suspension", "suspension", "syrup", "aerosol, metered", "aerosol, foam",
    "powder, metered", "patch", "patch, extended release", "cream", "gel",
    "solution, gel forming / drops", "gel, dentifrice", "suppository", "spray, metered", "kit",
)  # fmt: skip
FDB = (
    "tablet", "tablet, extended release 24 hr", "capsule,delayed release(dr/ec)",
    "tablet,disintegrating", "vial", "vial, nebulizer", "pen", "syringe", "drops", "eye drops",
    "inhaler", "oral suspension", "vaginal cream", "ampul (ml)", "suppositories",
)  # fmt: skip
ROUTES = (
    "oral", "intravenous", "intramuscular", "subcutaneous", "ophthalmic", "auricular (otic)",
    "respiratory (inhalation)", "nasal", "topical", "rectal", "not applicable", "intra-articular",
)  # fmt: skip
LABEL_ROUTES = ("oral", "injection", "otic", "inhalation", "ophthalmic", "topical")


def forms(said: str, catalogue: tuple[str, ...], routes: tuple[str, ...] = ROUTES) -> set[str]:
    return set(meant(said, catalogue, routes).forms)


def meant(said: str, catalogue: tuple[str, ...], routes: tuple[str, ...] = ROUTES) -> Meant:
    read = read_forms(dict.fromkeys(catalogue, 1), dict.fromkeys(routes, 1))
    return read.get(said, Meant())


@pytest.mark.parametrize(
    ("said", "holds", "lacks"),
    [
        ("tab", {"tablet", "tablet, film coated", "tablet, chewable"}, {"capsule"}),
        ("capsules", {"capsule", "capsule, liquid filled"}, {"tablet"}),
        ("xr", {"tablet, extended release", "capsule, extended release"}, {"tablet"}),
        ("24 hr", {"tablet, film coated, extended release"}, {"tablet"}),
        ("ec", {"tablet, delayed release"}, {"tablet, extended release"}),
        ("ir", {"tablet", "capsule"}, {"tablet, extended release", "tablet, delayed release"}),
        ("odt", {"tablet, orally disintegrating"}, {"tablet"}),
        ("chewable", {"tablet, chewable"}, {"tablet"}),
        ("vial", {"injection, solution"}, {"solution"}),
        ("solution", {"solution", "syrup", "solution/ drops"},
         {"injection, solution", "capsule, liquid filled", "suspension"}),
        ("susp", {"suspension", "powder, for suspension"}, {"solution"}),
        ("drops", {"solution/ drops"}, {"solution"}),
        ("gel", {"gel"}, {"solution, gel forming / drops", "gel, dentifrice"}),
        ("patches", {"patch", "patch, extended release"}, {"cream"}),
        ("hfa", {"aerosol, metered", "powder, metered"}, {"aerosol, foam"}),
        ("suppositories", {"suppository"}, set()),
        ("pen", {"injection, solution", "kit"}, {"tablet"}),
    ],
)  # fmt: skip
def test_a_word_means_a_family_of_the_fdas_terms(
    said: str, holds: set[str], lacks: set[str]
) -> None:
    found = forms(said, FDA)
    assert holds <= found
    assert not lacks & found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("er", {"tablet, extended release 24 hr"}),
        ("dr", {"capsule,delayed release(dr/ec)"}),
        ("odt", {"tablet,disintegrating"}),
        ("vials", {"vial"}),
        ("amp", {"ampul (ml)"}),
        ("supp", {"suppositories"}),
        ("cream", {"vaginal cream"}),
        ("inhaler", {"inhaler"}),
        ("neb", {"vial, nebulizer"}),
    ],
)
def test_a_word_means_a_family_of_other_catalogues_terms(said: str, expected: set[str]) -> None:
    assert expected <= forms(said, FDB)


def test_a_word_for_which_the_catalogue_has_no_form_is_none() -> None:
    assert forms("xr", ("tablet", "capsule")) == set()
    assert forms("patch", ("tablet",)) == set()


def test_the_commonest_form_comes_first() -> None:
    read = read_forms({"tablet, coated": 2, "tablet": 9, "tablet, chewable": 5}, {})
    assert read["tab"].forms == ("tablet", "tablet, chewable", "tablet, coated")


@pytest.mark.parametrize(
    ("said", "route", "implied"),
    [
        ("eye drops", ("ophthalmic",), False),
        ("nasal spray", ("nasal",), False),
        ("inhaler", ("respiratory (inhalation)",), True),
        ("neb", ("respiratory (inhalation)",), True),
        ("drops", (), False),
    ],
)
def test_some_forms_tell_the_route(said: str, route: tuple[str, ...], implied: bool) -> None:
    found = meant(said, FDA)
    assert (found.routes, found.implied) == (route, implied)


@pytest.mark.parametrize(
    ("said", "fda", "label"),
    [
        ("po", ("oral",), ("oral",)),
        ("by mouth", ("oral",), ("oral",)),
        ("iv", ("intravenous",), ("injection",)),
        ("im", ("intramuscular",), ("injection",)),
        ("sub q", ("subcutaneous",), ("injection",)),
        ("eye", ("ophthalmic",), ("ophthalmic",)),
        ("ear", ("auricular (otic)",), ("otic",)),
        ("inhaled", ("respiratory (inhalation)",), ("inhalation",)),
        ("pr", ("rectal",), None),
        ("intra articular", ("intra-articular",), None),
        ("intraarticular", ("intra-articular",), None),
        ("not applicable", None, None),
    ],
)
def test_a_route_is_said_in_the_catalogues_own_terms(
    said: str, fda: tuple[str, ...] | None, label: tuple[str, ...] | None
) -> None:
    for routes, expected in ((ROUTES, fda), (LABEL_ROUTES, label)):
        found = read_routes(dict.fromkeys(routes, 1)).get(said)
        assert (None if found is None else found.routes) == expected


def test_every_form_of_a_catalogue_is_kept_as_it_writes_it() -> None:
    assert forms("tablet", ("TABLET", "Tablet, Film Coated")) == {"TABLET", "Tablet, Film Coated"}
    assert plain_words("Capsule,Delayed Release(DR/EC)") == "capsule delayed release dr ec"
