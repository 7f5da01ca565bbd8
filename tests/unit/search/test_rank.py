"""The order of candidates, without any server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.answer import Correction
from rxindex.search.filters import Filters
from rxindex.search.rank import rank
from rxindex.search.retrieve import TIERS, Candidate
from rxindex.search.understood import Understood
from rxindex.search.wanted import Wanted

ONE = Understood("metformin", wanted=(Wanted("metformin", "generic"),))
TWO = Understood(
    "metformin, glipizide",
    wanted=(Wanted("metformin", "generic"), Wanted("glipizide", "generic")),
    either=True,
)
MIXED = Understood(
    "metformin diabetes",
    wanted=(Wanted("metformin", "generic"), Wanted("diabetes", "indication")),
)
OFTEN = {"metformin": 1.0, "glipizide": 0.5}


class Books:
    """What is known of the few drugs here."""

    def commonness(self, ingredients: Sequence[str]) -> float:
        return OFTEN.get(";".join(ingredients), 0.0)

    def usualness(self, ingredients: Sequence[str], indications: Sequence[str]) -> float:
        return 1.0 if (*ingredients, *indications) == ("glipizide", "diabetes") else 0.0


USAGE = Books()


def candidate(name: str, tier: str, **other: object) -> Candidate:
    fields: dict[str, object] = {
        "id": name, "tier": TIERS[tier], "of": 0, "together": False, "cosine": 0.0,
        "ingredients": name, "packages": 1, "active": True, "kind": "generic",
    }  # fmt: skip
    return Candidate(**(fields | other))  # type: ignore[arg-type]


def ids(candidates: list[Candidate], asked: Understood = ONE) -> list[str]:
    return [one.candidate.id for one in rank(candidates, asked, USAGE)]


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        id=st.text(alphabet="abcdef", min_size=1, max_size=4),
        tier=st.sampled_from(sorted(TIERS.values(), key=lambda tier: tier.name)),
        of=st.just(0),
        together=st.just(False),
        cosine=st.floats(-1, 1),
        ingredients=st.sampled_from(["metformin", "glipizide", "metformin;glipizide", ""]),
        packages=st.integers(0, 5000),
        active=st.booleans(),
        kind=st.sampled_from(["brand", "generic"]),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_candidates_came(found: list[Candidate], dice) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(found)
    dice.shuffle(shuffled)
    first = [(one.candidate.id, one.score) for one in rank(found, ONE, USAGE)]
    assert first == [(one.candidate.id, one.score) for one in rank(shuffled, ONE, USAGE)]


@given(CANDIDATES)
def test_tiers_never_interleave_and_obsolete_is_last_in_each(found: list[Candidate]) -> None:
    ranked = rank(found, ONE, USAGE)
    places = [(-one.candidate.tier.worth, not one.candidate.active) for one in ranked]
    assert places == sorted(places)
    for above in {one.candidate.tier.worth for one in ranked}:
        lowest = min(one.score for one in ranked if one.candidate.tier.worth == above)
        below = [one.score for one in ranked if one.candidate.tier.worth < above]
        assert all(score < lowest for score in below)


@given(CANDIDATES)
def test_each_set_of_ingredients_is_once_there_before_any_is_twice(found: list[Candidate]) -> None:
    turns = Counter[tuple[str, bool, str]]()
    last: dict[tuple[str, bool], int] = {}
    for one in (ranked.candidate for ranked in rank(found, ONE, USAGE)):
        if not one.tier.spread or ";" in one.ingredients:
            continue  # When a combination has its turn is the next rule.
        part = (one.tier.name, one.active)
        turn = turns[(*part, one.ingredients)]
        turns[(*part, one.ingredients)] += 1
        assert turn >= last.get(part, 0)
        last[part] = turn


def test_what_is_prescribed_most_comes_first_in_a_class() -> None:
    found = [
        candidate("rare", "class", packages=900),
        candidate("metformin", "class", packages=5),
        candidate("glipizide", "class", packages=5),
    ]
    assert ids(found) == ["metformin", "glipizide", "rare"]


def test_what_is_usual_for_a_use_comes_before_what_is_prescribed_more_for_others() -> None:
    asked = Understood(
        "diabetes", wanted=(Wanted("diabetes", "indication", indications=("diabetes",)),)
    )
    found = [
        candidate("glipizide", "indication"),
        candidate("rare", "indication", packages=9),
    ]
    assert ids(found, asked) == ["glipizide", "rare"]


def test_combinations_of_what_is_there_alone_come_after_every_substance() -> None:
    found = [
        candidate("metformin", "class"),
        candidate("both", "class", ingredients="glipizide;metformin", packages=900),
        candidate("rare", "class"),
        candidate("rare two", "class", ingredients="a;b"),
    ]
    assert ids(found)[-1] == "both"


def test_of_one_drug_the_strength_with_most_packages_comes_first() -> None:
    found = [
        candidate("a", "generic", ingredients="metformin", packages=3),
        candidate("b", "generic", ingredients="metformin", packages=30),
    ]
    assert ids(found) == ["b", "a"]


def test_the_very_strength_comes_before_one_that_is_equal_to_it() -> None:
    asked = Understood(
        "metformin 250 mg",
        said=Filters(strengths=(("250 mg", "250 mg/5 mL"),)),
        wanted=(Wanted("metformin", "generic"),),
    )
    found = [
        candidate("solution", "generic", packages=900, strength="250 mg/5 mL"),
        candidate("tablet", "generic", packages=2, strength="250 mg"),
    ]
    assert ids(found, asked) == ["tablet", "solution"]


def test_the_drug_by_itself_comes_before_its_combinations() -> None:
    found = [
        candidate("both", "ingredient", ingredients="metformin;glipizide", packages=90),
        candidate("alone", "ingredient", ingredients="metformin", packages=9),
    ]
    assert ids(found) == ["alone", "both"]


def test_a_near_vector_counts_only_if_it_is_near() -> None:
    found = [
        candidate("near", "meaning", cosine=0.6),
        candidate("far", "meaning", cosine=0.2),
    ]
    assert ids(found, Understood("sugar", words=("sugar",))) == ["near"]


def test_each_of_several_drugs_has_its_best_hit_before_any_has_a_second() -> None:
    found = [
        candidate("m1", "generic", ingredients="metformin", packages=20),
        candidate("m2", "generic", ingredients="metformin", packages=10),
        candidate("g1", "generic", ingredients="glipizide", packages=5, of=1),
    ]
    assert ids(found, TWO) == ["m1", "g1", "m2"]


def test_what_has_all_that_was_asked_for_comes_first() -> None:
    found = [
        candidate("m1", "generic", ingredients="metformin", packages=900),
        candidate("both", "ingredient", ingredients="metformin;glipizide", together=True),
        candidate("g1", "generic", ingredients="glipizide", of=1),
    ]
    assert ids(found, TWO) == ["both", "m1", "g1"]


def test_beside_a_drug_that_is_named_other_drugs_of_the_use_are_left_out() -> None:
    use = candidate("g", "indication", ingredients="glipizide", of=1)
    alone = candidate("m", "generic", ingredients="metformin")
    whole = candidate("m2", "generic", ingredients="metformin", together=True)
    assert ids([use, alone], MIXED) == ["m"]
    assert ids([use, alone, whole], MIXED) == ["m2"]


def test_a_beginning_of_many_names_goes_across_them() -> None:
    asked = Understood("met", wanted=(Wanted("met", "generic", beginning=True),))
    found = [
        candidate(f"{name}{n}", "name", ingredients=name, packages=packages - n)
        for name, packages in (("metformin", 900), ("b", 90), ("c", 80), ("d", 70))
        for n in (1, 2)
    ]
    assert ids(found, asked)[:4] == ["metformin1", "b1", "c1", "d1"]


def test_a_hit_of_a_corrected_name_is_worth_less_and_says_how() -> None:
    correction = Correction("metfromin", "metformin", "spelling", 0.9)
    corrected = Understood(
        "metfromin", wanted=(Wanted("metformin", "generic", correction=correction),)
    )
    ranked = rank([candidate("metformin", "generic")], corrected, USAGE)
    assert ranked[0].tier.name == "spelling"
    assert ranked[0].score < rank([candidate("metformin", "generic")], ONE, USAGE)[0].score
