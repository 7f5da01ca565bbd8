"""The order of candidates, without any server."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.rank import rank
from rxindex.search.retrieve import TIERS, Candidate
from rxindex.search.understand import Understood

ASKED = Understood("metfromin", "metfromin", "metfromin")


def candidate(name: str, tier: str, **other: object) -> Candidate:
    fields: dict[str, object] = {
        "id": name, "tier": TIERS[tier], "lexical": 1.0, "cosine": 0.0, "brand": "",
        "generic": name, "ingredients": name, "packages": 1, "active": True,
    }  # fmt: skip
    return Candidate(**(fields | other))  # type: ignore[arg-type]


def ids(candidates: list[Candidate], asked: Understood = ASKED, limit: int = 10) -> list[str]:
    return [one.candidate.id for one in rank(candidates, asked, limit)]


def copies(candidates: list[Candidate]) -> list[Candidate]:
    """Ranking writes the nearness of a misspelling into its candidate, so each run has its own."""
    return [msgspec.structs.replace(one) for one in candidates]


SHARE = st.floats(0, 1)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        id=st.text(alphabet="abcdef", min_size=1, max_size=4),
        tier=st.sampled_from(sorted(TIERS.values(), key=lambda tier: tier.name)),
        lexical=SHARE,
        cosine=st.floats(-1, 1),
        brand=st.sampled_from(["", "Glucophage"]),
        generic=st.sampled_from(["metformin", "glipizide", "metformin, glipizide"]),
        ingredients=st.sampled_from(["metformin", "glipizide", "metformin;glipizide", ""]),
        packages=st.integers(0, 5000),
        active=st.booleans(),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_candidates_came(found: list[Candidate], dice) -> None:  # type: ignore[no-untyped-def]
    shuffled = copies(found)
    dice.shuffle(shuffled)
    first = [(one.candidate.id, one.score) for one in rank(copies(found), ASKED, 50)]
    assert first == [(one.candidate.id, one.score) for one in rank(shuffled, ASKED, 50)]


@given(CANDIDATES)
def test_tiers_never_interleave_and_obsolete_is_last_in_each(found: list[Candidate]) -> None:
    ranked = rank(found, ASKED, 50)
    places = [(-one.candidate.tier.worth, not one.candidate.active) for one in ranked]
    assert places == sorted(places)
    best = {one.candidate.tier.worth for one in ranked}
    for above in best:
        lowest = min(one.score for one in ranked if one.candidate.tier.worth == above)
        below = [one.score for one in ranked if one.candidate.tier.worth < above]
        assert all(score < lowest for score in below)


@given(CANDIDATES)
def test_each_set_of_ingredients_is_once_there_before_any_is_twice(found: list[Candidate]) -> None:
    turns: dict[tuple[str, bool, str], int] = {}
    last: dict[tuple[str, bool], int] = {}
    for one in (ranked.candidate for ranked in rank(found, ASKED, 50)):
        if not one.tier.spread:
            continue
        part = (one.tier.name, one.active)
        group = (*part, one.ingredients)
        turn = turns.get(group, 0)
        turns[group] = turn + 1
        assert turn >= last.get(part, 0)
        last[part] = turn


@given(CANDIDATES, st.integers(1, 30))
def test_the_limit_cuts_and_scores_are_shares(found: list[Candidate], limit: int) -> None:
    whole = rank(copies(found), ASKED, 50)
    cut = rank(copies(found), ASKED, limit)
    assert [one.candidate.id for one in cut] == [one.candidate.id for one in whole[:limit]]
    assert all(0 <= one.score <= 1 for one in whole)


def test_a_misspelling_counts_only_where_little_else_was_found() -> None:
    wrong = candidate("metformin", "spelling")
    assert ids([wrong]) == ["metformin"]
    assert ids([wrong, candidate("x", "name")]) == ["x"]
    assert ids([wrong, *(candidate(name, "words") for name in "abc")]) == ["a", "b", "c"]
    known = msgspec.structs.replace(ASKED, whole=True)
    assert ids([wrong], known) == []


def test_the_nearer_spelling_comes_first_and_a_far_one_is_left_out() -> None:
    found = [candidate(name, "spelling") for name in ("metolazone", "metformin", "aspirin")]
    assert ids(found)[0] == "metformin"
    assert "aspirin" not in ids(found)


def test_meaning_counts_only_where_no_drug_was_named_and_it_is_near() -> None:
    near = candidate("near", "meaning", cosine=0.8)
    assert ids([near, candidate("far", "meaning", cosine=0.1)]) == ["near"]
    assert ids([near, candidate("x", "brand")]) == ["x"]
