"""Rows become drugs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.model import Drug, PackageRow, fold
from rxindex.sync.assemble import LONGEST_VALUE, RejectedRow, assemble, embedding_text
from rxindex.vocabulary import Vocabulary

TODAY = "2019-05-01"


def row(
    ndc: int | str, group: int = 1, name: str = "ASPIRIN 81 MG TABLET", **other: Any
) -> PackageRow:
    return PackageRow(
        group=(group,),
        key=other.pop("key", (name,)),
        ndc=ndc if isinstance(ndc, str) else f"{ndc:011d}",
        name=name,
        generic=other.pop("generic", "aspirin"),
        **other,
    )


def drugs(rows: list[PackageRow], vocabulary: Vocabulary) -> list[Drug]:
    made = list(assemble(rows, vocabulary, TODAY))
    assert not [one for one in made if isinstance(one, RejectedRow)], made
    return [one for one in made if isinstance(one, Drug)]


def test_packages_of_one_drug_are_gathered(vocabulary: Vocabulary) -> None:
    made = drugs([row(3), row(1), row(2), row(4, group=2)], vocabulary)
    assert [[one.ndc[-1] for one in drug.packages] for drug in made] == [["1", "2", "3"], ["4"]]
    assert made[0].id != made[1].id


def test_case_and_padding_of_a_label_name_make_no_second_drug(vocabulary: Vocabulary) -> None:
    made = drugs(
        [row(1), row(2, name="aspirin 81  mg tablet   "), row(3, name="ASPIRIN 81 MG TABLET")],
        vocabulary,
    )
    assert len(made) == 1
    assert len(made[0].packages) == 3


def test_different_keys_in_a_group_are_different_drugs(vocabulary: Vocabulary) -> None:
    made = drugs([row(1), row(2, name="ECOTRIN 81 MG TABLET")], vocabulary)
    assert {drug.name for drug in made} == {"ASPIRIN 81 MG TABLET", "ECOTRIN 81 MG TABLET"}


def test_the_vocabulary_gives_what_the_source_lacks(vocabulary: Vocabulary) -> None:
    (drug,) = drugs([row(1, generic="ACETYLSALICYLIC ACID")], vocabulary)
    assert drug.ingredients == ("aspirin",)
    assert "ASA" in drug.synonyms
    assert drug.classes
    assert drug.indications


def test_the_sources_own_classes_come_behind_the_established_names(vocabulary: Vocabulary) -> None:
    (drug,) = drugs([row(1, classes=("House class",)), row(2, classes=("Other",))], vocabulary)
    names = vocabulary.facts(["aspirin"]).main_classes
    assert drug.classes[: len(names)] == names
    assert drug.classes[len(names) : len(names) + 2] == ("House class", "Other")


def test_an_active_package_describes_the_drug(vocabulary: Vocabulary) -> None:
    old = row(1, key=("k",), name="OLD NAME", end="2010-01-01")
    (drug,) = drugs([old, row(2, key=("k",))], vocabulary)
    assert drug.name == "ASPIRIN 81 MG TABLET"
    assert drug.status == "active"
    assert [one.status for one in drug.packages] == ["obsolete", "active"]
    (gone,) = drugs([old], vocabulary)
    assert gone.status == "obsolete"


@pytest.mark.parametrize(
    ("end", "status"),
    [("", "active"), ("2019-04-30", "obsolete"), (TODAY, "obsolete"), ("2019-05-02", "active")],
)
def test_a_package_is_obsolete_from_its_end_date_on(
    vocabulary: Vocabulary, end: str, status: str
) -> None:
    (drug,) = drugs([row(1, end=end)], vocabulary)
    assert drug.packages[0].status == status


def test_a_drug_is_controlled_if_any_package_says_so(vocabulary: Vocabulary) -> None:
    (drug,) = drugs([row(1), row(2, schedule="CII")], vocabulary)
    assert drug.schedule == "CII"


def test_a_package_listed_twice_is_kept_once_and_active_if_either_is(
    vocabulary: Vocabulary,
) -> None:
    (drug,) = drugs([row(1, end="2001-01-01"), row(1, labeler="ACME")], vocabulary)
    assert len(drug.packages) == 1
    assert drug.packages[0].status == "active"
    assert drug.packages[0].labeler == "ACME"


def test_a_bad_row_is_set_aside_and_its_drug_kept(vocabulary: Vocabulary) -> None:
    rejected, drug = assemble([row(1), row("no code")], vocabulary, TODAY)
    assert isinstance(rejected, RejectedRow)
    assert isinstance(drug, Drug)
    assert rejected.drug_id == drug.id
    assert "no code" in str(rejected.error)
    (nameless,) = assemble([row(1, name="  ", key=("",))], vocabulary, TODAY)
    assert isinstance(nameless, RejectedRow)
    assert "no label name" in str(nameless.error)


def test_values_are_made_fit_for_the_index(vocabulary: Vocabulary) -> None:
    (drug,) = drugs(
        [row(1, labeler="A;B\tC\0", brand="x" * 5000, strength="10 mg;325 mg ; ")], vocabulary
    )
    assert drug.packages[0].labeler == "A,B,C,"
    assert len(drug.brand) == LONGEST_VALUE
    assert drug.strength == "10 mg; 325 mg"


def test_the_embedding_text_says_what_a_drug_is_and_not_what_it_is_called() -> None:
    drug = Drug(
        "x" * 16,
        "LIPITOR 20 MG TABLET",
        brand="Lipitor",
        generic="atorvastatin calcium",
        ingredients=("atorvastatin",),
        strength="20 mg",
        form="tablet, film coated",
        routes=("oral",),
        classes=("HMG-CoA Reductase Inhibitor", "statin"),
        indications=("hyperlipidemia", "high cholesterol"),
    )
    text = embedding_text(drug)
    assert text == (
        "atorvastatin, oral tablet. HMG-CoA Reductase Inhibitor, statin. "
        "For hyperlipidemia, high cholesterol."
    )
    other = msgspec.structs.replace(
        drug, strength="80 mg", name="X", brand="", generic="ATORVASTATIN", form="tablet"
    )
    assert embedding_text(other) == text
    assert embedding_text(Drug("x" * 16, "SOMETHING  ODD")) == "something odd."


WORD = st.sampled_from(["ASPIRIN", "aspirin", " Aspirin ", "IBUPROFEN", "ibuprofen  "])


@given(st.lists(st.tuples(st.integers(1, 3), WORD, st.integers(0, 30)), max_size=30))
def test_no_package_is_lost_or_doubled(
    vocabulary: Vocabulary, entries: list[tuple[int, str, int]]
) -> None:
    rows = [row(ndc, group=group, name=name) for group, name, ndc in sorted(entries)]
    made = drugs(rows, vocabulary)
    got = sorted((d.name.casefold(), p.ndc) for d in made for p in d.packages)
    # Per group, the same package under the same folded name counts once.
    expected = sorted(
        (fold(n), f"{c:011d}") for _, n, c in {(g, fold(n), c) for g, n, c in entries}
    )
    assert got == expected
    assert len({drug.id for drug in made}) == len(made)


NAMES = st.sampled_from(["", "aspirin", "ASPIRIN", "Lipitor", "warfarin sodium", "no such thing"])
SETS = st.sampled_from([(), ("ORAL",), ("oral", "Topical"), ("House class",), ("pain",)])


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "generic": NAMES,
                "brand": NAMES,
                "ingredients": st.lists(NAMES, max_size=2).map(tuple),
                "strength": st.sampled_from(["", "5 mg", "10 mg;325 mg"]),
                "routes": SETS,
                "classes": SETS,
                "indications": SETS,
            }
        ),
        max_size=8,
    )
)
def test_a_drug_is_the_same_whatever_was_assembled_before_it(
    vocabulary: Vocabulary, entries: list[dict[str, Any]]
) -> None:
    rows = [row(number, group=number // 2, **other) for number, other in enumerate(entries)]
    alone = [
        drug
        for group in range(len(rows))
        for drug in drugs([one for one in rows if one.group == (group,)], vocabulary)
    ]
    assert drugs(rows, vocabulary) == alone


@given(
    st.lists(
        st.tuples(
            WORD,
            st.integers(0, 9),
            st.sampled_from(["ACME", "Zenith", ""]),
            st.sampled_from(["", "2001-01-01", "2030-01-01"]),
        ),
        min_size=1,
        max_size=10,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_in_a_group_does_not_matter(
    vocabulary: Vocabulary, entries: list[tuple[str, int, str, str]], random: Any
) -> None:
    rows = [row(n, name=name, labeler=maker, end=end) for name, n, maker, end in entries]
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert drugs(rows, vocabulary) == drugs(shuffled, vocabulary)
